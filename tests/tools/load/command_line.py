"""How soon the command line answers, and how large what it is installed with is."""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

from tests.tools.load.figure import Figure

NAMES = ("command_line_help", "command_line_help_cpu", "command_line_environment")
_RUNS = 7


def command_line() -> Iterator[Figure]:
    """The processor time says more than the other one on a machine that has other work."""
    runs = [_help() for _ in range(_RUNS)]
    for name, seconds in zip(NAMES, zip(*runs, strict=True), strict=False):
        yield Figure(name, round(statistics.median(seconds), 2), "s", _RUNS)
    yield Figure("command_line_environment", round(sum(map(_size, _needed())) / 2**20), "MB", len(_needed()))


def _help() -> tuple[float, float]:
    """Seconds, and seconds of a processor, of `taskfleet --help`."""
    before, began = os.times(), time.monotonic()
    program = Path(sys.executable).with_name("taskfleet")
    subprocess.run([program, "--help"], check=True, stdout=subprocess.DEVNULL)
    took, after = time.monotonic() - began, os.times()
    return took, sum(after[2:4]) - sum(before[2:4])


def _needed() -> set[str]:
    """The package and all that it depends on."""
    found: set[str] = set()
    left = [("taskfleet", "")]
    while left:
        name, extra = left.pop()
        found.add(name)
        for line in metadata.requires(name) or ():
            needed = Requirement(line)
            if needed.marker is None or needed.marker.evaluate({"extra": extra}):
                left += [(needed.name, one) for one in (needed.extras or {""}) if needed.name not in found]
    return found


def _size(name: str) -> int:
    """Bytes of a package's files, without those that Python compiles."""
    files = [file.locate() for file in metadata.files(name) or () if file.suffix != ".pyc"]
    return sum(Path(str(file)).stat().st_size for file in files)
