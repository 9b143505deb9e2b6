"""What operator and beat write for each other in Redis: names of keys, entries, states and the sign of life."""

import json
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from taskfleet.api import Object, PeriodicSchedule
from taskfleet.brokers.key_layout import Layout
from taskfleet.brokers.schedules import entry
from taskfleet.brokers.schedules.state import Heartbeat, RunState, parse_heartbeat, parse_state
from taskfleet.brokers.schedules.store import ScheduleStore, canonical
from taskfleet_worker.beat import cron
from taskfleet_worker.beat.entry import Entry, State, is_first, read_entry, read_state
from taskfleet_worker.beat.loop import ScheduleLoop
from taskfleet_worker.beat.settings import read_beat_settings
from taskfleet_worker.beat.store import RedisStore
from tests.unit.worker.schedules import MemoryStore, message
from tests.unit.worker.test_beat_settings import environment

UID = "6f1c9f0e-3b1f-4d52-9a7e-0d7f5f3f2a11"
NOW = datetime(2027, 1, 15, 8, tzinfo=UTC)
STAMP = "2027-01-15T08:00:00Z"


class Client:
    """A client that is never asked."""

    def register_script(self, _script: str) -> None:
        return None


def schedule(
    status: Object | None = None, annotations: Object | None = None, **spec: Any
) -> PeriodicSchedule:
    metadata = {"name": "report", "namespace": "shop", "uid": UID, "creationTimestamp": STAMP}
    return PeriodicSchedule.parse(
        {
            "metadata": {**metadata, "annotations": annotations or {}},
            "spec": {"task": "shop.report", **spec},
            "status": status or {},
        }
    )


def read(written: PeriodicSchedule) -> Entry:
    """An entry as beat reads what the operator writes."""
    return read_entry(UID, canonical(entry.schedule_entry(written, None, known=False, now=NOW)).encode())


def test_keys_have_one_name() -> None:
    operators = ScheduleStore(cast(Any, None), Layout(prefix="p:", reports="taskfleet:c1:shop:reports"))
    beats = RedisStore(Client(), read_beat_settings(environment()).keys)
    assert (operators._entries, operators._version) == (beats._entries, beats._version)
    assert (operators._states, operators._heartbeat) == (beats._states, beats._beat)


@pytest.mark.parametrize(
    "timing",
    [
        pytest.param({"schedule": "30 6 * * 1-5", "timeZone": "Europe/Berlin"}, id="cron"),
        *(pytest.param({"schedule": macro}, id=macro) for macro in cron.MACROS),
        pytest.param({"interval": "90s"}, id="interval"),
        pytest.param({"solar": {"event": "sunset", "latitude": 48.1, "longitude": 11.6}}, id="solar"),
        pytest.param({"clocked": "2027-02-01T00:00:00Z"}, id="clocked"),
    ],
)
def test_beat_can_plan_every_kind_of_timing(timing: Object) -> None:
    written = schedule(**timing)
    assert entry.schedule_problem(written.spec, now=NOW) is None
    planned = read(written)
    assert planned.error is None
    assert planned.timing is not None
    assert planned.timing.next_after(NOW.timestamp()) is not None


def test_macros_mean_the_same() -> None:
    assert entry.MACROS == cron.MACROS


def test_beat_reads_every_field_of_an_entry() -> None:
    written = schedule(
        annotations={"taskfleet.dev/trigger": "now"},
        schedule="@daily", args=[1], kwargs={"full": True}, headers={"tenant": "a"}, queue="low", priority=3,
        expires="1h", suspend=True, startingDeadline="5m", catchUp="None",
    )  # fmt: skip
    planned = read(written)
    assert planned._replace(timing=None, digest="") == Entry(
        uid=UID, digest="", name="report", task="shop.report", args=[1], kwargs={"full": True},
        headers={"tenant": "a"}, queue="low", priority=3, expires=3600, timing=None, since=NOW.timestamp(),
        suspend=True, starting_deadline=300, catch_up="None", trigger="now",
    )  # fmt: skip


def test_the_operator_reads_every_field_of_a_state() -> None:
    moment = NOW.timestamp()
    state = State(
        last=moment, next=moment, runs=3, missed=2, lastSent=moment, lastTaskId="id-1", lastRun=moment,
        trigger="now", triggerTaskId="id-2", error="refused",
    )  # fmt: skip
    assert parse_state(state.encoded()) == RunState(
        last_run=NOW, next=NOW, runs=3, missed=2, last_task_id="id-1", trigger="now", trigger_task_id="id-2",
        error="refused",
    )  # fmt: skip


def test_beat_goes_on_from_the_operators_seed() -> None:
    seed = entry.seed(
        schedule(
            schedule="@daily",
            status={
                "lastScheduleTime": STAMP, "lastTaskId": "id-1", "totalRunCount": 3, "missedRunCount": 2,
                "lastTrigger": {"token": "now", "taskId": "id-2", "time": STAMP},
            },
        )
    )  # fmt: skip
    assert seed is not None
    raw = canonical(seed).encode()
    assert is_first(raw)
    assert parse_state(raw) is None, "the operator's own words are no word of beat's"
    assert read_state(raw) == State(
        last=NOW.timestamp(), lastRun=NOW.timestamp(), lastTaskId="id-1", runs=3, missed=2, trigger="now",
        triggerTaskId="id-2",
    )  # fmt: skip


def test_the_operator_reads_beats_sign_of_life() -> None:
    store = MemoryStore()
    ScheduleLoop(store, build=message, clock=NOW.timestamp, pod="beat-0").turn()
    assert parse_heartbeat(json.dumps(store.beats[-1]).encode()) == Heartbeat(ready=True)
