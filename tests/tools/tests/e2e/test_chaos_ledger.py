"""The ledger of the chaos test: what counts as lost, and which second runs have a reason."""

import json

import pytest

from tests.e2e.chaos.ledger import Absence, Ledger, Run

KILLED = Run("a", "mail-1", "node1", 100.0, None)
ENDED = Run("a", "mail-1", "node1", 100.0, 110.0)
AGAIN = Run("a", "mail-2", "node2", 200.0, 201.0)


def unexplained(
    *runs: Run, absences: list[Absence] | None = None, kills: list[float] | None = None
) -> set[str]:
    return set(Ledger(["a"], runs, [], finished=True).unexplained(absences or [], kills or []))


def test_reads_what_the_pod_prints() -> None:
    printed = {
        "finished": True,
        "sent": ["a", "b"],
        "began": {"a/1": '["mail-1", "node1", 100.0]', "a/2": '["mail-2", "node2", 200.0]'},
        "ended": {"a/2": "201.0"},
        "ticks": ["5.5"],
    }
    seen = Ledger.read(json.dumps(printed))
    assert list(seen.runs) == [KILLED, AGAIN]
    assert seen.undone() == {"b"}
    assert set(seen.twice()) == {"a"}


@pytest.mark.parametrize(
    ("first", "absences", "kills", "has_a_reason"),
    [
        pytest.param(KILLED, [], [], True, id="killed"),
        pytest.param(ENDED, [], [], False, id="ended"),
        pytest.param(ENDED, [], [111.0], True, id="killed-before-its-acknowledgement"),
        pytest.param(ENDED, [], [113.0], False, id="killed-long-after-its-end"),
        pytest.param(ENDED, [Absence("node1", 105.0, 240.0)], [], True, id="on-a-lost-node"),
        pytest.param(ENDED, [Absence("node2", 105.0, 240.0)], [], False, id="another-node-was-lost"),
        pytest.param(ENDED, [Absence("node1", 105.0, 150.0)], [], False, id="its-node-was-away-for-a-moment"),
        pytest.param(ENDED, [Absence("node1", 115.0, 240.0)], [], False, id="its-node-was-lost-later"),
    ],
)
def test_a_second_run_needs_a_reason(
    first: Run, absences: list[Absence], kills: list[float], *, has_a_reason: bool
) -> None:
    assert (unexplained(first, AGAIN, absences=absences, kills=kills) == set()) is has_a_reason


def test_one_run_needs_no_reason() -> None:
    assert unexplained(ENDED) == set()
