"""What came of one cell, and the table of all."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

# The property of a test's report that holds its cell of the table, for the summary at the end.
TABLE = "cell of the table"

POOLS = ("prefork", "threads", "gevent", "eventlet", "solo")


@dataclass(frozen=True)
class Outcome:
    """Numbers of tasks. `twice`: started more than once. `error`: the cell did not come to its end."""

    sent: int
    executed: int
    twice: int
    lost: int
    error: str = ""

    def __str__(self) -> str:
        text = f"{self.sent} / {self.executed} / {self.twice} / {self.lost}"
        return f"{text} (!)" if self.error else text


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


def table(rows: Sequence[str], cells: Mapping[tuple[str, str], str]) -> str:
    """Markdown: a row for what happened and a column a pool."""
    head = [f"| what happens | {' | '.join(POOLS)} |", "|---" * (len(POOLS) + 1) + "|"]
    body = [f"| {row} | {' | '.join(cells.get((row, pool), '-') for pool in POOLS)} |" for row in rows]
    return "\n".join([*head, *body])
