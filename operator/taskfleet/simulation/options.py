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
        help="burst:400, burst:400@30s, poisson:50/s, daily:20/s (none at midnight, this rate at "
        "noon), trace.csv (rows of seconds,tasks), or several joined by +",
    )
    parser.add_argument(
        "--service",
        required=True,
        help="duration of tasks: constant:2s, exponential:2s, lognormal:2s or lognormal:2s,0.5 (mean, "
        "spread)",
    )
    parser.add_argument(
        "--out", type=Path, help="file for the report: report.html, or report.svg for the chart only"
    )
    parser.add_argument("--duration", default="10m", help="simulated time, at most 24h; default: 10m")
    parser.add_argument(
        "--start-time", default="5s", help="time from the creation of a pod to its first fetch; default: 5s"
    )
    parser.add_argument("--seed", type=int, default=1, help="seed of the random load; default: 1")
