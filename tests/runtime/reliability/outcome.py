"""What came of one cell, and the table of all."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pytest

# Where a run leaves its table for the summary at its end.
TABLE = pytest.StashKey[str]()

POOLS = ("prefork", "threads", "gevent", "eventlet", "solo")


@dataclass(frozen=True)
class Outcome:
    """Numbers of tasks. `twice`: started more than once. `error`: the cell did not come to its end."""

    sent: int
    executed: int
    twice: int
    lost: int
    error: str = ""


def outcome(sent: Sequence[str], started: Sequence[str], finished: Sequence[str], error: str) -> Outcome:
    """Counted from what the tasks themselves have noted."""
    runs = Counter(started)
    done = set(finished)
    return Outcome(
        sent=len(sent),
        executed=sum(task in done for task in sent),
        twice=sum(runs[task] > 1 for task in sent),
        lost=sum(task not in done for task in sent),
        error=error,
    )


def table(rows: Sequence[str], outcomes: Mapping[tuple[str, str], Outcome]) -> str:
    """Markdown: sent / executed / twice / lost, a row for what happened and a column a pool."""
    lines = [f"| what happens | {' | '.join(POOLS)} |", "|---" * (len(POOLS) + 1) + "|"]
    for row in rows:
        cells = [_cell(outcomes.get((row, pool))) for pool in POOLS]
        lines.append(f"| {row} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(seen: Outcome | None) -> str:
    if seen is None:
        return "-"
    text = f"{seen.sent} / {seen.executed} / {seen.twice} / {seen.lost}"
    return f"{text} (!)" if seen.error else text
