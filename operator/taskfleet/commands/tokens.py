"""What users ask of the operator, as patches: each with a new token, which a field of the status repeats. Pure but for
the tokens."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from taskfleet.api import Object
from taskfleet.api.annotations import FAILED_TASKS, FORGET, REQUESTED_BY, REQUEUE, TRIGGER
from taskfleet.api.task_queue import FORCE
from taskfleet.resources.hashing import UPGRADE_ANNOTATION


@dataclass(frozen=True)
class Request:
    """`answer` is the field of the status; it repeats `token` once the operator has carried out the request."""

    patch: Object
    token: str
    answer: str


def signed_by(user: str | None, patch: Object) -> Object:
    """The patch with the name of the user who makes it, in place of whoever made the last one."""
    metadata = patch.get("metadata") or {}
    annotations = {**(metadata.get("annotations") or {}), REQUESTED_BY: user}
    return {**patch, "metadata": {**metadata, "annotations": annotations}}


def purge_request(*, force: bool) -> Request:
    """Of a TaskQueue: remove the messages that wait."""
    token = secrets.token_hex(4) + (f" {FORCE}" if force else "")
    return Request({"spec": {"purge": token}}, token, "lastPurge")


def trigger_request() -> Request:
    """Of a PeriodicSchedule: one run, now."""
    token = secrets.token_hex(8)
    return Request({"metadata": {"annotations": {TRIGGER: token}}}, token, "lastTrigger")


def requeue_request(ids: Sequence[str]) -> Request:
    """Of a WorkerPool: requeue the dead letters with these ids; without ids all."""
    token = secrets.token_hex(4)
    annotation = " ".join([token, *ids])
    return Request({"metadata": {"annotations": {REQUEUE: annotation}}}, token, "lastRequeue")


def forget_request(ids: Sequence[str]) -> Request:
    """Of a WorkerPool: remove the dead letters with these ids; without ids all."""
    token = secrets.token_hex(4)
    return Request({"metadata": {"annotations": {FORGET: " ".join([token, *ids])}}}, token, "lastForget")


def failed_tasks_request(words: str) -> Request:
    """Of a WorkerPool: what to do with which failed tasks, such as `retry all`."""
    token = secrets.token_hex(4)
    return Request(
        {"metadata": {"annotations": {FAILED_TASKS: f"{token} {words}"}}}, token, "lastFailedTasks"
    )


def upgrade_patch() -> Object:
    """Of a WorkerPool: replace outdated pods. No field of the status answers."""
    return {"metadata": {"annotations": {UPGRADE_ANNOTATION: secrets.token_hex(4)}}}
