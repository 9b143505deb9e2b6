"""Beat's loop over a store in memory: what is sent when, and what chance cannot make it lose or double."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskfleet.brokers.schedules.state import parse_state
from taskfleet_worker.beat.due import Run
from taskfleet_worker.beat.entry import Entry, read_entry
from taskfleet_worker.beat.loop import LOOK_EVERY, RETRY, ScheduleLoop
from taskfleet_worker.beat.message import UnsendableError
from taskfleet_worker.beat.store import Answer, Change, Message
from tests.runtime.beat import CREATED, UID, entry_json
from tests.unit.worker.schedules import AwayError, MemoryStore, message

OTHER = "0b7a5b9e-5c0f-4e4e-8f4e-2f6f9d1c7c22"


class Scene:
    """A store, a clock, and a beat that can be started again."""

    def __init__(self, **entry: Any) -> None:
        self.store = MemoryStore()
        self.now = float(CREATED)
        if entry.pop("written", True):
            self.store.write(UID, entry_json(**entry))
        self.loop = self.beat()

    def beat(self) -> ScheduleLoop:
        return ScheduleLoop(self.store, build=message, clock=lambda: self.now, pod="beat-0")

    def settle(self, loop: ScheduleLoop | None = None) -> float:
        """Turn until there is nothing to do at this moment."""
        for _ in range(1000):
            rest = (loop or self.loop).turn()
            if rest > 0:
                return rest
        raise AssertionError("the loop does not come to rest")

    def at(self, seconds: float) -> "Scene":
        self.now = CREATED + seconds
        self.settle()
        return self

    def planned(self, seconds: float, **entry: Any) -> str:
        """The task id of the run planned so many seconds after the creation."""
        return read_entry(UID, entry_json(**entry)).task_id(f"{CREATED + seconds:.3f}")


def test_a_run_is_sent_when_it_is_due_and_not_before() -> None:
    scene = Scene()
    assert scene.at(59.9).store.sent == []
    assert scene.at(60).store.sent == [scene.planned(60)]
    assert scene.store.state_of().next == CREATED + 120


def test_rest_ends_when_the_next_run_is_due() -> None:
    scene = Scene().at(59.8)
    assert scene.settle() == pytest.approx(0.2)


def test_a_restart_sends_the_latest_missed_run_and_counts_the_others() -> None:
    scene = Scene().at(60)
    scene.loop = scene.beat()
    scene.at(290)
    assert scene.store.sent == [scene.planned(60), scene.planned(240)]
    assert (scene.store.state_of().runs, scene.store.state_of().missed) == (2, 2)


def test_a_change_is_seen_within_half_a_second() -> None:
    scene = Scene(written=False).at(0)
    scene.store.write(UID, entry_json(schedule={"every": 1, "anchor": CREATED}))
    scene.now += LOOK_EVERY
    scene.settle()
    assert scene.store.state_of().next == CREATED + 1


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(None, id="deleted"),
        pytest.param(entry_json(suspend=True), id="suspended"),
        pytest.param(entry_json(schedule={"every": 600, "anchor": CREATED}, since=CREATED + 59), id="edited"),
    ],
)
def test_a_changed_schedule_sends_nothing_of_its_former_self(change: bytes | None) -> None:
    scene = Scene().at(59.99)
    scene.store.write(UID, change)
    assert scene.at(60).store.sent == []
    assert (UID in scene.store.state) == (change is not None)


def test_new_arguments_keep_the_plan() -> None:
    scene = Scene().at(60)
    scene.store.write(UID, entry_json(args=[2]))
    scene.at(60.5).at(120)
    assert scene.store.sent == [scene.planned(60), scene.planned(120)]
    assert scene.store.state_of().missed == 0


def test_two_beats_send_every_run_once() -> None:
    scene = Scene()
    other = scene.beat()
    for second in range(0, 600, 20):
        scene.now = CREATED + second
        scene.settle()
        scene.settle(other)
    assert scene.store.sent == [scene.planned(minute * 60) for minute in range(1, 10)]


def test_a_queue_that_takes_nothing_holds_its_schedule_back_and_says_so() -> None:
    scene = Scene()
    scene.store.write(OTHER, entry_json(queue="other"))
    scene.store.refuses = {"celery": b"WRONGTYPE Operation against a key holding the wrong kind of value"}
    scene.at(60)
    assert len(scene.store.sent) == 1  # the other's
    assert scene.store.state_of().last is None
    assert scene.store.state_of().error == (
        "The key of queue celery in Redis is not a list: delete that key."
    )
    scene.store.refuses = {}
    scene.at(60 + RETRY)
    assert scene.planned(60) in scene.store.sent
    assert scene.store.state_of().error is None


def test_a_schedule_that_cannot_be_planned_leaves_the_others_alone() -> None:
    scene = Scene(schedule={"cron": "61 * * * *", "timeZone": "UTC"})
    scene.store.write(OTHER, entry_json())
    scene.at(60)
    assert len(scene.store.sent) == 1
    assert "61 * * * *" in str(scene.store.state_of().error)
    assert scene.store.beats[-1]["errors"] == 1


def test_a_schedule_that_makes_no_message_leaves_the_others_alone() -> None:
    def build(entry: Entry, run: Run, now: float) -> Message:
        if entry.uid == UID:
            raise UnsendableError("No message.")
        return message(entry, run, now)

    scene = Scene()
    scene.store.write(OTHER, entry_json())
    scene.loop = ScheduleLoop(scene.store, build=build, clock=lambda: scene.now, pod="beat-0")
    scene.at(60).at(120)
    assert len(scene.store.sent) == 2
    assert (scene.store.state_of().error, scene.store.state_of().next) == ("No message.", None)


def test_a_trigger_sends_one_run_now_and_the_plan_goes_on() -> None:
    scene = Scene().at(30)
    scene.store.write(UID, entry_json(trigger="t1"))
    scene.at(30.5).at(31).at(60)
    assert scene.store.sent == [str(scene.store.state_of().triggerTaskId), scene.planned(60)]


def test_it_is_ready_when_every_entry_has_been_looked_at() -> None:
    scene = Scene()
    assert not scene.loop.ready
    scene.settle()
    assert scene.loop.ready
    assert scene.store.beats[-1]["version"] == "1"


def test_a_store_that_was_away_is_read_again() -> None:
    scene = Scene().at(60)
    del scene.store.state[UID]  # it came back without its data, and the operator wrote them again
    scene.store.state[UID] = b'{"last":%d,"runs":5}' % (CREATED + 60)
    scene.loop.forget()
    assert scene.at(120).store.state_of().runs == 6


@dataclass
class Chance:
    """Breaks the store at chosen commands; `False` lets one through."""

    plan: list[bool] = field(default_factory=list)

    def __call__(self) -> None:
        if self.plan and self.plan.pop(0):
            raise AwayError


STEPS = st.lists(
    st.tuples(
        st.floats(0.1, 400),  # seconds that pass
        st.lists(st.booleans(), max_size=8),  # which of the next commands fail
        st.sampled_from(["go on", "go on", "restart", "both beats", "edit"]),
    ),
    max_size=25,
)
SCHEDULES = st.sampled_from([
    {"every": 60, "anchor": CREATED},
    {"every": 7, "anchor": CREATED - 3},
    {"cron": "*/2 * * * *", "timeZone": "Europe/Berlin"},
])  # fmt: skip


@given(
    steps=STEPS,
    schedule=SCHEDULES,
    deadline=st.sampled_from([None, 5, 60]),
    catch_up=st.sampled_from(["Latest", "None"]),
)
def test_sent_and_missed_are_all_that_was_planned(
    steps: list[tuple[float, list[bool], str]],
    schedule: dict[str, Any],
    deadline: int | None,
    catch_up: str,
) -> None:
    fields = {"schedule": schedule, "startingDeadline": deadline, "catchUp": catch_up}
    scene = Scene(**fields)
    beats = [scene.loop, scene.beat()]
    for number, (seconds, failures, what) in enumerate(steps):
        scene.now += seconds
        scene.store.trouble = Chance(failures)
        if what == "restart":  # as after SIGKILL: nothing is known but what the store says
            beats[0] = scene.beat()
        elif what == "edit":
            scene.store.write(UID, entry_json(args=[number], **fields))
        for beat in beats if what == "both beats" else beats[:1]:
            attempt(scene, beat)
    scene.store.trouble = lambda: None
    beats[0].forget()
    scene.settle(beats[0])

    timing = read_entry(UID, entry_json(**fields)).timing
    state, sent = scene.store.state_of(), scene.store.sent
    assert timing is not None
    planned = [scene.planned(moment - CREATED) for moment in timing.between(CREATED, scene.now)]
    assert len(sent) == len(set(sent)) == state.runs
    assert set(sent) <= set(planned)
    assert state.runs + state.missed == len(planned)
    assert state.next == timing.next_after(scene.now)


def attempt(scene: Scene, beat: ScheduleLoop) -> None:
    """As the scheduler's tick: an error means that nothing is known."""
    try:
        scene.settle(beat)
    except AwayError:
        beat.forget()


def test_ten_thousand_entries_come_to_rest() -> None:
    scene = Scene(written=False)
    for number in range(10_000):
        uid = f"00000000-0000-4000-8000-{number:012d}"
        scene.store.write(uid, entry_json(schedule={"every": 60, "anchor": CREATED + number % 60}))
    counted: list[int] = []

    def settle(changes: Sequence[Change]) -> list[Answer]:
        counted.append(len(changes))
        return MemoryStore.settle(scene.store, changes)

    scene.store.settle = settle  # type: ignore[method-assign]
    scene.at(0)
    assert sum(counted) == 10_000
    assert max(counted) <= 100


@pytest.mark.parametrize(
    "entry",
    [
        pytest.param({"suspend": True}, id="born-suspended"),
        pytest.param(
            {"schedule": {"clocked": CREATED - 3600}, "since": CREATED - 7200}, id="a-moment-that-is-over"
        ),
        pytest.param({"schedule": {"clocked": CREATED + 3600}}, id="a-moment-to-come"),
        pytest.param({"schedule": {"every": 60, "anchor": CREATED}}, id="every-minute"),
    ],
)
@pytest.mark.parametrize("first", [b"", b'{"seed":true}'], ids=["nothing", "seed"])
def test_every_schedule_gets_a_first_state_so_that_it_is_known_to_be_taken_up(
    entry: dict[str, Any], first: bytes
) -> None:
    scene = Scene(**entry)
    if first:
        scene.store.state[UID] = first
    scene.at(0)
    written = scene.store.state[UID]
    assert parse_state(written) is not None
    scene.loop = scene.beat()
    scene.at(1)
    assert scene.store.state[UID] == written, "once"
