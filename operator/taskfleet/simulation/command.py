"""`taskfleet simulate`: a table on the terminal and a report in a file."""

import shlex
import sys
from dataclasses import dataclass
from pathlib import Path

from taskfleet.simulation.experiment import experiment, read_pool
from taskfleet.simulation.report import Report
from taskfleet.simulation.table import text_table
from taskfleet.simulation.units import InputError, parse_seconds

_SUFFIXES = (".html", ".svg")


@dataclass(frozen=True)
class Options:
    """What is simulated, as given on the command line."""

    file: Path
    arrivals: str
    service: str
    duration: str
    start_time: str
    seed: int

    def command(self) -> str:
        """The command that makes the same report again."""
        words = ["taskfleet", "simulate", "-f", str(self.file), "--arrivals", self.arrivals]
        words += ["--service", self.service, "--duration", self.duration]
        words += ["--start-time", self.start_time, "--seed", str(self.seed)]
        return shlex.join(words)


def simulate(options: Options, *, out: Path | None) -> int:
    """Print the table, and write the report to `out`. The exit code: 2 for invalid options or an invalid manifest."""
    try:
        _simulate(options, out)
    except InputError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


def _simulate(options: Options, out: Path | None) -> None:
    if out is not None and out.suffix not in _SUFFIXES:
        raise InputError(f"--out is {out}: use a file name that ends in {' or '.join(_SUFFIXES)}.")
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
    report = Report(pool.name, options.command(), planned.duration, planned.least_pod_seconds(), outcomes)
    sys.stdout.write(f"{text_table(outcomes)}{report.sentence()}\n")
    if pool.spec.recycle is not None:
        sys.stdout.write(
            "spec.recycle is not simulated: a pod that is replaced overlaps with its replacement.\n"
        )
    if out is not None:
        _write(out, report.html() if out.suffix == ".html" else report.picture())


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"--out {path} cannot be written: {error}.") from None
