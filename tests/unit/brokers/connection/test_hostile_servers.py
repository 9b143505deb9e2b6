"""A server that belongs to a tenant may answer anything: the loop goes on, the memory stays, and the cause is said."""

import asyncio
import itertools
import resource
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import cast

import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError

from taskfleet.api import Key
from taskfleet.brokers.connection.raw_connection import (
    _ECHO,
    CommandBatch,
    Endpoint,
    RawConnection,
    RawConnectionError,
)
from taskfleet.brokers.connection.redis_address import Access
from taskfleet.brokers.connection.replies import ReplyGuard, UnsafeReplyError
from taskfleet.brokers.connection.target import target_of
from taskfleet.brokers.key_layout import Layout
from taskfleet.brokers.monitor import BrokerMonitor
from taskfleet.brokers.untrusted import MAX_BYTES
from tests.tools.hostile_server import hostile_server
from tests.tools.waiting import until

LAYOUT = Layout(prefix="", reports="taskfleet:c:ns:reports")
LONGEST_PAUSE_SECONDS = 0.5  # ten times what a step may take
MIB = 1024 * 1024


def endless(piece: bytes) -> Callable[[], Iterable[bytes]]:
    return lambda: itertools.repeat(piece, 4000)


def once(*pieces: bytes) -> Callable[[], Iterable[bytes]]:
    return lambda: pieces


HOSTILE: dict[str, Callable[[], Iterable[bytes]]] = {
    "four-billion-elements": once(b"*4000000000\r\n"),
    "four-billion-elements-and-an-end": once(b"*4000000000\r\n", _ECHO),
    "a-map-of-a-billion": once(b"%1000000000\r\n", _ECHO),
    "a-set-of-a-billion": once(b"~1000000000\r\n", _ECHO),
    "a-push-of-a-billion": once(b">1000000000\r\n", _ECHO),
    "more-digits-than-a-number-has": once(b"*" + b"9" * 5000 + b"\r\n", _ECHO),
    "many-large-arrays-in-each-other": once(b"*200000\r\n" * 1000, _ECHO),
    "a-header-behind-a-text-of-another-length": once(b"$1\r\nabc*4000000000\r\n", _ECHO),
    "a-header-in-two-pieces": once(b"*40000", b"00000\r\n", _ECHO),
    "one-text-without-end": lambda: itertools.chain([b"$1000000000\r\n"], itertools.repeat(b"x" * MIB, 150)),
    "numbers-without-end": endless(b":1\r\n" * 100_000),
    "many-small-texts": endless(b"$1\r\nx\r\n" * 100_000),
    "ends-of-replies-without-end": endless(_ECHO * 10_000),
    "a-line-without-end": endless(b"x" * MIB),
    "no-redis": once(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"),
    "a-double-of-many-digits": once(b"," + b"9" * 400 + b"\r\n", _ECHO),
    "a-big-number": once(b"(" + b"9" * 100_000 + b"\r\n", _ECHO),
    "a-map-with-a-list-as-a-key": once(b"%1\r\n*1\r\n:1\r\n:1\r\n", _ECHO),
    "deep-arrays": once(b"*1\r\n" * 100_000, _ECHO),
}
hostile = pytest.mark.parametrize("answer", HOSTILE.values(), ids=HOSTILE)


@dataclass
class Pulse:
    """How long the loop kept others waiting."""

    longest: float = 0.0
    task: asyncio.Task[None] | None = field(default=None)

    async def beat(self) -> None:
        last = time.monotonic()
        while True:
            await asyncio.sleep(0.005)
            now = time.monotonic()
            self.longest, last = max(self.longest, now - last - 0.005), now


@contextmanager
def pulse() -> Iterator[Pulse]:
    one = Pulse()
    one.task = asyncio.ensure_future(one.beat())
    try:
        yield one
    finally:
        one.task.cancel()


def peak_memory() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


async def read(port: int) -> None:
    wire = await RawConnection.connect(Endpoint("127.0.0.1", port), patience=2.0)
    try:
        await wire.ask(CommandBatch.of([("LLEN", "a"), ("HGETALL", "b")]))
    finally:
        await wire.aclose()


async def use(client: Redis) -> None:
    for _ in range(100):
        await cast(Awaitable[object], client.hgetall("x"))


@hostile
async def test_a_reading_ends_with_an_error_and_the_loop_goes_on(
    answer: Callable[[], Iterable[bytes]],
) -> None:
    before = peak_memory()
    with (
        hostile_server(answer) as port,
        pulse() as seen,
        pytest.raises((RawConnectionError, UnsafeReplyError)),
    ):
        await read(port)
    assert seen.longest < LONGEST_PAUSE_SECONDS
    assert peak_memory() - before < 10 * MAX_BYTES


@hostile
async def test_a_client_ends_with_an_error_and_the_loop_goes_on(
    answer: Callable[[], Iterable[bytes]],
) -> None:
    before = peak_memory()
    with hostile_server(answer) as port, pulse() as seen:
        client = Access(target_of(f"redis://127.0.0.1:{port}/0"), patience=2.0).client()
        try:
            async with asyncio.timeout(20):
                with pytest.raises((RedisError, ValueError, TypeError)):
                    await use(client)
        finally:
            await client.aclose()
    assert seen.longest < LONGEST_PAUSE_SECONDS
    assert peak_memory() - before < 10 * MAX_BYTES


async def test_the_monitor_says_what_is_wrong_and_tries_again() -> None:
    broker = Key("Broker", "ns", "default")
    connections = 0

    def answer() -> Iterable[bytes]:
        nonlocal connections
        connections += 1
        return [b"+OK\r\n*4000000000\r\n", _ECHO]

    with hostile_server(answer) as port:
        monitor = BrokerMonitor(lambda _: None)
        try:
            monitor.watch(broker, target_of(f"redis://127.0.0.1:{port}/0"), LAYOUT)
            await until(lambda: "polling failed" in (monitor.reading_problem(broker) or ""), 20)
            first = connections
            await until(lambda: connections >= first + 2, 20)
            assert "a reply has more than 250000 elements" in (monitor.reading_problem(broker) or "")
            assert monitor.asked(broker)
            assert monitor.snapshot(broker) is None
        finally:
            await monitor.close()


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000], ids="pieces-of-{}".format)
def test_the_size_of_pieces_hides_no_header(size: int) -> None:
    text = b"$5\r\nhello\r\n*3\r\n:1\r\n" + b"*300000\r\n"
    guard = ReplyGuard()
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    with pytest.raises(UnsafeReplyError):
        deque(map(guard.check, pieces), maxlen=0)


def test_an_ordinary_answer_passes() -> None:
    guard = ReplyGuard()
    for _ in range(40):
        guard.check(b"*5000\r\n" + b"$300\r\n" + b"x" * 300 + b"\r\n")


@pytest.mark.parametrize("others", [0, 1000], ids=["alone", "among-many-of-its-kind"])
def test_a_header_is_found_wherever_it_stands(others: int) -> None:
    text = b"x" * 1000 + b"*~" * others
    for mark in (b"*", b"%", b"~", b">", b"|"):
        with pytest.raises(UnsafeReplyError):
            ReplyGuard().check(text + mark + b"300000\r\n" + text)
        ReplyGuard().check(text + mark + b"3\r\n" + text)


def test_elements_are_counted_over_the_whole_answer() -> None:
    guard = ReplyGuard(max_elements=10)
    guard.check(b"*5\r\n*5\r\n")
    with pytest.raises(UnsafeReplyError, match="more than 10 elements"):
        guard.check(b"*1\r\n")
