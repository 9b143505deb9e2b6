"""Task messages as Celery's producers write them to Redis, made here so that tests need no Celery of their own."""

import base64
import json
import uuid
from typing import Any

import redis

BUCKETS = (0, 3, 6, 9)


def send(
    client: redis.Redis,
    task: str,
    *args: object,
    queue: str = "celery",
    priority: int = 0,
    eta: str | None = None,
    headers: dict[str, Any] | None = None,
    chord: dict[str, Any] | None = None,
    route: tuple[str, str] | None = None,
) -> str:
    """Put one message at the end of the line; the task's id. `route` (exchange and key) is only noted in it; `headers`
    are added to Celery's."""
    task_id = str(uuid.uuid4())
    step = max(bucket for bucket in BUCKETS if bucket <= priority)
    key = f"{queue}\x06\x16{step}" if step else queue
    body = message(
        task, args, task_id=task_id, priority=priority, eta=eta, route=route or ("", queue), chord=chord
    )
    body["headers"].update(headers or {})
    client.lpush(key, json.dumps(body))
    return task_id


def message(
    task: str,
    args: tuple[object, ...],
    *,
    task_id: str,
    priority: int,
    eta: str | None,
    route: tuple[str, str],
    chord: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Celery's message protocol 2 in kombu's envelope for virtual transports."""
    body = json.dumps([list(args), {}, {"callbacks": None, "errbacks": None, "chain": None, "chord": chord}])
    headers = {
        "lang": "py", "task": task, "id": task_id, "root_id": task_id, "parent_id": None, "group": None,
        "eta": eta, "expires": None, "retries": 0, "timelimit": [None, None], "argsrepr": repr(args),
        "kwargsrepr": "{}", "origin": "test", "ignore_result": True,
    }  # fmt: skip
    properties = {
        "correlation_id": task_id, "reply_to": "", "delivery_mode": 2, "priority": priority,
        "delivery_info": {"exchange": route[0], "routing_key": route[1]}, "body_encoding": "base64",
        "delivery_tag": str(uuid.uuid4()),
    }  # fmt: skip
    return {
        "body": base64.b64encode(body.encode()).decode(),
        "content-encoding": "utf-8",
        "content-type": "application/json",
        "headers": headers,
        "properties": properties,
    }
