"""Sends spans while this process leads. A collector that is away costs spans, which are counted, and no decision."""

import asyncio
import random
import secrets
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from urllib.parse import unquote

import structlog
from aiohttp import ClientError, ClientSession, ClientTimeout

from taskfleet import metrics
from taskfleet.tracing.span import RootSpan, Span, Value, encoded

log = structlog.get_logger(__name__)

MAX_WAITING = 4096
_EVERY_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 30.0
_TIMEOUT = ClientTimeout(total=10)
_LAST_SPANS_SECONDS = 2.0
_AT_ONCE = 512
# OTLP: the same spans may be sent again. Any other error means that they never will be taken.
_AGAIN = (429, 502, 503, 504)


class SpanExporter:
    """`endpoint` is the collector's base URL; `sampling` the share of spans that is sent."""

    def __init__(
        self, endpoint: str, headers: Mapping[str, str], resource: Mapping[str, Value], *, sampling: float
    ) -> None:
        self._url = f"{endpoint.rstrip('/')}/v1/traces"
        self._headers = {**headers, "Content-Type": "application/json"}
        self._resource = resource
        self._sampling = sampling
        self._waiting: deque[RootSpan] = deque()
        self._failures = 0

    def add(self, span: Span) -> None:
        """The oldest one makes room. A span of a sampled share of all is sent."""
        if random.random() >= self._sampling:  # noqa: S311 - guards nothing
            return
        if len(self._waiting) >= MAX_WAITING:
            self._waiting.popleft()
            metrics.SPANS_DROPPED.inc()
        self._waiting.append(RootSpan(secrets.token_hex(16), secrets.token_hex(8), span))

    async def run(self) -> None:
        """Send until cancelled, and then the rest."""
        async with ClientSession(timeout=_TIMEOUT) as session:
            try:
                while True:
                    await asyncio.sleep(min(_EVERY_SECONDS * 2**self._failures, _LONGEST_PAUSE_SECONDS))
                    await self.send(session)
            finally:
                with suppress(TimeoutError):
                    async with asyncio.timeout(_LAST_SPANS_SECONDS):
                        await self.send(session)

    async def send(self, session: ClientSession) -> None:
        """All that waits, until a request fails."""
        while self._waiting:
            batch = [self._waiting.popleft() for _ in range(min(_AT_ONCE, len(self._waiting)))]
            if not await self._taken(session, batch):
                self._waiting.extendleft(reversed(batch))
                return

    async def _taken(self, session: ClientSession, batch: list[RootSpan]) -> bool:
        """Whether the batch is done with."""
        body = encoded(self._resource, batch)
        try:
            async with session.post(
                self._url, data=body, headers=self._headers, allow_redirects=False
            ) as answer:
                status = answer.status
        except (ClientError, TimeoutError, ValueError) as error:
            self._failed(type(error).__name__)
            return False
        if status in _AGAIN:
            self._failed(f"answer {status}")
            return False
        if not 200 <= status < 300:
            metrics.SPANS_DROPPED.inc(len(batch))
            self._warn(f"answer {status}")
        self._failures = 0
        return True

    def _failed(self, why: str) -> None:
        self._warn(why)
        self._failures = min(self._failures + 1, 10)

    def _warn(self, why: str) -> None:
        if not self._failures:
            log.warning("spans were not sent to the collector", error=why)


def headers_of(text: str) -> dict[str, str]:
    """In the form of OTEL_EXPORTER_OTLP_HEADERS: `k=v,k2=v2`, percent-encoded."""
    pairs = (part.partition("=") for part in text.split(","))
    return {
        unquote(name.strip()): unquote(value.strip())
        for name, equals, value in pairs
        if equals and name.strip()
    }
