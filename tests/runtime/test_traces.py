"""Spans of executions: all of them on every pool, linked to their producers, and never at the expense of a task."""

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.runtime.certificates import Certificates
from tests.runtime.messages import send
from tests.runtime.otlp_receiver import Receiver, otlp_receiver
from tests.runtime.ports import free_port
from tests.runtime.redis_server import RedisServer
from tests.runtime.test_pools import every_pool
from tests.runtime.worker import Worker
from tests.tools.waiting import wait_for

MakeWorker = Callable[..., Worker]

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"

each_number = pytest.mark.parametrize("tasks", [50, pytest.param(1000, marks=pytest.mark.long)])


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with otlp_receiver() as one:
        yield one


def traces(endpoint: str, **changes: Any) -> dict[str, Any]:
    """The settings of a worker that sends spans there."""
    return {
        "app": "outcomes",
        "traces": {"endpoint": endpoint, "service": "mail", "sampling": 1.0, **changes},
    }


def spans_of(receiver: Receiver, tasks: list[str], within: float = 90) -> None:
    """Exactly one span of each task has come."""
    expected = Counter(tasks)
    wait_for(
        lambda: Counter(span["attributes"]["messaging.message.id"] for span in receiver.spans) == expected,
        within,
        what=f"{len(tasks)} spans, but there are {len(receiver.spans)}",
    )
    assert len({span["spanId"] for span in receiver.spans}) == len(tasks)


@each_number
@every_pool
def test_every_execution_has_a_span(
    make_worker: MakeWorker, server: RedisServer, receiver: Receiver, pool: str, tasks: int
) -> None:
    sent = [send(server.client, "outcomes.succeed") for _ in range(tasks)]
    worker = make_worker(pool, **traces(receiver.endpoint)).start().ready()
    spans_of(receiver, sent)
    assert worker.terminate().ended() == 0
    spans_of(receiver, sent)
    assert {path for path, _ in receiver.requests} == {"/v1/traces"}
    assert receiver.resource["service.name"] == "mail"


# Celery starts a few children in a second.
@pytest.mark.parametrize("tasks", [30, pytest.param(300, marks=pytest.mark.long)])
def test_children_that_run_one_task_each_lose_no_span(
    make_worker: MakeWorker, server: RedisServer, receiver: Receiver, tasks: int
) -> None:
    arguments = ("--max-tasks-per-child=1",)
    make_worker(**traces(receiver.endpoint), arguments=arguments).start().ready()
    ended = [send(server.client, "outcomes.succeed") for _ in range(tasks // 2)]
    ended += [send(server.client, "outcomes.fail", "OSError") for _ in range(tasks - tasks // 2)]
    spans_of(receiver, ended, within=300)


@every_pool
def test_no_span_is_lost_over_term(
    make_worker: MakeWorker, server: RedisServer, receiver: Receiver, pool: str
) -> None:
    """One worker ends in the middle, another one does the rest."""
    sent = [send(server.client, "outcomes.succeed", 0.05) for _ in range(40)]
    first = make_worker(pool, **traces(receiver.endpoint)).start().ready()
    wait_for(lambda: len(server.lines("test:started")) > 5, 30, what="some tasks to start")
    assert first.terminate().ended() == 0
    assert len(receiver.spans) == len(server.lines("test:started")) < 40, "the last ones come before its end"
    make_worker(pool, **traces(receiver.endpoint)).start().ready()
    spans_of(receiver, sent)


@every_pool
def test_a_span_is_a_child_of_its_producers(
    make_worker: MakeWorker, server: RedisServer, receiver: Receiver, pool: str
) -> None:
    make_worker(pool, **traces(receiver.endpoint, sampling=0.0)).start().ready()
    send(server.client, "outcomes.succeed")
    send(server.client, "outcomes.succeed", headers={"traceparent": f"00-{TRACE}-{PARENT}-00"})
    sent = send(
        server.client,
        "outcomes.succeed",
        0.2,
        headers={"traceparent": f"00-{TRACE}-{PARENT}-01", "tracestate": "shop=1"},
    )
    spans_of(receiver, [sent])
    (span,) = receiver.spans
    assert (span["traceId"], span["parentSpanId"], span["traceState"]) == (TRACE, PARENT, "shop=1")
    assert (span["name"], span["kind"]) == ("run/outcomes.succeed", 5)
    assert 0.2e9 <= int(span["endTimeUnixNano"]) - int(span["startTimeUnixNano"]) < 2e9
    told = span["attributes"]
    assert told["celery.task_name"] == "outcomes.succeed"
    assert told["celery.state"] == "SUCCESS"
    assert told["messaging.system"] == "redis"
    assert told["messaging.destination.name"] == "celery"
    assert told["taskfleet.redeliveries"] == 0


def test_a_failure_is_an_event_with_its_exception(
    make_worker: MakeWorker, server: RedisServer, receiver: Receiver
) -> None:
    make_worker(**traces(receiver.endpoint)).start().ready()
    spans_of(receiver, [send(server.client, "outcomes.fail", "OSError")])
    (span,) = receiver.spans
    assert span["status"] == {"code": 2, "message": "OSError: no"}
    assert span["events"]["exception"]["exception.type"] == "OSError"
    assert "in fail" in span["events"]["exception"]["exception.stacktrace"]


def test_both_executions_of_a_lost_message_are_in_one_trace(
    make_worker: MakeWorker, server: RedisServer, receiver: Receiver
) -> None:
    make_worker(**traces(receiver.endpoint)).start().ready()
    sent = send(server.client, "outcomes.lose_the_child_once")
    spans_of(receiver, [sent, sent])
    lost, again = receiver.spans
    assert lost["traceId"] == again["traceId"]
    assert lost["attributes"]["taskfleet.outcome"] == "interrupted"
    assert "requeue" in lost["events"]
    assert again["attributes"]["taskfleet.outcome"] == "succeeded"
    assert [span["attributes"]["taskfleet.redeliveries"] for span in (lost, again)] == [0, 1]


@every_pool
def test_a_task_that_ends_while_its_pod_drains_says_so(
    make_worker: MakeWorker, server: RedisServer, receiver: Receiver, pool: str
) -> None:
    worker = make_worker(pool, **traces(receiver.endpoint), capacity=1).start().ready()
    sent = send(server.client, "outcomes.succeed", 2)
    wait_for(lambda: server.lines("test:started"), 30, what="the task to start")
    assert worker.terminate().ended() == 0
    spans_of(receiver, [sent])
    assert list(receiver.spans[0]["events"]) == ["drain"]


def test_a_collector_that_comes_late_gets_what_was_sent_before(
    make_worker: MakeWorker, server: RedisServer
) -> None:
    port = free_port()
    worker = make_worker(**traces(f"http://127.0.0.1:{port}")).start().ready()
    sent = [send(server.client, "outcomes.succeed") for _ in range(20)]
    wait_for(lambda: "traces cannot be sent" in worker.log, 30, what="a complaint")
    wait_for(lambda: not server.client.llen("celery"), 30, what="the tasks to run")
    with otlp_receiver(port) as receiver:
        spans_of(receiver, sent)


@pytest.mark.parametrize("pool", ["prefork", "gevent"])
def test_a_collector_that_never_answers_delays_neither_tasks_nor_the_end(
    make_worker: MakeWorker, server: RedisServer, receiver: Receiver, pool: str
) -> None:
    receiver.gate.clear()
    worker = make_worker(pool, **traces(receiver.endpoint)).start().ready()
    for _ in range(20):
        send(server.client, "outcomes.succeed")
    wait_for(lambda: len(server.lines("test:started")) == 20, 15, what="the tasks to run")
    wait_for(lambda: receiver.requests, 15, what="a request")
    assert worker.terminate().ended(timeout=12) == 0


def test_spans_that_the_collector_refuses_are_counted_in_a_note(
    make_worker: MakeWorker, server: RedisServer, receiver: Receiver
) -> None:
    receiver.status = 401
    worker = make_worker(**traces(receiver.endpoint)).start().ready()
    send(server.client, "outcomes.succeed")
    wait_for(
        lambda: server.report(worker)["notes"] == ["1 spans were dropped: the collector answers 401."],
        30,
        what="the note",
    )


def test_headers_come_from_the_environment(
    make_worker: MakeWorker, server: RedisServer, receiver: Receiver
) -> None:
    environment = {"TASKFLEET_OTLP_HEADERS": "x-team=mail,authorization=Bearer%20abc"}
    make_worker(**traces(receiver.endpoint), environment=environment).start().ready()
    spans_of(receiver, [send(server.client, "outcomes.succeed")])
    sent = receiver.requests[0][1]
    assert (sent["x-team"], sent["authorization"]) == ("mail", "Bearer abc")


@every_pool
def test_a_collector_over_tls_is_verified(
    make_worker: MakeWorker, server: RedisServer, tmp_path: Path, pool: str
) -> None:
    certificates = Certificates(tmp_path / "certificates")
    known = {"SSL_CERT_FILE": str(certificates.folder / "ca.crt")}
    with otlp_receiver(certificate=certificates.folder / "server.crt") as receiver:
        stranger = make_worker(pool, **traces(receiver.endpoint)).start().ready()
        send(server.client, "outcomes.succeed")
        wait_for(lambda: "(SSLCertVerificationError)" in stranger.log, 30, what="a complaint")
        assert stranger.terminate().ended() == 0
        sent = [send(server.client, "outcomes.succeed")]
        make_worker(pool, **traces(receiver.endpoint), environment=known).start().ready()
        spans_of(receiver, sent)


@pytest.mark.parametrize("where", ["import", "child"])
def test_what_the_app_traces_itself_is_not_doubled(
    make_worker: MakeWorker, server: RedisServer, receiver: Receiver, where: str
) -> None:
    worker = make_worker(
        **{**traces(receiver.endpoint), "app": "traced"}, environment={"TRACED_WHERE": where}
    )
    worker.start().ready()
    send(server.client, "traced.nothing")
    wait_for(
        lambda: any("sends no spans" in note for note in server.report(worker)["notes"]),
        30,
        what="the note",
    )
    wait_for(lambda: server.lines("test:started"), 30, what="the task to run")
    assert worker.terminate().ended() == 0
    assert receiver.spans == []
