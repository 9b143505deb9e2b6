"""Carrying out what was decided about a pool: one action at a time, and what is refused or undone after times that grow."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import replace

import structlog

from taskfleet import metrics
from taskfleet.api import Key, Object
from taskfleet.api.stored import size_of
from taskfleet.brokers.brokers import Readings
from taskfleet.brokers.errors import BrokerError
from taskfleet.kube.errors import ApiError, ConflictError, LeaseLostError
from taskfleet.scaling.actions import RENEW_SECONDS, ScaleExecutor
from taskfleet.scaling.backoff import Backoff
from taskfleet.scaling.pods import Lease
from taskfleet.scaling.pool import ScaledPool
from taskfleet.scaling.scale_plan import ScalePlan
from taskfleet.scaling.shrinks import Shrinks
from taskfleet.scaling.size import not_taken

log = structlog.get_logger(__name__)


class Execution:
    """`told` gets the key of a pool with something new to report."""

    def __init__(self, actions: ScaleExecutor, brokers: Readings, told: Callable[[Key], None]) -> None:
        self._actions = actions
        self._brokers = brokers
        self._told = told

    def begin(self, scaled: ScaledPool, step: ScalePlan, deployment: Object, now: float) -> None:
        """Start the actions; the next poll shows their result."""
        if scaled.action is not None and not scaled.action.done():
            return
        replicas, size = size_of(deployment), scaled.size
        if size.settle(replicas, step.replicas, now):
            self._told(scaled.pool.key)
        moves = _moves(scaled, step, now)
        if not moves and scaled.refusal is not None:  # what was rejected is no longer wanted
            self._accepted(scaled)
        if scaled.retry.waits(now):
            return
        if size.is_held(replicas, now):
            step = replace(step, replicas=replicas)
        if moves or step.replicas != replicas:
            scaled.action = asyncio.create_task(self._carry_out(scaled, step, deployment))

    async def _carry_out(self, scaled: ScaledPool, step: ScalePlan, deployment: Object) -> None:
        growth = step.replicas - size_of(deployment)
        if growth and scaled.decided is not None:
            scaled.shrinks.resized(growth, scaled.decided.load.pods, time.monotonic())
        done = await self._move(scaled, step, deployment)
        if done and growth:
            done = await self._resize(scaled, step.replicas, deployment)
        if not done:
            scaled.shrinks = Shrinks()

    async def _move(self, scaled: ScaledPool, step: ScalePlan, deployment: Object) -> bool:
        """All but the size; False where that was not possible, at least not to the end."""
        numbers = {pod: scaled.lease_number(pod) for pod in step.drain}
        drains = self._brokers.drains(scaled.broker, scaled.pool.metadata.uid)
        namespace = deployment["metadata"]["namespace"]
        try:
            await self._actions.move(step, namespace, drains=drains, numbers=numbers)
        except (ConflictError, LeaseLostError):
            return False  # another client wrote meanwhile, or leads: the next poll shows it
        except (ApiError, BrokerError) as error:
            scaled.retry = scaled.retry.failed(time.monotonic())
            scaled.refusal = str(error)
            self._tell_failure(scaled, str(error))
            return False
        self._accepted(scaled)
        _note_leases(scaled, step, numbers)
        return True

    async def _resize(self, scaled: ScaledPool, wanted: int, deployment: Object) -> bool:
        """Write the size; False where the Deployment does not have it then."""
        before, size, since = size_of(deployment), scaled.size, scaled.grows_since
        try:
            if size.is_foreign(before):
                await self._note_writer(scaled, deployment, wanted)
            after = size_of(await self._write(scaled, deployment, wanted))
        except (ConflictError, LeaseLostError):
            return False  # as above
        except ApiError as error:
            self._refused(scaled, str(error))
            return False
        if after != wanted:
            size.known = after
            self._refused(scaled, not_taken(deployment, wanted, after))
            return False
        size.note_written(before, wanted, _why(scaled, before, wanted))
        self._told(scaled.pool.key)
        if wanted > before and since is not None:
            metrics.REACTION_SECONDS.observe(time.monotonic() - since)
            scaled.grows_since = None
        return True

    async def _write(self, scaled: ScaledPool, deployment: Object, wanted: int) -> Object:
        """A write whose answer is lost may have been one."""
        try:
            return await self._actions.resize(deployment, wanted)
        finally:
            if wanted < size_of(deployment):
                scaled.lowered_at = time.monotonic()

    async def _note_writer(self, scaled: ScaledPool, deployment: Object, wanted: int) -> None:
        """Another client's size is reported with its name. Our own write without an answer is not one."""
        writer, found = await self._actions.size_writer(deployment), size_of(deployment)
        if writer is None:
            scaled.size.known = found
            return
        scaled.size.note_overwritten(writer, ours=wanted, found=found, now=time.monotonic())
        log.warning("size overwritten", **scaled.pool.key._asdict(), writer=str(writer), pods=found)
        self._told(scaled.pool.key)

    def _accepted(self, scaled: ScaledPool) -> None:
        """Nothing of what its pods should do is refused any more."""
        over, scaled.refusal, scaled.retry = scaled.refusal is not None, None, Backoff()
        if over:
            self._told(scaled.pool.key)

    def _refused(self, scaled: ScaledPool, why: str) -> None:
        scaled.size.note_refused(why, time.monotonic())
        self._tell_failure(scaled, why)

    def _tell_failure(self, scaled: ScaledPool, why: str) -> None:
        """Also where the words are old: when it is tried again is new, and while a broker is away only reconciling does it."""
        log.warning("scaling failed", **scaled.pool.key._asdict(), error=why[:300])
        self._told(scaled.pool.key)


def _moves(scaled: ScaledPool, step: ScalePlan, now: float) -> bool:
    """Whether there is something to do in addition to the size."""
    due = (
        pod not in scaled.leases or now - scaled.leases[pod].renewed_at > RENEW_SECONDS for pod in step.drain
    )
    return bool(step.resume or step.mark or step.unmark or step.stop or step.delete) or any(due)


def _why(scaled: ScaledPool, before: int, wanted: int) -> str | None:
    """The sentence of the decision. None for a pod more or less while one is recycled, which has an event of its own."""
    if scaled.decided is None:
        return ""
    verdict = scaled.decided.verdict
    if verdict.recycled is not None and min(before, wanted) == verdict.pods:
        return None
    return verdict.sentence


def _note_leases(scaled: ScaledPool, step: ScalePlan, numbers: Mapping[str, int]) -> None:
    renewed = time.monotonic()
    scaled.leases.update({pod: Lease(number, renewed) for pod, number in numbers.items()})
    for pod in step.resume:
        scaled.leases.pop(pod, None)
