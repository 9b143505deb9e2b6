"""`kubectl taskfleet purge`: remove the messages that wait in a queue."""

import secrets

from taskfleet.api import Key
from taskfleet.api.task_queue import FORCE
from taskfleet.commands.output import Form, print_answer, print_errors
from taskfleet.commands.request import Request, send
from taskfleet.kube.gateway import Gateway


async def purge(gateway: Gateway, queue: Key, *, force: bool, form: Form | None = None) -> int:
    """Print how many messages were removed, or why none was. Raises PendingError and ApiError."""
    token = secrets.token_hex(4) + (f" {FORCE}" if force else "")
    answer = await send(gateway, queue, Request({"spec": {"purge": token}}, token, "lastPurge"))
    refused = answer.get("refused")
    print_answer(answer, form, [] if refused else [f"Messages removed: {answer.get('messages', 0)}"])
    if refused:
        print_errors(f"No message was removed. {refused} Use --force to purge anyway.")
    return 1 if refused else 0
