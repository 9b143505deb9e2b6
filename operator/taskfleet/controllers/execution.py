"""Carrying out a plan: its children in order, then its requests."""

from dataclasses import replace

import structlog

from taskfleet.api import Object, parse_quantity
from taskfleet.api.reasons import Reason
from taskfleet.controllers.auto_broker import create_broker
from taskfleet.controllers.context import Context
from taskfleet.controllers.failed_tasks import handle_failed_tasks
from taskfleet.controllers.ownership import is_retained
from taskfleet.controllers.plan import (
    Apply,
    CreateBroker,
    DeletePod,
    GrowVolume,
    HandleFailedTasks,
    Outcome,
    Plan,
    PodTemplate,
    Problem,
    PurgeQueue,
    Remove,
    Request,
    RequeueDeadLetters,
    invalid_spec,
)
from taskfleet.controllers.pod_trouble import clean
from taskfleet.controllers.purge import purge
from taskfleet.controllers.refused import in_words_of
from taskfleet.controllers.request_results import FailedTasksResult, RequestResult
from taskfleet.controllers.requeue import requeue
from taskfleet.kube.errors import DeniedError, InvalidError, NameConflictError
from taskfleet.kube.resource_types import key_of
from taskfleet.resources.errors import SpecError

log = structlog.get_logger(__name__)

NOT_APPLIED = (NameConflictError, SpecError, InvalidError, DeniedError)
"""Why a child differs from its wanted state, if the reason is in the cluster or the spec."""


_Answer = RequestResult | FailedTasksResult | Problem | str | None


class UnknownChildError(Exception):
    """Memory lacked a child that the plan depends on, and has it now: plan again."""


async def attempt(plan: Plan, owner: Object, context: Context) -> Outcome:
    """As `execute`. What keeps a child from its wanted state is a part of the outcome."""
    try:
        return await execute(plan, owner, context)
    except NOT_APPLIED as error:
        return Outcome(not_applied(error, owner["kind"]))


async def execute(plan: Plan, owner: Object, context: Context) -> Outcome:
    """The children in order, then the requests. Raises what `Children` raises, ApiError and UnknownChildError."""
    if plan != Plan():
        log.debug("planned", **key_of(owner)._asdict(), plan=plan)
    live: list[Object] = []
    for child in plan.children:
        if isinstance(child, Remove):
            await context.children.remove(child.key, owner=owner)
        else:
            live.append(await _apply(child, owner, context))
    outcome = Outcome(plan.problem, tuple(live), results=plan.results)
    for request in plan.requests if plan.problem is None else ():
        outcome = _with(outcome, await _carry_out(request, context))
    return outcome


async def _apply(child: Apply, owner: Object, context: Context) -> Object:
    if child.template is PodTemplate.ROLLED:
        context.rolling_upgrade.pool = key_of(owner)
    live = child.live if child.read else await context.children.find(child.key, owner=owner)
    if child.new and live is not None:
        raise UnknownChildError
    if child.claim is not None:
        await _create_claim(child.claim, owner, context)
    if child.seed is not None:
        with in_words_of(child.seed, child.written):
            live = await context.replicas.create(child.seed)
    with in_words_of(child.built, child.written):
        return await context.children.apply_if_changed(child.built, live, owner=owner)


async def _create_claim(claim: Object, owner: Object, context: Context) -> None:
    """An existing one is looked up all the same: it may be another owner's."""
    live = await context.children.find(
        key_of(claim), owner=owner, retained=lambda found: is_retained(found, owner)
    )
    if live is None:
        await context.gateway.apply(claim)


async def _carry_out(request: Request, context: Context) -> _Answer:
    """The answer; a sentence where it was refused."""
    match request:
        case CreateBroker():
            return Problem(await create_broker(request.broker, context), final=False)
        case RequeueDeadLetters():
            return await requeue(request, context)
        case HandleFailedTasks():
            return await handle_failed_tasks(request, context)
        case PurgeQueue():
            return await purge(request, context)
        case GrowVolume():
            return await _grow(request, context)
        case DeletePod():
            await context.gateway.delete(request.pod, uid=request.uid)
            return None


async def _grow(volume: GrowVolume, context: Context) -> str | None:
    claim = await context.gateway.get(volume.claim)
    if claim is None:
        return None
    before = claim["spec"]["resources"]["requests"]["storage"]
    if parse_quantity(before) >= parse_quantity(volume.size):
        return None
    change = {"spec": {"resources": {"requests": {"storage": volume.size}}}}
    try:
        await context.gateway.patch(volume.claim, change)
    except (DeniedError, InvalidError) as error:
        return f"The volume cannot be resized from {before} to {volume.size}: {clean(error.message)}"
    return None


def _with(outcome: Outcome, answer: _Answer) -> Outcome:
    if isinstance(answer, Problem):
        return replace(outcome, problem=answer)
    if isinstance(answer, RequestResult | FailedTasksResult):
        return replace(outcome, results=(*outcome.results, answer))
    return replace(outcome, refused=answer or outcome.refused)


def not_applied(error: NameConflictError | SpecError | InvalidError | DeniedError, owner: str) -> Problem:
    """The reason and its sentence. `owner`: the kind, as messages name it."""
    if isinstance(error, NameConflictError):
        message = (
            f"{error}. Rename the {owner}, or delete or rename the {error.kind} {error.name!r}, "
            "which the operator does not change."
        )
        return Problem((Reason.NAME_CONFLICT, message), final=True)
    if isinstance(error, DeniedError):
        said = f"The API server rejected a change, which is retried: {clean(error.message)}"
        return Problem((Reason.APPLY_FAILED, said), final=False)
    return invalid_spec(error.message if isinstance(error, InvalidError) else str(error))
