"""Results in another database of an external broker, by the same certificates and Sentinels."""

import base64
import json
import uuid

import redis

from tests.runtime.brokers.scene import Scene
from tests.runtime.ports import free_port
from tests.runtime.redis_sentinel import MASTER, SentinelGroup
from tests.runtime.redis_server import RedisServer
from tests.tools.waiting import wait_for


def ask(client: redis.Redis, number: int) -> str:
    """Send `results.double`; its id."""
    task_id = str(uuid.uuid4())
    embed = {"callbacks": None, "errbacks": None, "chain": None, "chord": None}
    body = base64.b64encode(json.dumps([[number], {}, embed]).encode()).decode()
    headers = {"lang": "py", "task": "results.double", "id": task_id, "root_id": task_id, "retries": 0}
    properties = {
        "correlation_id": task_id,
        "delivery_info": {"exchange": "", "routing_key": "celery"},
        "delivery_tag": str(uuid.uuid4()),
        "body_encoding": "base64",
        "priority": 0,
    }
    kind = {"content-encoding": "utf-8", "content-type": "application/json"}
    client.lpush("celery", json.dumps({"body": body, "headers": headers, "properties": properties, **kind}))
    return task_id


def answer(client: redis.Redis, task_id: str) -> object:
    """The result, once it is there."""
    stored = wait_for(lambda: client.get(f"celery-task-meta-{task_id}"), 30, what="the result")
    return json.loads(str(stored))["result"]


def test_over_tls_with_a_client_certificate(scene: Scene) -> None:
    port, own = free_port(), scene.certificates.folder
    with RedisServer(scene.folder, *scene.certificates.redis_options(port, ask_clients=True)) as server:
        task_id = ask(server.client, 21)
        files = {"ca": "ca.crt", "certificate": "client.crt", "key": "client.key"}
        tls = {**{name: str(own / file) for name, file in files.items()}, "verify": True}
        url = f"rediss://127.0.0.1:{port}/0"
        scene.worker(url, app="results", tls=tls, resultDatabase=3).start().ready()
        with redis.Redis(port=server.port, db=3, decode_responses=True) as results:
            assert answer(results, task_id) == 42


def test_through_sentinels(scene: Scene) -> None:
    with SentinelGroup(scene.folder) as group:
        task_id = ask(group.client, 4)
        sentinel = {"masterName": MASTER, "tls": False}
        scene.worker(group.url(), app="results", sentinel=sentinel, resultDatabase=3).start().ready()
        with redis.Redis(port=group.first.port, db=3, decode_responses=True) as results:
            assert answer(results, task_id) == 8
