"""Whether the app's own beat of a pool sends, and is the only one of its app. Pure."""

from dataclasses import dataclass, field
from datetime import datetime

from taskfleet.api import Object, WorkerPool
from taskfleet.api.reasons import ConditionType, PoolReason
from taskfleet.api.stored import is_ready
from taskfleet.controllers.conditions import condition
from taskfleet.controllers.pod_trouble import trouble


@dataclass(frozen=True)
class AppBeatSeen:
    """A pool's beat and what there is of it."""

    pool: WorkerPool
    pods: list[Object] = field(default_factory=list)
    others: tuple[str, ...] = ()  # pools with a beat of the same app on the same broker

    def problem(self, now: datetime) -> str | None:
        """Why it does not send, if it should."""
        if self.pool.spec.suspend or any(map(is_ready, self.pods)) or self.others:
            return None
        found = trouble(self.pods, now=now)
        return f"The app's own beat is not ready. {found.message if found else 'It is starting.'}"


def beat_ready(seen: AppBeatSeen, *, now: datetime) -> Object:
    """The condition BeatReady."""
    generation = seen.pool.metadata.generation
    holds, reason, message = True, PoolReason.BEAT_RUNNING, "The app's own beat sends its periodic tasks."
    if seen.pool.spec.suspend:
        holds, reason, message = (
            False,
            PoolReason.SUSPENDED,
            "spec.suspend is true, so the beat does not run. Set it to false to resume.",
        )
    elif seen.others:
        names = ", ".join(repr(name) for name in seen.others)
        holds, reason = False, PoolReason.DUPLICATE_BEAT
        message = (
            f"WorkerPool {names} on the same broker also runs a beat of app "
            f"{seen.pool.spec.app!r}. One of them sends, the others wait on standby. Remove "
            "spec.beat from all pools but one."
        )
    elif (problem := seen.problem(now)) is not None:
        holds, reason, message = False, PoolReason.BEAT_NOT_READY, problem
    return condition(ConditionType.BEAT_READY, holds, reason, message, generation=generation)
