"""What a WorkerPool's annotation asks to do with failed tasks, or why that is not done. Pure."""

from taskfleet.api import Key, WorkerPool
from taskfleet.api.annotations import FAILED_TASKS
from taskfleet.api.worker_pool_status import MAX_TOKEN
from taskfleet.brokers.capabilities import Capabilities
from taskfleet.brokers.failures.failed_task import Action, Request
from taskfleet.controllers.plan import HandleFailedTasks, Plan
from taskfleet.controllers.request_results import FailedTasksResult, requested_by

_ACTIONS = {
    "retry": (Action.RETRY, False),
    "retry-force": (Action.RETRY, True),
    "forget": (Action.FORGET, False),
}
_FORM = "Set it to a new token, then retry, retry-force or forget, then all, task NAME or id ID."


def plan_failed_tasks(pool: WorkerPool, broker: Key, capabilities: Capabilities | None) -> Plan:
    """The request, or its answer where nothing can be done; nothing where nothing new is asked for."""
    words = pool.metadata.annotations.get(FAILED_TASKS, "").split()
    answered = pool.status.last_failed_tasks
    token = words[0][:MAX_TOKEN] if words else ""
    if not token or (answered is not None and answered.token == token):
        return Plan()
    request = read_request(token, words[1:])
    if request is None:
        why = f"The annotation {FAILED_TASKS} is not a valid request. {_FORM}"
        return Plan(results=(FailedTasksResult(token, refused=why),))
    if capabilities is not None and not capabilities.taskfleet_state:
        why = f"Failed tasks are not recorded on {capabilities.name}: this requires Redis."
        return Plan(results=(FailedTasksResult(token, request.action, refused=why),))
    handle = HandleFailedTasks(
        pool.key,
        pool.metadata.uid,
        broker,
        request,
        pool.spec.failures.retention.total_seconds(),
        requested_by(pool.metadata.annotations),
    )
    return Plan(requests=(handle,))


def read_request(token: str, words: list[str]) -> Request | None:
    """What follows the token; None for what is no request."""
    action, force = _ACTIONS.get(words[0] if words else "", (None, False))
    if action is None:
        return None
    match words[1:]:
        case ["all"]:
            return Request(token, action, force=force)
        case ["task", *name] if name:
            return Request(token, action, task=" ".join(name), force=force)
        case ["id", *ids] if ids:
            return Request(token, action, ids=frozenset(ids), force=force)
    return None
