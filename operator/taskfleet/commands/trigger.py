"""`kubectl taskfleet trigger`: run a schedule once, now."""

from taskfleet.api import Key
from taskfleet.commands.output import Form, print_answer
from taskfleet.commands.request import send
from taskfleet.commands.tokens import trigger_request
from taskfleet.kube.gateway import Gateway


async def trigger(gateway: Gateway, schedule: Key, *, form: Form | None = None) -> int:
    """Request a run, and print the id of its task. Raises PendingError and ApiError."""
    answer = await send(gateway, schedule, trigger_request())
    print_answer(answer, form, [str(answer["taskId"])])
    return 0
