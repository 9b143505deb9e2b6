"""What became of every task: lost, executed twice, and whether what was executed twice ran when it was killed."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

SILENT_SECONDS = 120.0  # a node that is away for as long is lost, and what ran there is the documented double
_SETTLING = 2.0  # seconds between the end of a task and its acknowledgement: a kill within them repeats it


class Run(NamedTuple):
    """An execution, in Unix time; `ended` is None where its process was killed."""

    task: str
    pod: str
    node: str
    began: float
    ended: float | None


class Absence(NamedTuple):
    """A node that nothing reached, in Unix time."""

    node: str
    since: float
    until: float


@dataclass(frozen=True)
class Ledger:
    sent: Sequence[str]
    runs: Sequence[Run]
    ticks: Sequence[float]
    finished: bool

    @classmethod
    def read(cls, printed: str) -> "Ledger":
        """From what tests/e2e/app/chaos_ledger.py prints."""
        seen: dict[str, Any] = json.loads(printed)
        ended: Mapping[str, str] = seen["ended"]
        runs = []
        for run, where in seen["began"].items():
            pod, node, began = json.loads(where)
            runs.append(
                Run(run.partition("/")[0], pod, node, began, float(ended[run]) if run in ended else None)
            )
        return cls(seen["sent"], runs, [float(at) for at in seen["ticks"]], seen["finished"])

    def undone(self) -> set[str]:
        """Tasks that the broker took and no run has ended."""
        return set(self.sent) - {run.task for run in self.runs if run.ended is not None}

    def twice(self) -> dict[str, list[Run]]:
        """Tasks with more than one run, in the order in which they began."""
        by_task: dict[str, list[Run]] = defaultdict(list)
        for run in sorted(self.runs, key=lambda run: run.began):
            by_task[run.task].append(run)
        return {task: runs for task, runs in by_task.items() if len(runs) > 1}

    def unexplained(self, absences: Sequence[Absence], kills: Sequence[float]) -> dict[str, list[Run]]:
        """Tasks that ran again though no run before the last was killed or on a lost node. `kills` in Unix time."""
        return {
            task: runs
            for task, runs in self.twice().items()
            if not all(_broken_off(run, absences, kills) for run in runs[:-1])
        }


def _broken_off(run: Run, absences: Sequence[Absence], kills: Sequence[float]) -> bool:
    if run.ended is None or any(0 <= kill - run.ended < _SETTLING for kill in kills):
        return True
    return any(
        run.node == absence.node
        and absence.until - absence.since >= SILENT_SECONDS
        and run.began < absence.until
        and run.ended > absence.since
        for absence in absences
    )
