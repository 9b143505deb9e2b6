"""`kubectl taskfleet trigger`: run a schedule once, now."""

import secrets

from taskfleet.api import Key
from taskfleet.api.annotations import TRIGGER
from taskfleet.commands.output import Form, print_answer
from taskfleet.commands.request import Request, send
from taskfleet.kube.gateway import Gateway


async def trigger(gateway: Gateway, schedule: Key, *, form: Form | None = None) -> int:
    """Request a run, and print the id of its task. Raises PendingError and ApiError."""
    token = secrets.token_hex(8)
    patch = {"metadata": {"annotations": {TRIGGER: token}}}
    answer = await send(gateway, schedule, Request(patch, token, "lastTrigger"))
    print_answer(answer, form, [str(answer["taskId"])])
    return 0
