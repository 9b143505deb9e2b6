"""A RabbitMQ that belongs to a tenant may send anything: the step ends with an error, and the loop goes on."""

import asyncio
import itertools
from collections.abc import Callable, Iterable

import pytest

from taskfleet.brokers.connection.amqp_connection import AmqpConnection, _GuardedReader
from taskfleet.brokers.connection.target import target_of
from taskfleet.brokers.errors import BrokerError
from tests.tools.hostile_server import hostile_server
from tests.unit.brokers.connection.test_hostile_servers import LONGEST_PAUSE_SECONDS, MIB, pulse

_METHOD, _HEADER, _BODY = b"\x01", b"\x02", b"\x03"
_CHANNEL = b"\x00\x01"


def frame(kind: bytes, size: int, payload: bytes = b"") -> bytes:
    return kind + _CHANNEL + size.to_bytes(4, "big") + payload + b"\xce"


HOSTILE: dict[str, Callable[[], Iterable[bytes]]] = {
    "a-frame-of-4-GiB": lambda: [frame(_METHOD, 2**32 - 1)],
    "a-frame-without-end": lambda: itertools.chain(
        [_METHOD + b"\x00\x00" + (2**31).to_bytes(4, "big")], itertools.repeat(b"x" * MIB, 200)
    ),
    "no-frame": lambda: itertools.repeat(b"\x00" * MIB, 200),
    "another-version": lambda: [b"AMQP\x00\x00\x09\x01"],
    "no-rabbitmq": lambda: [b"HTTP/1.1 400 Bad Request\r\n\r\n"],
    "a-table-in-a-table": lambda: [
        frame(_METHOD, 100_000, b"\x00\x0a\x00\x0a\x00\x09" + b"\x00\x01\x86\x90\x01aF" * 14_000)
    ],
    "silence": lambda: (),
}


@pytest.mark.parametrize("answer", HOSTILE.values(), ids=HOSTILE)
async def test_a_connection_ends_with_an_error_and_the_loop_goes_on(
    answer: Callable[[], Iterable[bytes]],
) -> None:
    with hostile_server(answer) as port, pulse() as seen, pytest.raises(BrokerError):
        async with asyncio.timeout(30):
            await AmqpConnection.open(target_of(f"amqp://guest:guest@127.0.0.1:{port}//"), patience=2.0)
    assert seen.longest < LONGEST_PAUSE_SECONDS


def reading(data: bytes) -> _GuardedReader:
    reader = asyncio.StreamReader()
    reader.feed_data(data)
    reader.feed_eof()
    return _GuardedReader(reader, clock=lambda: 0.0)


async def frames(reader: _GuardedReader) -> None:
    """As aiormq reads them."""
    while not reader.at_eof():
        await reader.readexactly(1)
        rest = await reader.readexactly(6)
        await reader.readexactly(int.from_bytes(rest[2:], "big") + 1)


@pytest.mark.parametrize(
    ("size", "refused"),
    [pytest.param(2_000, False, id="a-report"), pytest.param(10**12, True, id="a-terabyte")],
)
async def test_the_size_of_a_message_is_known_before_its_body(size: int, refused: bool) -> None:
    header = b"\x00\x3c\x00\x00" + size.to_bytes(8, "big") + b"\x00\x00"
    reader = reading(frame(_HEADER, len(header), header) + frame(_BODY, 10, b"x" * 10))
    if refused:
        with pytest.raises(ConnectionResetError):
            await frames(reader)
    else:
        await frames(reader)


async def test_a_flood_of_frames_is_more_than_a_broker_has_to_say() -> None:
    with pytest.raises(ConnectionResetError):
        await frames(reading(frame(_BODY, 1000, b"x" * 1000) * 5000))
