"""Two candidates and one Lease, in virtual time."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta

import pytest

from taskfleet.api import Object
from taskfleet.kube.lease import Election, Sighting, Timing, claimed, free_in, released, sighting
from tests.tools.virtual_time import run, virtual_loop

NOW = datetime(2026, 1, 1, tzinfo=UTC)
TIMING = Timing()


class FakeStore:
    """A Lease in memory, with the API server's optimistic lock."""

    def __init__(self) -> None:
        self.lease: Object = {"metadata": {"name": "operator"}}
        self.writes: list[str | None] = []

    def candidate(self) -> "Connection":
        return Connection(self)


class Connection:
    """One candidate's way to the store."""

    def __init__(self, store: FakeStore) -> None:
        self._store = store
        self.healthy = asyncio.Event()
        self.healthy.set()
        self.broken = False
        self.replies = True
        self.reply_seconds = 0.0
        self.call_seconds = 0.0

    async def read(self) -> Object:
        await self._pass()
        return self._store.lease

    async def write(self, lease: Object) -> None:
        await self._pass()
        current = self._store.lease["metadata"].get("resourceVersion", 0)
        if lease["metadata"].get("resourceVersion", 0) != current:
            raise RuntimeError("409 Conflict")
        self._store.lease = {**lease, "metadata": {**lease["metadata"], "resourceVersion": current + 1}}
        self._store.writes.append(lease["spec"].get("holderIdentity"))
        await asyncio.sleep(self.reply_seconds)
        if not self.replies:
            raise RuntimeError("connection lost")

    async def _pass(self) -> None:
        await asyncio.sleep(self.call_seconds)
        await self.healthy.wait()
        if self.broken:
            raise RuntimeError("503 Service Unavailable")


class Candidate:
    """An operator that notes when it leads."""

    def __init__(self, store: FakeStore, identity: str) -> None:
        loop = virtual_loop()
        self.connection = store.candidate()
        self.paused = 0.0  # seconds that its clock went on while it did not, as after SIGSTOP and SIGCONT
        self.election = Election(
            self.connection,
            identity=identity,
            clock=lambda: loop.time() + self.paused,
            wall_clock=lambda: NOW + timedelta(seconds=loop.time()),
        )
        self.leads = False
        self.terms = 0
        self.task = loop.create_task(self.election.run(self._lead))

    async def _lead(self) -> None:
        self.leads, self.terms = True, self.terms + 1
        try:
            await asyncio.Event().wait()
        finally:
            self.leads = False

    async def stop(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


async def until(condition: Callable[[], bool], *, limit: float = 60.0) -> float:
    """Wait for `condition`, looking every 10 ms of virtual time; the seconds it took."""
    loop = virtual_loop()
    start = loop.time()
    while not condition():
        assert loop.time() - start < limit, "the condition did not come true"
        await asyncio.sleep(0.01)
    return loop.time() - start


@asynccontextmanager
async def leader_and_follower() -> AsyncIterator[tuple[FakeStore, Candidate, Candidate]]:
    store = FakeStore()
    leader = Candidate(store, "a")
    await until(lambda: leader.leads)
    follower = Candidate(store, "b")
    await asyncio.sleep(20)
    try:
        yield store, leader, follower
    finally:
        await leader.stop()
        await follower.stop()


def test_one_of_two_leads_and_renews() -> None:
    async def story() -> None:
        async with leader_and_follower() as (store, leader, follower):
            assert leader.election.held()
            assert not follower.election.held()
            assert follower.terms == 0
            assert set(store.writes) == {"a"}
            assert 12 <= len(store.writes) <= 15, "one renewal in 1.5 s"

    run(story())


def test_clean_stop_hands_over_within_two_seconds() -> None:
    async def story() -> None:
        async with leader_and_follower() as (_, leader, follower):
            await leader.stop()
            assert not leader.election.held()
            assert await until(lambda: follower.leads) < 2

    run(story())


def test_lease_is_given_back_only_after_the_leaders_work_has_ended() -> None:
    async def story() -> None:
        store = FakeStore()
        leading = asyncio.Event()
        holder_at_the_end: list[str] = []

        async def lead() -> None:
            leading.set()
            try:
                await asyncio.Event().wait()
            finally:
                await asyncio.sleep(3)
                holder_at_the_end.append(store.lease["spec"]["holderIdentity"])

        election = Election(store.candidate(), identity="a", clock=virtual_loop().time)
        task = asyncio.create_task(election.run(lead))
        await leading.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert holder_at_the_end == ["a"]
        assert "holderIdentity" not in store.lease["spec"]

    run(story())


def test_killed_leader_is_replaced_within_fifteen_seconds() -> None:
    async def story() -> None:
        async with leader_and_follower() as (_, leader, follower):
            leader.connection.broken = True  # so that its end releases nothing
            await leader.stop()
            assert 8 < await until(lambda: follower.leads) < 15

    run(story())


@pytest.mark.parametrize("fault", ["fails", "hangs"])
def test_cut_off_leader_stops_before_another_starts(fault: str) -> None:
    async def story() -> None:
        async with leader_and_follower() as (_, leader, follower):
            leader.connection.broken = fault == "fails"
            if fault == "hangs":
                leader.connection.healthy.clear()
            lapsed = await until(lambda: not leader.election.held())
            assert 4.5 <= lapsed <= 6.01, "renewal deadline"
            await until(lambda: not leader.leads, limit=2.01)
            assert follower.terms == 0
            assert await until(lambda: follower.leads) + lapsed < 15

    run(story())


@pytest.mark.parametrize("fault", ["fails", "hangs"])
def test_short_outage_does_not_end_the_term(fault: str) -> None:
    async def story() -> None:
        async with leader_and_follower() as (_, leader, _follower):
            leader.connection.broken = fault == "fails"
            if fault == "hangs":
                leader.connection.healthy.clear()
            for _ in range(250):
                await asyncio.sleep(0.01)
                assert leader.election.held()
            leader.connection.broken = False
            leader.connection.healthy.set()
            await asyncio.sleep(30)
            assert leader.leads
            assert leader.terms == 1

    run(story())


def test_leader_that_was_stopped_knows_at_once_that_it_leads_no_longer() -> None:
    async def story() -> None:
        async with leader_and_follower() as (store, leader, follower):
            leader.connection.healthy.clear()  # what it had sent stays on the way
            await until(lambda: follower.leads)
            written = len(store.writes)
            leader.paused = 3600
            assert not leader.election.held()
            leader.connection.healthy.set()
            await until(lambda: not leader.leads, limit=2.01)
            await asyncio.sleep(20)
            assert not leader.leads
            assert set(store.writes[written:]) == {"b"}

    run(story())


def test_pause_that_nobody_used_starts_a_new_term() -> None:
    async def story() -> None:
        store = FakeStore()
        leader = Candidate(store, "a")
        await until(lambda: leader.leads)
        leader.paused = 60
        assert not leader.election.held()
        await until(lambda: leader.terms == 2 and leader.leads)
        assert leader.election.held()
        await leader.stop()

    run(story())


def test_renewal_whose_reply_was_lost_is_no_loss() -> None:
    async def story() -> None:
        async with leader_and_follower() as (store, leader, _follower):
            before = len(store.writes)
            leader.connection.replies = False
            await until(lambda: len(store.writes) > before)
            leader.connection.replies = True
            await asyncio.sleep(10)
            assert leader.terms == 1
            assert leader.election.held()

    run(story())


def test_renewal_counts_from_when_it_was_sent() -> None:
    async def story() -> None:
        async with leader_and_follower() as (store, leader, _follower):
            before = len(store.writes)
            leader.connection.reply_seconds = 1.9
            await until(lambda: len(store.writes) > before + 1)
            await asyncio.sleep(1.91)
            assert leader.election.remaining() <= TIMING.renew_deadline - 1.9

    run(story())


def test_leader_whose_lease_was_taken_by_hand_stops_at_its_next_look() -> None:
    async def story() -> None:
        async with leader_and_follower() as (store, leader, _follower):
            store.lease = {**store.lease, "spec": {**store.lease["spec"], "holderIdentity": "somebody"}}
            assert await until(lambda: not leader.leads) <= TIMING.retry + 0.02
            assert not leader.election.held()

    run(story())


def test_deleted_lease_is_made_again() -> None:
    async def story() -> None:
        async with leader_and_follower() as (store, leader, follower):
            store.lease = {"metadata": {"name": "operator"}}
            await until(lambda: "spec" in store.lease)
            await asyncio.sleep(10)
            assert leader.leads != follower.leads
            assert leader.election.held() != follower.election.held()

    run(story())


def test_work_that_outlives_its_term_is_told() -> None:
    async def story() -> None:
        store = FakeStore()
        connection = store.candidate()
        stubborn = asyncio.Event()
        loop = virtual_loop()

        async def lead() -> None:
            while not stubborn.is_set():
                with suppress(asyncio.CancelledError):
                    await stubborn.wait()

        election = Election(connection, identity="a", clock=loop.time)
        task = loop.create_task(election.run(lead))
        try:
            await until(election.held)
            connection.broken = True
            await until(lambda: not election.held())
            await asyncio.sleep(25)
            assert election.stuck() is None
            assert 3 < await until(lambda: election.stuck() is not None) < 8
            assert "has not ended" in str(election.stuck())
            connection.broken = False
            stubborn.set()
            await until(lambda: election.stuck() is None)
        finally:
            stubborn.set()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    run(story())


def test_what_the_leaders_work_raises_comes_out() -> None:
    async def story() -> None:
        async def lead() -> None:
            raise ZeroDivisionError

        store = FakeStore()
        with pytest.raises(ExceptionGroup) as caught:
            await Election(store.candidate(), identity="a", clock=virtual_loop().time).run(lead)
        assert caught.group_contains(ZeroDivisionError)
        assert "holderIdentity" not in store.lease["spec"]

    run(story())


@pytest.mark.parametrize(
    ("spec", "age", "expected"),
    [
        pytest.param({}, 0, 0, id="no-lease-yet"),
        pytest.param({"holderIdentity": "", "leaseDurationSeconds": 10}, 0, 0, id="released"),
        pytest.param({"holderIdentity": "me", "leaseDurationSeconds": 10}, 0, 0, id="own"),
        pytest.param({"holderIdentity": "other", "leaseDurationSeconds": 10}, 4, 6, id="held-by-another"),
        pytest.param({"holderIdentity": "other", "leaseDurationSeconds": 10}, 10, 0, id="expired"),
        pytest.param({"holderIdentity": "other", "leaseDurationSeconds": 30}, 10, 20, id="its-own-duration"),
        pytest.param({"holderIdentity": "other"}, 4, 6, id="no-duration"),
    ],
)
def test_when_a_lease_is_free(spec: Object, age: float, expected: float) -> None:
    assert free_in(Sighting(spec, at=100), identity="me", timing=TIMING, now=100 + age) == expected


def test_times_in_the_lease_do_not_count_only_when_it_was_seen_to_change() -> None:
    long_ago = {"spec": {"holderIdentity": "other", "renewTime": "1970-01-01T00:00:00.000000Z"}}
    first = sighting(long_ago, None, now=100)
    assert first.at == 100
    assert sighting(long_ago, first, now=109) is first
    renewed = {"spec": {**long_ago["spec"], "renewTime": "1970-01-01T00:00:01.000000Z"}}
    assert sighting(renewed, first, now=109).at == 109


def test_taking_counts_a_transition_and_renewing_does_not() -> None:
    taken = claimed({"metadata": {}}, identity="a", timing=TIMING, now=NOW)
    stamp = "2026-01-01T00:00:00.000000Z"
    assert taken["spec"] == {
        "holderIdentity": "a",
        "leaseDurationSeconds": 10,
        "leaseTransitions": 1,
        "acquireTime": stamp,
        "renewTime": stamp,
    }
    renewed = claimed(taken, identity="a", timing=TIMING, now=NOW + timedelta(seconds=1))
    assert renewed["spec"] == taken["spec"] | {"renewTime": "2026-01-01T00:00:01.000000Z"}
    assert "holderIdentity" not in released(renewed)["spec"]


@pytest.mark.parametrize("seconds", [1.0, 1.4], ids=["a-second-a-call", "nearly-as-slow-as-it-may-be"])
def test_a_slow_api_server_does_not_leave_the_fleets_without_a_leader(seconds: float) -> None:
    async def story() -> None:
        store = FakeStore()
        leader, follower = Candidate(store, "a"), Candidate(store, "b")
        leader.connection.call_seconds = follower.connection.call_seconds = seconds
        await until(lambda: leader.leads or follower.leads, limit=15)
        await asyncio.sleep(120)
        assert (leader.terms, follower.terms) in ((1, 0), (0, 1)), "and the first one keeps it"
        assert leader.election.unattended() is None
        await leader.stop()
        await follower.stop()

    run(story())


def test_a_lease_that_nobody_gets_is_told() -> None:
    async def story() -> None:
        candidate = Candidate(FakeStore(), "a")
        candidate.connection.call_seconds = 60.0
        await asyncio.sleep(15)
        assert candidate.election.unattended() is None
        await asyncio.sleep(10)
        told = "no process has held the Lease for 25 s (the API server did not answer within 6 s)"
        assert candidate.election.unattended() == told
        candidate.connection.call_seconds = 0.0
        await until(lambda: candidate.leads)
        assert candidate.election.unattended() is None
        await candidate.stop()

    run(story())
