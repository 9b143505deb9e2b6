"""`kubectl taskfleet purge`: remove the messages that wait in a queue."""

from taskfleet.api import Key
from taskfleet.commands.output import Form, print_answer, print_errors
from taskfleet.commands.request import send
from taskfleet.commands.tokens import purge_request
from taskfleet.kube.gateway import Gateway


async def purge(gateway: Gateway, queue: Key, *, force: bool, form: Form | None = None) -> int:
    """Print how many messages were removed, or why none was. Raises PendingError and ApiError."""
    answer = await send(gateway, queue, purge_request(force=force))
    refused = answer.get("refused")
    print_answer(answer, form, [] if refused else [f"Messages removed: {answer.get('messages', 0)}"])
    if refused:
        print_errors(f"No message was removed. {refused} Use --force to purge anyway.")
    return 1 if refused else 0
