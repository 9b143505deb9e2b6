"""Options of `taskfleet simulate`. Imports nothing of ours, so that the other verbs start as fast as before."""

import argparse
from pathlib import Path


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-f", "--file", required=True, type=Path, help="manifest of a WorkerPool with autoscale"
    )
    parser.add_argument(
        "--arrivals",
        required=True,
        help="burst:400, burst:400@30s, poisson:50/s, daily:20/s (nothing at midnight, so much at noon), "
        "trace.csv (rows of seconds,tasks), or several joined by +",
    )
    parser.add_argument(
        "--service",
        required=True,
        help="how long tasks run: constant:2s, exponential:2s, lognormal:2s or lognormal:2s,0.5 (mean, spread)",
    )
    parser.add_argument(
        "--out", type=Path, help="the report: report.html, or report.svg for its picture alone"
    )
    parser.add_argument(
        "--duration", default="10m", help="how much time is simulated; default: 10m, at most 24h"
    )
    parser.add_argument(
        "--start-time", default="5s", help="from a pod's creation to its first fetch; default: 5s"
    )
    parser.add_argument("--seed", type=int, default=1, help="another seed draws another load; default: 1")
