"""What is fuzzed: each parser of what tenants control, with what has to hold for any bytes. An exception is a finding."""

import base64
import contextlib
import math
from collections.abc import Callable
from datetime import UTC, datetime

from hiredis import ProtocolError
from prometheus_client.parser import text_string_to_metric_families

from taskfleet.api import External, Object
from taskfleet.api.names import MAX_NAME, is_object_name
from taskfleet.brokers.connection.raw_connection import _Replies
from taskfleet.brokers.connection.redis_address import _address
from taskfleet.brokers.connection.replies import ReplyGuard, UnsafeReplyError
from taskfleet.brokers.failures import failed_task
from taskfleet.brokers.key_layout import Layout
from taskfleet.brokers.outcomes.exposition import FAMILIES, rendered
from taskfleet.brokers.outcomes.totals import parse as parse_totals
from taskfleet.brokers.polling.broker_snapshot import Query, observe, unchanged
from taskfleet.brokers.polling.worker_report import Report, incarnation_of, parse, same_but_for_number
from taskfleet.brokers.recovery import kombu_bindings as bindings
from taskfleet.brokers.recovery import requeue_unacked
from taskfleet.brokers.schedules import state as schedule_state
from taskfleet.brokers.untrusted import MAX_COUNT, MAX_SECONDS
from taskfleet.commands.table import harmless
from taskfleet.controllers.broker_address import target_in
from taskfleet.controllers.broker_keys import AddressError, Sources
from taskfleet.controllers.pod_trouble import clean

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LAYOUT = Layout(prefix="", reports="taskfleet:c:ns:reports")
QUERY = Query(LAYOUT, ("high", "low"))
EXTERNAL = External.model_validate({"urlSecretRef": {"name": "redis", "key": "url"}})
SENTINEL = External.model_validate(
    {"urlSecretRef": {"name": "redis", "key": "url"}, "sentinel": {"masterName": "main"}}
)
LONGEST_NAME = 253


def _from(key: str) -> Object:
    return {"secretKeyRef": {"name": "redis", "key": key}}


BY_PARTS = [
    External.model_validate(
        {
            "scheme": scheme,
            "hostFrom": _from("host"),
            "portFrom": _from("port"),
            "usernameFrom": _from("user"),
            path: _from("path"),
            "passwordSecretRef": {"name": "redis", "key": "password"},
        }
    )
    for scheme, path in (("redis", "databaseFrom"), ("amqp", "virtualHostFrom"))
]


def names(data: bytes) -> None:
    text = data.decode(errors="replace")
    if is_object_name(text):
        assert len(text) <= MAX_NAME
        assert text.isascii()
        assert not set(text) - set("abcdefghijklmnopqrstuvwxyz0123456789-.")
        assert ".." not in text


def reports(data: bytes) -> None:
    parsed = parse(data)
    if parsed is None:
        return
    number, report = parsed
    assert 0 <= number <= MAX_COUNT
    _check(report)
    same_but_for_number(data, data)


def _check(report: Report) -> None:
    for count in (report.active, report.prefetched, report.eta, report.limited, report.capacity, report.held):
        assert 0 <= count <= 100 * MAX_COUNT
    assert 0 <= report.ready_after <= MAX_SECONDS
    assert len(report.notes) <= 10
    assert all(note.isprintable() and len(note) <= 200 for note in (*report.notes, report.state))
    assert len(report.queues) <= 100
    for work in report.queues.values():
        assert math.isfinite(float(work.done) + work.busy_seconds + work.active + work.held)


def starts(data: bytes) -> None:
    start = incarnation_of(data)
    assert start is None or all(map(is_object_name, start))


def readings(data: bytes) -> None:
    """A hash of reports: names and values in turn, one a line, read twice."""
    fields = data.split(b"\n")
    lengths = [-1, True, 2**63, b"x", 3.5, None, [], 1, 0, 0]
    first = observe(QUERY, [*lengths, fields], None, now=1.0)
    again = observe(QUERY, [*lengths, fields[::-1]], first, now=2.0)
    unchanged(again, now=3.0)
    assert first.invalid_reports <= len(fields)
    for known in again.reports.values():
        _check(known.report)
    assert all(0 <= waiting <= MAX_COUNT for counts in again.waiting.values() for waiting in counts)


def topics(data: bytes) -> None:
    key, _, member = data.partition(b"\n")
    binding = bindings.parse(member, "\x06\x16")
    if binding is not None:
        found = bindings.queues_for("exchange", key.decode(errors="replace"), [binding])
        assert set(found) <= {binding.queue}


def records(data: bytes) -> None:
    held = requeue_unacked.held({line: line for line in data.split(b"\n")})
    assert held == sorted(held, key=lambda message: -message.order)


def losses(data: bytes) -> None:
    with contextlib.suppress(ValueError):
        assert 0 <= requeue_unacked.losses_of([*data.split(b"\n")[:2], b""], now=NOW) <= MAX_COUNT + 1


def outcomes(data: bytes) -> None:
    """A hash of totals: names and values in turn, separated by a form feed."""
    parts = data.split(b"\f")
    totals = parse_totals(dict(zip(parts[::2], parts[1::2], strict=False)))
    for counts in totals.values():
        for counted, total in counts.items():
            assert 0 <= total < 10**18
            assert all(part.isprintable() and len(part) <= 200 for part in counted)
    text = FAMILIES[0].header + "".join(rendered("ns", "pool", totals))
    for family in text_string_to_metric_families(text):
        assert all(math.isfinite(sample.value) for sample in family.samples)


def failed_tasks(data: bytes) -> None:
    task = failed_task.parse(data, at=1, kept=True)
    if task is not None:
        assert 0 < len(task.id.encode()) <= failed_task.MAX_ID
        assert LAYOUT.list_for(task.queue, task.priority).encode()
        assert 0 <= task.time <= MAX_SECONDS
        texts = (task.name, task.exception, task.message, task.root, task.group, task.args, task.kwargs)
        assert all(text is None or text.isprintable() for text in texts)


def schedule_states(data: bytes) -> None:
    state = schedule_state.parse_state(data)
    if state is not None:
        assert 0 <= state.runs <= MAX_COUNT
        assert all(
            text is None or text.isprintable() for text in (state.error, state.last_task_id, state.trigger)
        )
    schedule_state.parse_heartbeat(data)


def answers(data: bytes) -> None:
    """A whole answer in at most a thousand pieces, the first byte saying how large they are."""
    size = max(1, data[0] if data else 0, len(data) // 1000)
    replies, raw = _Replies(ReplyGuard(), most=8), bytearray()
    with contextlib.suppress(UnsafeReplyError, ProtocolError):
        for at in range(1, len(data), size):
            raw += data[at : at + size]
            replies.parse(raw)
    assert len(replies.parsed) <= 8


def urls(data: bytes) -> None:
    sources = Sources({"redis": {"data": {"url": base64.b64encode(data).decode()}}})
    for external in (EXTERNAL, SENTINEL):
        _check_target(sources, external)


def broker_parts(data: bytes) -> None:
    """A line each: host, port, user, database or virtual host, password."""
    lines = [base64.b64encode(line).decode() for line in data.split(b"\n", 4)]
    values = dict(zip(("host", "port", "user", "path", "password"), [*lines, *[""] * 5], strict=False))
    for external in BY_PARTS:
        _check_target(Sources({"redis": {"data": values}}), external)


def _check_target(sources: Sources, external: External) -> None:
    with contextlib.suppress(AddressError):
        target = target_in(sources, external, "shop")
        for host, port in target.hosts:
            assert host.isprintable()
            assert len(host) <= LONGEST_NAME
            assert 0 < port < 2**16
        for text in (target.username, target.password, target.vhost):
            assert text is None or text.isprintable()


def sentinels(data: bytes) -> None:
    parts = data.split(b"\n")
    for said in (parts, tuple(parts[:2]), data, [parts[0], len(data)], [parts, parts], None, 7):
        with contextlib.suppress(ValueError):
            host, port = _address(said)
            assert host.isprintable()
            assert len(host) <= LONGEST_NAME
            assert 0 <= port < 10**5


def words_of_pods(data: bytes) -> None:
    said = clean(data.decode(errors="replace"))
    assert len(said) <= 300
    assert said.isprintable()
    assert "://" not in said
    assert harmless(data.decode(errors="replace")).isprintable()


TARGETS: dict[str, Callable[[bytes], None]] = {
    target.__name__: target
    for target in (
        *(
            names,
            reports,
            starts,
            readings,
            topics,
            records,
            losses,
            outcomes,
            failed_tasks,
            schedule_states,
            answers,
            urls,
            broker_parts,
            sentinels,
        ),
        words_of_pods,
    )
}
