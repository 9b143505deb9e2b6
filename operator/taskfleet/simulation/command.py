"""`taskfleet simulate`: options in, a table on the terminal and a report in a file out."""

import argparse
import shlex
import sys
from pathlib import Path

from taskfleet.simulation.experiment import experiment, read_pool
from taskfleet.simulation.report import Report
from taskfleet.simulation.table import text_table
from taskfleet.simulation.units import InputError, parse_seconds

_SUFFIXES = (".html", ".svg")


def simulate(options: argparse.Namespace) -> int:
    """Run it; 2 when what was asked for makes no sense."""
    try:
        _simulate(options)
    except InputError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


def _simulate(options: argparse.Namespace) -> None:
    out: Path | None = options.out
    if out is not None and out.suffix not in _SUFFIXES:
        raise InputError(f"--out is {out}: use a name that ends in {' or '.join(_SUFFIXES)}.")
    pool = read_pool(options.file)
    planned = experiment(
        pool,
        arrivals_=options.arrivals,
        service_=options.service,
        duration=parse_seconds(options.duration),
        start=parse_seconds(options.start_time),
        seed=options.seed,
    )
    outcomes = planned.run()
    report = Report(pool.name, _command(options), planned.duration, planned.least_pod_seconds(), outcomes)
    sys.stdout.write(f"{text_table(outcomes)}{report.sentence()}\n")
    if out is not None:
        _write(out, report.html() if out.suffix == ".html" else report.picture())


def _command(options: argparse.Namespace) -> str:
    """The command that makes the same report again."""
    words = ["taskfleet", "simulate", "-f", str(options.file), "--arrivals", options.arrivals]
    words += ["--service", options.service, "--duration", options.duration]
    words += ["--start-time", options.start_time, "--seed", str(options.seed)]
    return shlex.join(words)


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"--out {path} cannot be written: {error}.") from None
