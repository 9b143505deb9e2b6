"""What an entry needs done at a moment."""

from typing import Any

import pytest

from taskfleet_worker.beat.due import Run, Step, decide
from taskfleet_worker.beat.entry import State, read_entry, read_state
from tests.runtime.beat import CREATED, UID, entry_json


def entry(**changes: Any) -> Any:
    return read_entry(UID, entry_json(**changes))


def task(minutes: int) -> Run:
    """The run of a planned minute."""
    planned = float(CREATED + 60 * minutes)
    return Run(entry().task_id(f"{planned:.3f}"), planned)


def at(minutes: float) -> float:
    return CREATED + 60 * minutes


@pytest.mark.parametrize(
    ("changes", "state", "now", "expected"),
    [
        pytest.param({}, {}, 0.5, ({"next": 1}, None), id="a-new-entry-learns-its-next-run"),
        pytest.param({}, {}, 1, ({"last": 1, "next": 2, "runs": 1}, 1), id="due-is-sent"),
        pytest.param(
            {}, {"last": 1, "runs": 1}, 4.5, ({"last": 4, "next": 5, "runs": 2, "missed": 2}, 4),
            id="of-missed-runs-the-latest-is-sent",
        ),
        pytest.param(
            {"catchUp": "None"}, {"last": 1}, 4.5, ({"last": 4, "next": 5, "missed": 3}, None),
            id="catch-up-none-sends-no-missed-run",
        ),
        pytest.param(
            {"catchUp": "None"}, {"last": 1}, 4.1, ({"last": 4, "next": 5, "runs": 1, "missed": 2}, 4),
            id="catch-up-none-sends-what-is-on-time",
        ),
        pytest.param(
            {"startingDeadline": 20}, {"last": 1}, 4.5, ({"last": 4, "next": 5, "missed": 3}, None),
            id="a-run-past-its-deadline-is-counted",
        ),
        pytest.param(
            {"startingDeadline": 30}, {"last": 1}, 4.5, ({"last": 4, "next": 5, "runs": 1, "missed": 2}, 4),
            id="a-run-within-its-deadline-is-sent",
        ),
        pytest.param({"suspend": True}, {"next": 1}, 4, ({}, None), id="suspended-plans-nothing"),
        pytest.param(
            {"since": CREATED + 600}, {"last": 1}, 10.5, ({"last": 1, "next": 11}, None),
            id="times-before-since-are-not-missed",
        ),
        pytest.param({"since": CREATED + 1}, {"last": 9}, 9.5, ({"last": 9, "next": 10}, None), id="settled-stays-settled"),
        pytest.param({"schedule": {"clocked": CREATED + 60}}, {}, 1, ({"last": 1, "runs": 1}, 1), id="clocked-runs-once"),
        pytest.param({"schedule": {"clocked": CREATED}}, {}, 1, ({}, None), id="clocked-before-creation-never"),
    ],
)  # fmt: skip
def test_decide(
    changes: dict[str, Any], state: dict[str, int], now: float, expected: tuple[dict[str, int], int | None]
) -> None:
    def moments(fields: dict[str, int]) -> State:
        found: dict[str, Any] = {
            name: at(value) if name in ("last", "next") else value for name, value in fields.items()
        }
        return State(**found)

    after, sent = moments(expected[0]), expected[1]
    run = None if sent is None else task(sent)
    if run is not None:
        after = after._replace(lastRun=run.planned, lastSent=at(now), lastTaskId=run.task_id)
    assert decide(entry(**changes), moments(state), at(now)) == Step(after, run)


def test_a_trigger_sends_once_and_before_what_is_due() -> None:
    triggered = entry(trigger="again", suspend=True)
    step = decide(triggered, State(runs=7), at(3))
    assert step.run == Run(triggered.task_id("trigger:again"), None)
    assert (step.state.runs, step.state.trigger, step.state.triggerTaskId) == (7, "again", step.run.task_id)
    assert decide(triggered, step.state, at(3)).run is None


def test_a_run_has_the_same_id_whatever_changed_meanwhile() -> None:
    one, other = (decide(entry(args=args), State(), at(1)).run for args in ([1], [2]))
    assert one == other


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        pytest.param(b"[", "cannot read", id="no-json"),
        pytest.param(entry_json(v=2), "v=2", id="a-newer-operator"),
        pytest.param(entry_json(args="ab"), "spec.args is not a list", id="args"),
        pytest.param(entry_json(schedule={"cron": "x", "timeZone": "UTC"}), "spec.schedule", id="cron"),
    ],
)
def test_an_entry_that_cannot_be_planned_says_why_and_has_no_next_run(raw: bytes, words: str) -> None:
    step = decide(read_entry(UID, raw), State(next=at(5), runs=3), at(9))
    assert step.run is None
    assert step.state._replace(error=None) == State(runs=3)
    assert words in str(step.state.error)


def test_a_state_survives_being_written() -> None:
    state = State(
        last=at(1), next=at(2), runs=3, missed=4, lastSent=at(1), lastTaskId="x", trigger="t", error="e"
    )
    assert read_state(state.encoded()) == state
    assert read_state(b"") == State()
