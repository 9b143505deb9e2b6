"""`make fuzz`: each parser in turn under atheris, which follows the coverage of the code.

A finding ends the run with exit status 1 and leaves its input in the corpus, where the tests try it from then on.
"""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

CORPUS = Path(__file__).parent / "corpus"
_LONGEST_INPUT = 65_536
_SLOWEST_SECONDS = 2  # for one input
_MEMORY_MIB = 1024
_LAST_LINE = re.compile(r"#(\d+)\s+\w+\s+cov: (\d+) ft: (\d+)")


@dataclass(frozen=True)
class Ran:
    """What came of fuzzing one parser: inputs that were tried, and branches of the code that they reached."""

    target: str
    executions: int
    coverage: int
    features: int
    found: bool


def main() -> int:
    from tests.fuzz.targets import TARGETS  # noqa: PLC0415 - the child instruments it while it is imported

    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=int, default=3600, help="for all parsers together")
    options.add_argument("--only", choices=TARGETS, help="one parser")
    options.add_argument("--child", choices=TARGETS, help=argparse.SUPPRESS)
    known, rest = options.parse_known_args()
    if known.child is not None:
        return _fuzz(known.child, rest)
    names = [known.only] if known.only else list(TARGETS)
    runs = [_run(name, max(1, known.seconds // len(names))) for name in names]
    print(f"{'parser':16} {'executions':>12} {'branches':>9} {'features':>9}")
    for ran in runs:
        print(f"{ran.target:16} {ran.executions:12} {ran.coverage:9} {ran.features:9}{'  FOUND' * ran.found}")
    return int(any(ran.found for ran in runs))


def _run(name: str, seconds: int) -> Ran:
    """In a process of its own, which ends with the first finding. New inputs stay in a folder that goes."""
    with tempfile.TemporaryDirectory() as new:
        command = [sys.executable, "-m", "tests.fuzz", "--child", name, new, str(CORPUS / name)]
        limits = [f"-max_total_time={seconds}", f"-max_len={_LONGEST_INPUT}", f"-timeout={_SLOWEST_SECONDS}"]
        result = subprocess.run(
            [*command, *limits, f"-rss_limit_mb={_MEMORY_MIB}", f"-artifact_prefix={new}/found-"],
            check=False,
            capture_output=True,
            text=True,
            errors="replace",
        )
        findings = sorted(Path(new).glob("found-*"))
        for finding in findings:
            shutil.copy(finding, CORPUS / name / finding.name)
    if result.returncode != 0:
        sys.stderr.write(f"{name}:\n{result.stderr[-4000:]}\n")
    executions, coverage, features = (_LAST_LINE.findall(result.stderr) or [("0", "0", "0")])[-1]
    return Ran(name, int(executions), int(coverage), int(features), result.returncode != 0)


def _fuzz(name: str, arguments: list[str]) -> int:
    import atheris  # noqa: PLC0415 - it is in the environment of `make fuzz` only

    with atheris.instrument_imports(include=["taskfleet.brokers", "taskfleet.controllers", "taskfleet.api"]):
        for module in [each for each in sys.modules if each.startswith(("taskfleet", "tests.fuzz.targets"))]:
            del sys.modules[module]
        from tests.fuzz.targets import TARGETS  # noqa: PLC0415 - instrumented from here on

    atheris.Setup([sys.argv[0], *arguments], TARGETS[name])
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main())
