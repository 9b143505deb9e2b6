"""Which of several operators acts: the one that holds a Lease.

Neither the election of `kubernetes.aio` nor its lease lock is used. The election knows no release, counts by
the wall clock and bounds no call. The lock refuses to clear the holder, takes every failed request for a
missing Lease, and turns its times into strings and back.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, Protocol

import structlog
from kubernetes.aio.client import ApiClient

from taskfleet.api import Object
from taskfleet.kube.api_call import call
from taskfleet.kube.errors import ApiError
from taskfleet.kube.resource_types import RESOURCE_TYPES

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Timing:
    """Seconds. A leader stops `renew_deadline` after its last renewal; others wait `duration` from then on.

    The 4 s between the two are the longest that a write takes which began before the deadline.
    """

    duration: float = 10.0
    renew_deadline: float = 6.0
    retry: float = 1.5
    # Of reading and writing; so that one that hangs leaves time for another before the deadline.
    renewal: float = 3.0
    release: float = 2.0
    unattended: float = 20.0  # without a holder for so long, something is wrong
    end: float = 30.0  # within which the work of a lost term has ended; twice the longest call that it makes


@dataclass(frozen=True)
class Sighting:
    """A Lease's spec, and when this process first saw it so by its own clock, for others' may be wrong."""

    spec: Object
    at: float


class LeaseStore(Protocol):
    """One Lease at the API server."""

    async def read(self) -> Object:
        """The Lease; without a resourceVersion where there is none yet."""

    async def write(self, lease: Object) -> None:
        """Create it, or replace exactly its resourceVersion; raises when that has changed."""


def sighting(lease: Object, before: Sighting | None, *, now: float) -> Sighting:
    """What is seen now. The time of the first sight is kept until the holder renews or changes."""
    spec = lease.get("spec") or {}
    return before if before is not None and before.spec == spec else Sighting(spec, now)


def free_in(seen: Sighting, *, identity: str, timing: Timing, now: float) -> float:
    """Seconds until `identity` may take the Lease; 0 or less: now."""
    if seen.spec.get("holderIdentity") in (None, "", identity):
        return 0.0
    # The holder's own duration, which another version of the operator may have chosen.
    return float(seen.at + seen.spec.get("leaseDurationSeconds", timing.duration) - now)


def claimed(lease: Object, *, identity: str, timing: Timing, now: datetime) -> Object:
    """The Lease as `identity` takes or renews it."""
    spec: Object = dict(lease.get("spec") or {})
    stamp = now.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    if spec.get("holderIdentity") != identity:
        spec["leaseTransitions"] = spec.get("leaseTransitions", 0) + 1
        spec["acquireTime"] = stamp
    spec |= {"holderIdentity": identity, "leaseDurationSeconds": int(timing.duration), "renewTime": stamp}
    return {**lease, "spec": spec}


def released(lease: Object) -> Object:
    """The Lease without a holder, which the next candidate takes at once."""
    return {**lease, "spec": {k: v for k, v in lease["spec"].items() if k != "holderIdentity"}}


class KubernetesLease:
    """A LeaseStore behind the API server; it creates the Lease where there is none.

    Not through the Gateway, which writes only while the Lease is held. Raises ApiError.
    """

    def __init__(self, api: ApiClient, *, namespace: str, name: str) -> None:
        # The election's deadlines are shorter than any of the Gateway's, and each spans two calls.
        self._call = partial(call, api, seconds=None)
        self._metadata = {"namespace": namespace, "name": name}
        self._collection = RESOURCE_TYPES["Lease"].path(namespace)
        self._path = RESOURCE_TYPES["Lease"].path(namespace, name)

    async def read(self) -> Object:
        try:
            return await self._call("GET", self._path)
        except ApiError as error:
            if error.status != 404:
                raise
        return {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": self._metadata}

    async def write(self, lease: Object) -> None:
        if "resourceVersion" in lease["metadata"]:
            await self._call("PUT", self._path, body=lease)
        else:
            await self._call("POST", self._collection, body=lease)


class Election:
    """One candidate for one Lease.

    `identity` must be unique to this process: two that share one would both lead. `clock` is monotonic
    and goes on while the process is stopped; `wall_clock` only dates the Lease for people.
    """

    def __init__(
        self,
        store: LeaseStore,
        *,
        identity: str,
        timing: Timing = Timing(),
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.identity = identity
        self._store = store
        self._timing = timing
        self._clock = clock
        self._wall_clock = wall_clock
        self._seen: Sighting | None = None
        self._renewed_at: float | None = None
        self._lost_at: float | None = None  # while the work of a lost term has yet to end
        self._attended_at = clock()  # when any process held the Lease, as far as this process could see
        self._failure = ""  # of the last attempt

    def held(self) -> bool:
        """Whether this process may write now. Asked before every write, without an await in between."""
        return self.remaining() > 0

    def remaining(self) -> float:
        """Seconds for which this process still leads if it cannot renew. 0 or less: it does not."""
        if self._renewed_at is None:
            return 0.0
        return self._renewed_at + self._timing.renew_deadline - self._clock()

    def stuck(self) -> str | None:
        """Why this process can neither lead nor follow, in words; None: it can."""
        if self._lost_at is None or (seconds := self._clock() - self._lost_at) < self._timing.end:
            return None
        return f"the Lease was lost {seconds:.0f} s ago, but the work of that term has not ended"

    def unattended(self) -> str | None:
        """Why possibly no process leads, in words; None if the Lease was held lately."""
        seconds = self._clock() - self._attended_at
        if seconds < self._timing.unattended:
            return None
        return f"no process has held the Lease for {seconds:.0f} s{self._failure and f' ({self._failure})'}"

    async def run(self, lead: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Call `lead` each time the Lease is won, and cancel it when it is lost. Ends by cancellation only.

        The Lease is released after `lead` has ended. What `lead` raises comes out in an ExceptionGroup.
        """
        try:
            while True:
                await self._acquire()
                async with asyncio.TaskGroup() as term:
                    leading = term.create_task(lead())
                    await self._keep()
                    self._lost_at = self._clock()
                    leading.cancel()
                self._lost_at = None
        finally:
            await self._release()

    async def _acquire(self) -> None:
        while not await self._attempt():
            left = self._free_in()
            await asyncio.sleep(left if 0 < left < self._timing.retry else self._timing.retry)
        log.info("leading", identity=self.identity)

    async def _keep(self) -> None:
        """Renew until the Lease is lost. A lapse ends it too: someone else may have led meanwhile."""
        due = self._clock() + self._timing.retry
        while self.held():
            # Counted from the last start, so that a hanging call costs no retry.
            await asyncio.sleep(max(0.0, due - self._clock()))
            due = self._clock() + self._timing.retry
            if self.held():
                await self._attempt()
        log.warning("no longer leading", identity=self.identity)

    async def _attempt(self) -> bool:
        """Take or renew the Lease. False: it is someone else's, or the API server did not do it in time.

        A candidate has until the deadline: a slow API server must not leave the fleets without a leader.
        """
        limit = self._timing.renewal if self.held() else self._timing.renew_deadline
        try:
            async with asyncio.timeout(limit):
                lease = await self._store.read()
                self._seen = sighting(lease, self._seen, now=self._clock())
                if self._free_in() > 0:
                    self._renewed_at, self._attended_at, self._failure = None, self._clock(), ""
                    return False
                sent = self._clock()  # others cannot have seen the renewal earlier
                now = self._wall_clock()
                await self._store.write(claimed(lease, identity=self.identity, timing=self._timing, now=now))
        except Exception as error:  # whatever it was, the next attempt comes and the deadline runs
            log.warning("cannot take or renew the Lease", error=repr(error))
            self._failure = _failure_text(error, limit)
            return False
        self._renewed_at, self._attended_at, self._failure = sent, self._clock(), ""
        return True

    def _free_in(self) -> float:
        if self._seen is None:
            return 0.0
        return free_in(self._seen, identity=self.identity, timing=self._timing, now=self._clock())

    async def _release(self) -> None:
        self._renewed_at = None
        try:
            async with asyncio.timeout(self._timing.release):
                lease = await self._store.read()
                if (lease.get("spec") or {}).get("holderIdentity") == self.identity:
                    await self._store.write(released(lease))
        except Exception as error:  # the Lease expires by itself
            log.warning("cannot release the Lease", error=repr(error))


def _failure_text(error: Exception, limit: float) -> str:
    """A failed attempt in words without the API server's own text, for the page of the readiness probe."""
    if isinstance(error, TimeoutError):
        return f"the API server did not answer within {limit:g} s"
    if not isinstance(error, ApiError):
        return f"an error of the operator: {type(error).__name__}"
    if error.status == 0:
        return error.message
    return f"the API server rejected the request: {error.status} {error.reason}"
