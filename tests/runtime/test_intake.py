"""One message that cannot be taken in stops nothing: it is dead-lettered with the reason, and the next one runs."""

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.runtime.messages import message, send
from tests.runtime.redis_server import RedisServer
from tests.runtime.test_pools import every_pool
from tests.runtime.waiting import wait_for
from tests.runtime.worker import Worker

MakeWorker = Callable[..., Worker]
Payload = dict[str, Any]

REASON = "taskfleet-reason"


def encoded(value: object) -> str:
    return base64.b64encode(json.dumps(value).encode()).decode()


def nested(depth: int) -> str:
    return "[" * depth + "]" * depth


def changed(path: str, value: object) -> Callable[[Payload], Payload]:
    """The message with one part of it replaced; without it if the value is Ellipsis."""

    def change(payload: Payload) -> Payload:
        *parents, name = path.split(".")
        part = payload
        for parent in parents:
            part = part[parent]
        if value is ...:
            del part[name]
        else:
            part[name] = value
        return payload

    return change


BODIES = {
    "body-not-base64": changed("body", "%%%"),
    "body-not-padded": changed("body", "YQ"),
    "body-a-number": changed("body", encoded(7)),
    "body-null": changed("body", encoded(None)),
    "body-a-list-of-two": changed("body", encoded([[], {}])),
    "body-a-word": changed("body", encoded("abc")),
    "body-absent": changed("body", ...),
    "body-of-another-type": changed("body", {"a": 1}),
    "body-encoding-unknown": changed("properties.body_encoding", "rot13"),
    "compression-unknown": changed("headers.compression", "zip-of-the-future"),
    "compression-wrong": changed("headers.compression", "application/x-gzip"),
    "content-encoding-unknown": changed("content-encoding", "klingon"),
    "properties-absent": changed("properties", ...),
    "properties-a-list": changed("properties", [1]),
    "delivery-info-a-word": changed("properties.delivery_info", "abc"),
    "headers-a-list": changed("headers", [1]),
    "headers-without-an-id": changed("headers.id", ...),
    "task-a-list": changed("headers.task", ["proj.nap"]),
    "id-a-list": changed("headers.id", [1]),
    "id-an-object": changed("headers.id", {"a": 1}),
    "eta-a-number": changed("headers.eta", 17),
    "eta-a-list": changed("headers.eta", [1]),
    "eta-out-of-range": changed("headers.eta", "0001-01-01T00:00:00+00:00"),
    "expires-a-word": changed("headers.expires", "soon"),
    "expires-a-list": changed("headers.expires", [1]),
    "expires-without-a-zone": changed("headers.expires", "2000-01-01T00:00:00"),
    "stamps-odd": changed("headers.stamped_headers", 7),
    "timelimit-a-word": changed("headers.timelimit", "abc"),
}
RAW: dict[str, str | bytes] = {
    "not-json": "hello",
    "not-text": b"\xff\xfe\x00\x01",
    "empty": "",
    "a-list": "[1, 2]",
    "a-number": "17",
    "null": "null",
    "a-word": '"abc"',
    "nested-too-deep": nested(100_000),
    "cut": '{"body": "abc", "head',
}
# Celery rejects these itself, says so in its log, and drops them.
REJECTED = {
    "task-unknown": changed("headers.task", "proj.of_yesterday"),
    "content-type-refused": changed("content-type", "application/x-python-serialize"),
    "body-nested-too-deep": changed("body", base64.b64encode(nested(100_000).encode()).decode()),
}

# What Celery's log says of a message that it rejects, discards or fails.
SAID = ("discarded", "Discarding", "Can't decode", "Received and deleted", "convert ETA", "must be a mapping")


def good(number: int) -> Payload:
    return message("proj.nap", (0,), task_id=f"task-{number}", priority=0, eta=None, route=("", "celery"))


def push(server: RedisServer, messages: dict[str, Callable[[Payload], Payload]]) -> None:
    for number, change in enumerate(messages.values()):
        server.client.lpush("celery", json.dumps(change(good(number))))


def all_settled(server: RedisServer) -> bool:
    return server.client.exists("celery", "unacked", "unacked_index") == 0


@every_pool
def test_messages_that_cannot_be_taken_in_stop_no_worker(
    make_worker: MakeWorker, server: RedisServer, pool: str
) -> None:
    push(server, BODIES)
    for raw in RAW.values():
        server.client.lpush("celery", raw)
    push(server, REJECTED)
    task = send(server.client, "proj.nap", 0)
    worker = make_worker(pool).start().ready()
    wait_for(lambda: task in server.finished() or not worker.running, "the task behind them to run")
    assert worker.running, worker.log[-3000:]
    wait_for(lambda: all_settled(server), "all to be settled")
    dead = [json.loads(line) for line in server.lines("celery.dead")]
    assert len(dead) >= len(RAW)
    assert all(letter[REASON] for letter in dead)
    assert worker.get("/livez")[0] == 200
    wait_for(
        lambda: any(
            f"{len(dead)} messages could not be processed and were dead-lettered." in note
            for note in server.report(worker)["notes"]
        ),
        "the note of it",
    )


@pytest.mark.parametrize("name", REJECTED)
def test_what_celery_rejects_by_itself_is_no_dead_letter(
    make_worker: MakeWorker, server: RedisServer, name: str
) -> None:
    make_worker("solo").start().ready()
    push(server, {name: REJECTED[name]})
    task = send(server.client, "proj.nap", 0)
    wait_for(lambda: task in server.finished(), "the task behind it to run")
    wait_for(lambda: all_settled(server), "all to be settled")
    assert server.lines("celery.dead") == []


@pytest.mark.long
@pytest.mark.parametrize("name", BODIES)
def test_each_message_runs_or_is_rejected_or_is_a_dead_letter_as_it_came(
    make_worker: MakeWorker, server: RedisServer, name: str
) -> None:
    worker = make_worker("solo").start().ready()
    push(server, {name: BODIES[name]})
    task = send(server.client, "proj.nap", 0)
    wait_for(lambda: task in server.finished(), "the task behind it to run")
    wait_for(lambda: all_settled(server), "all to be settled")
    dead = [json.loads(line) for line in server.lines("celery.dead")]
    outcomes = [
        len(dead) == 1 and dead[0].get("body") == BODIES[name](good(0)).get("body"),
        "task-0" in server.finished(),
        any(word in worker.log for word in SAID),
    ]
    assert outcomes.count(True) == 1, (outcomes, dead, worker.log[-2000:])


@pytest.mark.long
@every_pool
def test_a_message_that_ends_each_worker_as_it_is_received_is_a_dead_letter_after_the_sixth(
    make_worker: MakeWorker, server: RedisServer, pool: str
) -> None:
    poison = send(server.client, "received.exits")
    task = send(server.client, "received.fine")
    for ends in range(1, 7):
        make_worker(pool, app="received").start().ended()
        assert bool(server.waiting("celery.dead")) == (ends == 6)
    worker = make_worker(pool, app="received").start().ready()
    wait_for(lambda: server.finished() == [task], "the task behind it to run")
    assert server.waiting("celery.dead") == [poison]
    (letter,) = server.lines("celery.dead")
    assert "SystemExit" in json.loads(letter)[REASON]
    assert worker.running
