"""`kubectl taskfleet trigger`: send one run of a schedule now, outside of its plan."""

import asyncio
import secrets
import time

from taskfleet.api import Key, Object
from taskfleet.api.annotations import TRIGGER
from taskfleet.kube.errors import ApiError
from taskfleet.kube.gateway import Gateway
from taskfleet.commands.output import complain, say
from taskfleet.commands.session import connected, context_namespace

_ANSWERED_WITHIN_SECONDS = 30.0
_LOOK_EVERY_SECONDS = 0.5


async def trigger(schedule: str, *, namespace: str | None) -> int:
    """Ask for a run, and print the id of its task. The exit code."""
    key = Key("PeriodicSchedule", namespace or context_namespace(), schedule)
    try:
        async with connected() as gateway:
            return await send_one(gateway, key)
    except ApiError as error:
        complain(f"PeriodicSchedule {key.name!r} in namespace {key.namespace!r}: {error.message}")
        return 1


async def send_one(gateway: Gateway, schedule: Key, *, seconds: float = _ANSWERED_WITHIN_SECONDS) -> int:
    """Ask, and wait for the answer. Raises ApiError."""
    token = secrets.token_hex(8)
    live = await gateway.patch(schedule, {"metadata": {"annotations": {TRIGGER: token}}})
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        answer = (live.get("status") or {}).get("lastTrigger") or {}
        if answer.get("token") == token:
            say(f"{answer['taskId']}")
            return 0
        await asyncio.sleep(_LOOK_EVERY_SECONDS)
        live = await gateway.get(schedule) or {}
    conditions = (live.get("status") or {}).get("conditions") or []
    ready: Object = next((one for one in conditions if one["type"] == "Ready"), {})
    why = f" {ready['message']}" if ready.get("status") == "False" else ""
    complain(
        f"No run was sent within {seconds:g} s.{why} It still will be, unless another one is asked for:"
        f" status.lastTrigger.token is {token!r} then."
    )
    return 1
