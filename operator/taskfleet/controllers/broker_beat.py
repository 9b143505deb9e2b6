"""The beat of a broker's schedules: made with the first PeriodicSchedule, removed with the last."""

from collections.abc import Iterator

from taskfleet.api import Broker, Key, Object
from taskfleet.api.reasons import EventReason
from taskfleet.api.stored import is_terminating
from taskfleet.brokers.schedules.state import Heartbeat
from taskfleet.controllers.context import Context
from taskfleet.controllers.pod_trouble import clean, trouble
from taskfleet.kube.cache import Cache
from taskfleet.kube.errors import DeniedError, InvalidError, NameConflictError
from taskfleet.kube.event import Event, Severity
from taskfleet.resources.labels import COMPONENT as COMPONENT_LABEL
from taskfleet.resources.schedules_deployment import COMPONENT, schedules_deployment, schedules_name


def schedules_of(broker: Key, cache: Cache) -> Iterator[Object]:
    """The PeriodicSchedules of a broker that are not being deleted."""
    for obj in cache.all("PeriodicSchedule", broker.namespace):
        name = ((obj.get("spec") or {}).get("brokerRef") or {}).get("name", "default")
        if name == broker.name and not is_terminating(obj):
            yield obj


async def ensure_beat(raw: Object, broker: Broker, context: Context) -> None:
    """Bring the Deployment and the entries in Redis to the schedules that there are."""
    key = Key("Deployment", broker.namespace, schedules_name(broker.name))
    able = context.brokers.without_state(broker.key) is None
    wanted = able and any(True for _ in schedules_of(broker.key, context.cache))
    if not wanted and context.cache.get(*key) is None and not context.schedules.keeps(broker.key):
        return
    context.schedules.wake(broker.key)
    obstacle = None
    try:
        if wanted:
            await context.children.ensure(schedules_deployment(broker, context.installation), owner=raw)
        else:
            await context.children.remove(key, owner=raw)
    except NameConflictError as error:
        obstacle = (
            f"The beat of this broker's schedules cannot be created: {error}. Rename that object or "
            "the Broker."
        )
    except (DeniedError, InvalidError) as error:
        obstacle = f"The beat of this broker's schedules cannot be created: {clean(error.message)}"
    await _tell(raw, broker.key, obstacle, context)


async def _tell(raw: Object, broker: Key, obstacle: str | None, context: Context) -> None:
    """An event for a new problem; the schedules quote it."""
    before = context.schedules.obstacles.pop(broker, None)
    if obstacle is None:
        return
    context.schedules.obstacles[broker] = obstacle
    if obstacle != before:
        await context.events.record(
            raw, Event(EventReason.BEAT_CREATION_FAILED, obstacle, Severity.WARNING), now=context.now()
        )


def beat_problem(broker: Key, heartbeat: Heartbeat | None, context: Context) -> str | None:
    """Why a broker's beat does not send, as far as is known."""
    if heartbeat is not None and heartbeat.ready:
        return None
    name = schedules_name(broker.name)
    if context.cache.get("Deployment", broker.namespace, name) is None:
        return (
            f"Deployment {name!r} does not exist yet. If it is not created, check the events of "
            f"Broker {broker.name!r}."
        )
    pods = context.cache.children("Pod", broker)
    found = trouble(
        (pod for pod in pods if pod["metadata"]["labels"].get(COMPONENT_LABEL) == COMPONENT),
        now=context.now(),
    )
    if found is not None:
        return f"The broker's beat is not running. {found.message}"
    if heartbeat is not None:
        return "The broker's beat is running but has not read the schedules yet."
    return f"The broker's beat is starting or hangs: it has not reported for 15 s. Check Deployment {name!r}."
