"""Options of `taskfleet convert`. Imports nothing of ours, so that the other verbs start as fast as before."""

import argparse
from pathlib import Path


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "files",
        nargs="*",
        metavar="FILE",
        help="manifests, compose files, systemd units, supervisor files, defaults files or command lines of celery "
        "multi; - or none for standard input",
    )
    parser.add_argument(
        "-o",
        "--out",
        type=Path,
        metavar="DIR",
        help="write a file for each manifest, instead of standard output",
    )
    parser.add_argument(
        "--report", type=Path, metavar="FILE", help="write the report there, instead of to standard error"
    )
