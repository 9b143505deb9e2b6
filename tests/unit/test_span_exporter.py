"""Spans of the operator on their way: their JSON, and what becomes of them with each answer of a collector."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer

from taskfleet import metrics
from taskfleet.tracing import exporter as module
from taskfleet.tracing.exporter import SpanExporter, headers_of
from taskfleet.tracing.span import RootSpan, Span, encoded

SPAN = Span("scale shop/mail", 1_800_000_000.25, 1_800_000_000.5, {"pods": 3, "why": "demand"})


class Collector:
    """Gives these answers in turn, and then accepts everything."""

    def __init__(self, *answers: int) -> None:
        self.answers = list(answers)
        self.batches: list[int] = []
        self.requests: list[web.Request] = []
        self.url = ""

    async def answer(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.requests.append(request)
        self.batches.append(len(body["resourceSpans"][0]["scopeSpans"][0]["spans"]))
        return web.Response(status=self.answers.pop(0) if self.answers else 200)


@asynccontextmanager
async def collector(*answers: int) -> AsyncIterator[Collector]:
    one = Collector(*answers)
    app = web.Application(client_max_size=10_000_000)
    app.router.add_post("/v1/traces", one.answer)
    async with TestServer(app) as server:
        one.url = str(server.make_url("")).rstrip("/")
        yield one


def exporter(url: str, spans: int = 1, *, sampling: float = 1.0) -> SpanExporter:
    made = SpanExporter(url, {"api-key": "abc"}, {"service.name": "operator"}, sampling=sampling)
    for _ in range(spans):
        made.add(SPAN)
    return made


def dropped() -> float:
    return metrics.REGISTRY.get_sample_value("taskfleet_spans_dropped_total") or 0.0


def test_a_span_in_json() -> None:
    failed = Span(SPAN.name, SPAN.began, SPAN.ended, SPAN.attributes, error="quota")
    body = json.loads(encoded({"service.name": "operator"}, [RootSpan("a" * 32, "b" * 16, failed)]))
    (resource,) = body["resourceSpans"]
    assert resource["resource"]["attributes"] == [
        {"key": "service.name", "value": {"stringValue": "operator"}}
    ]
    assert resource["scopeSpans"][0]["spans"] == [
        {
            "traceId": "a" * 32,
            "spanId": "b" * 16,
            "flags": 1,
            "name": "scale shop/mail",
            "kind": 1,
            "startTimeUnixNano": "1800000000250000000",
            "endTimeUnixNano": "1800000000500000000",
            "attributes": [
                {"key": "pods", "value": {"intValue": "3"}},
                {"key": "why", "value": {"stringValue": "demand"}},
            ],
            "status": {"code": 2, "message": "quota"},
        }
    ]


async def test_all_that_waits_is_sent_with_the_headers() -> None:
    async with collector() as one, ClientSession() as session:
        await exporter(one.url, 600).send(session)
        assert one.batches == [512, 88]
        assert one.requests[0].headers["api-key"] == "abc"


async def test_what_may_be_sent_again_is() -> None:
    before = dropped()
    async with collector(503) as one, ClientSession() as session:
        made = exporter(one.url, 3)
        await made.send(session)
        await made.send(session)
        assert one.batches == [3, 3]
        await made.send(session)
        assert one.batches == [3, 3], "once taken"
    made.add(SPAN)
    async with ClientSession() as session:
        await made.send(session)  # nobody listens
    assert dropped() == before


async def test_what_the_collector_refuses_is_counted() -> None:
    before = dropped()
    async with collector(401) as one, ClientSession() as session:
        await exporter(one.url, 3).send(session)
    assert dropped() - before == 3


async def test_the_oldest_spans_make_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_WAITING", 5)
    before = dropped()
    async with collector() as one, ClientSession() as session:
        await exporter(one.url, 7).send(session)
        assert one.batches == [5]
    assert dropped() - before == 2


async def test_nothing_of_a_share_of_zero_is_sent() -> None:
    async with collector() as one, ClientSession() as session:
        await exporter(one.url, 100, sampling=0.0).send(session)
        assert one.batches == []


async def test_the_last_spans_are_sent_as_it_ends() -> None:
    async with collector() as one:
        running = asyncio.create_task(exporter(one.url, 3).run())
        await asyncio.sleep(0)  # until it waits for its time
        running.cancel()
        await asyncio.wait([running])
        assert one.batches == [3]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("", {}), ("a=1, b = two%20words ,=x,none,", {"a": "1", "b": "two words"}), ("k=v=w", {"k": "v=w"})],
)
def test_headers_are_percent_encoded(text: str, expected: dict[str, Any]) -> None:
    assert headers_of(text) == expected
