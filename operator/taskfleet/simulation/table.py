"""The figures of several outcomes, one row each."""

from collections.abc import Sequence

from taskfleet.simulation.outcome import Outcome
from taskfleet.simulation.units import format_seconds

HEADER = (
    "fleet",
    "wait p50",
    "p95",
    "p99",
    "pod-seconds",
    "disturbed",
    "restarted",
    "largest",
    "not started",
)


def rows(outcomes: Sequence[Outcome]) -> list[tuple[str, ...]]:
    """The cells below HEADER."""
    return [
        (
            outcome.name,
            *(format_seconds(outcome.wait(share)) for share in (0.5, 0.95, 0.99)),
            f"{outcome.pod_seconds:,.0f}",
            *(f"{count:,}" for count in (outcome.disturbed, outcome.killed, outcome.largest)),
            f"{outcome.not_started:,}",
        )
        for outcome in outcomes
    ]


def text_table(outcomes: Sequence[Outcome]) -> str:
    """For a terminal: names to the left, figures to the right."""
    lines = [HEADER, *rows(outcomes)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADER))]
    return "".join(
        "  ".join(
            cell.rjust(width) if column else cell.ljust(width) for column, (cell, width) in cells
        ).rstrip()
        + "\n"
        for cells in (list(enumerate(zip(line, widths, strict=True))) for line in lines)
    )
