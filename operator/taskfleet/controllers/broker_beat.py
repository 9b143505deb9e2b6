"""The beat of a broker's schedules: made with the first PeriodicSchedule, removed with the last."""

from collections.abc import Iterator

from taskfleet.api import Broker, Key, Object
from taskfleet.api.reasons import EventReason
from taskfleet.api.stored import is_terminating
from taskfleet.brokers.schedules.state import Heartbeat
from taskfleet.controllers.broker_plan import plan_schedules, schedules_key
from taskfleet.controllers.context import Context
from taskfleet.controllers.execution import execute
from taskfleet.controllers.plan import Problem, invalid_spec
from taskfleet.controllers.pod_trouble import clean, trouble
from taskfleet.kube.cache import Cache
from taskfleet.kube.errors import DeniedError, InvalidError, NameConflictError
from taskfleet.kube.event import Event, Severity
from taskfleet.resources.labels import COMPONENT as COMPONENT_LABEL
from taskfleet.resources.schedules_deployment import COMPONENT


def schedules_of(broker: Key, cache: Cache) -> Iterator[Object]:
    """The PeriodicSchedules of a broker that are not being deleted."""
    for obj in cache.all("PeriodicSchedule", broker.namespace):
        name = ((obj.get("spec") or {}).get("brokerRef") or {}).get("name", "default")
        if name == broker.name and not is_terminating(obj):
            yield obj


async def carry_out_schedules(raw: Object, broker: Broker, context: Context) -> Problem | None:
    """Bring the Deployment and the entries in Redis to the schedules that there are; what is wrong with `spec.schedules`.

    That is said before there are any schedules, as far as it is known without them.
    """
    able = context.brokers.without_state(broker.key) is None
    wanted = able and any(True for _ in schedules_of(broker.key, context.cache))
    known = context.cache.get(*schedules_key(broker.key)) is not None or context.schedules.keeps(broker.key)
    plan = plan_schedules(broker, context.installation, wanted=True)
    problem, obstacle = plan.problem, None
    if not wanted and not known:
        return problem
    context.schedules.wake(broker.key)
    if not wanted:
        plan = plan_schedules(broker, context.installation, wanted=False)
    try:
        await execute(plan, raw, context)
    except NameConflictError as error:
        obstacle = f"{error}. Rename that object or the Broker."
    except InvalidError as error:
        problem = invalid_spec(clean(error.message))
    except DeniedError as error:
        obstacle = clean(error.message)
    why = obstacle or (problem.why[1] if problem is not None and wanted else None)
    await _note_obstacle(raw, broker.key, why, context)
    return problem


async def _note_obstacle(raw: Object, broker: Key, why: str | None, context: Context) -> None:
    """Keep it for the schedules, which quote it. An event for a new one."""
    before = context.schedules.obstacles.pop(broker, None)
    if why is None:
        return
    obstacle = f"The beat of this broker's schedules cannot be created: {why}"
    context.schedules.obstacles[broker] = obstacle
    if obstacle != before:
        event = Event(EventReason.BEAT_CREATION_FAILED, obstacle, Severity.WARNING)
        await context.events.record(raw, event, now=context.now())


def beat_problem(broker: Key, heartbeat: Heartbeat | None, context: Context) -> str | None:
    """Why a broker's beat does not send, as far as is known."""
    if heartbeat is not None and heartbeat.ready:
        return None
    name = schedules_key(broker).name
    if context.cache.get(*schedules_key(broker)) is None:
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
