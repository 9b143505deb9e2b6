"""How spans are sent: their JSON, and what becomes of them with each answer of a collector."""

import json
from http.client import HTTPConnection
from typing import Any, cast

import pytest

from taskfleet_worker.settings import TraceSettings
from taskfleet_worker.tracing.collector import Collector, collector_of
from taskfleet_worker.tracing.exporter import Exporter
from taskfleet_worker.tracing.otlp import encoded, rejected
from taskfleet_worker.tracing.span import Event, Span
from taskfleet_worker.tracing.trace_context import TraceContext
from taskfleet_worker.tracing.waiting_spans import WaitingSpans

TRACE, PARENT, OWN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", "00f067aa0ba902b7"


def span(context: TraceContext | None = None, **attributes: Any) -> Span:
    return Span(context or TraceContext(TRACE), OWN, "run/pay", 1_800_000_000.25, attributes)


class Answers:
    """A collector that gives these answers in turn, and then accepts everything."""

    def __init__(self, *answers: int | bytes | Exception) -> None:
        self.answers = list(answers)
        self.batches: list[int] = []

    def connect(self, _timeout: float) -> HTTPConnection:
        return HTTPConnection("collector")

    def post(self, _connection: HTTPConnection, body: bytes) -> tuple[int, bytes]:
        answer = self.answers.pop(0) if self.answers else 200
        if isinstance(answer, Exception):
            raise answer
        scope = json.loads(body)["resourceSpans"][0]["scopeSpans"][0]
        self.batches.append(len(scope["spans"]))
        return (200, answer) if isinstance(answer, bytes) else (answer, b"{}")


class Sending:
    """An exporter whose thread is this one."""

    def __init__(self, *answers: int | bytes | Exception, waiting: int = 1, most: int = 4096) -> None:
        self.now = 100.0
        self.collector = Answers(*answers)
        self.waiting = WaitingSpans(most)
        for _ in range(waiting):
            self.waiting.add(span())
        self.exporter = Exporter(self.waiting, cast(Collector, self.collector), {}, lambda: self.now)

    def send(self) -> "Sending":
        self.exporter._send()
        return self

    @property
    def note(self) -> str | None:
        return self.exporter.note


def test_a_span_in_json() -> None:
    one = span(TraceContext(TRACE, PARENT, "shop=1"), text="é", number=2, share=0.5, yes=True, unknown=None)
    one.ended = 1_800_000_001.5
    one.error = "ValueError: no"
    one.events.append(Event("requeue", 1_800_000_001.0, {}))
    resource = json.loads(encoded({"service.name": "mail"}, [one]))["resourceSpans"][0]
    assert resource["resource"]["attributes"] == [{"key": "service.name", "value": {"stringValue": "mail"}}]
    assert resource["scopeSpans"][0]["spans"] == [
        {
            "traceId": TRACE,
            "spanId": OWN,
            "parentSpanId": PARENT,
            "traceState": "shop=1",
            "flags": 0x301,
            "name": "run/pay",
            "kind": 5,
            "startTimeUnixNano": "1800000000250000000",
            "endTimeUnixNano": "1800000001500000000",
            "attributes": [
                {"key": "text", "value": {"stringValue": "é"}},
                {"key": "number", "value": {"intValue": "2"}},
                {"key": "share", "value": {"doubleValue": 0.5}},
                {"key": "yes", "value": {"boolValue": True}},
            ],
            "events": [{"timeUnixNano": "1800000001000000000", "name": "requeue", "attributes": []}],
            "status": {"code": 2, "message": "ValueError: no"},
        }
    ]


def test_a_root_names_no_parent() -> None:
    (one,) = json.loads(encoded({}, [span()]))["resourceSpans"][0]["scopeSpans"][0]["spans"]
    assert "parentSpanId" not in one
    assert one["flags"] == 1


def test_all_that_waits_is_sent_in_batches() -> None:
    sending = Sending(waiting=1200).send()
    assert sending.collector.batches == [512, 512, 176]
    assert sending.note is None


@pytest.mark.parametrize("answer", [429, 503, ConnectionRefusedError()])
def test_what_may_be_sent_again_is(answer: int | Exception) -> None:
    sending = Sending(answer, waiting=3).send()
    assert sending.note is not None
    assert sending.note.startswith("Spans wait to be sent: the collector ")
    sending.send()
    assert sending.collector.batches[-1] == 3
    assert sending.note is None


@pytest.mark.parametrize("status", [301, 400, 401, 404, 500])
def test_what_the_collector_refuses_is_counted(status: int) -> None:
    assert Sending(status, waiting=3).send().note == f"3 spans were dropped: the collector answers {status}."


def test_what_the_collector_takes_in_part_is_counted() -> None:
    sending = Sending(b'{"partialSuccess": {"rejectedSpans": "2"}}', waiting=3).send()
    assert sending.note is not None
    assert sending.note.startswith("2 spans were dropped: ")


@pytest.mark.parametrize(
    "answer", [b"", b"no", b"[]", b'{"partialSuccess": null}', b'{"partialSuccess": {"rejectedSpans": -1}}']
)
def test_any_other_answer_rejects_nothing(answer: bytes) -> None:
    assert rejected(answer) == 0


def test_the_oldest_spans_make_room_for_new_ones() -> None:
    sending = Sending(OSError(), waiting=5, most=5).send()
    for _ in range(7):
        sending.waiting.add(span())
    assert sending.note == "2 spans were dropped: the collector cannot be reached (OSError)."
    sending.send()
    assert sending.collector.batches == [5, 5]


def test_a_collector_that_is_away_is_asked_less_and_less_often() -> None:
    sending = Sending(*[OSError()] * 9)
    pauses = []
    for _ in range(7):
        sending.send()
        pauses.append(sending.exporter._due - sending.now)
    assert pauses == [1, 2, 4, 8, 16, 30, 30]


@pytest.mark.parametrize(
    ("endpoint", "secure", "host", "port", "path"),
    [
        ("http://collector:4318", False, "collector", 4318, "/v1/traces"),
        ("https://otlp.example.com/tenant/", True, "otlp.example.com", 443, "/tenant/v1/traces"),
        ("http://[::1]:80", False, "::1", 80, "/v1/traces"),
    ],
)
def test_the_address_of_a_collector(endpoint: str, secure: bool, host: str, port: int, path: str) -> None:
    environment = {"TASKFLEET_OTLP_HEADERS": "api-key=a%3Db"}
    collector = collector_of(TraceSettings(endpoint, "mail"), environment)
    assert (collector.host, collector.port, collector.path) == (host, port, path)
    assert (collector.tls is not None) == secure
    assert collector.headers == {"api-key": "a=b"}
