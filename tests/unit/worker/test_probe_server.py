"""The port for probes, among others who open connections to it."""

import socket
import threading
from collections.abc import Iterator

import pytest

from taskfleet_worker import native
from taskfleet_worker.probe_server import MOST, MOST_OF_AN_ADDRESS, ProbeServer

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


@pytest.fixture
def port() -> Iterator[int]:
    listener = native.listen(0)
    server = ProbeServer(listener, lambda request: ANSWER if request.startswith(b"GET ") else b"what?")
    ended = threading.Event()

    def run() -> None:
        while not ended.is_set():
            server.step()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    port = listener.getsockname()[1]
    yield port
    ended.set()
    socket.create_connection(("127.0.0.1", port), timeout=10).close()  # wakes it
    thread.join(10)
    assert not thread.is_alive()
    while server._connections:  # each has its second
        server.step()
    listener.close()


def ask(port: int, request: bytes = b"GET /livez HTTP/1.1\r\n\r\n", *, source: str = "127.0.0.1") -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=10, source_address=(source, 0)) as sock:
        sock.sendall(request)
        return sock.recv(4096)


def idle(port: int, count: int, *, source: str) -> list[socket.socket]:
    where = ("127.0.0.1", port)
    return [socket.create_connection(where, timeout=10, source_address=(source, 0)) for _ in range(count)]


def test_a_probe_is_answered(port: int) -> None:
    assert ask(port) == ANSWER


@pytest.mark.parametrize("count", [12, 200])
def test_idle_connections_keep_nobody_waiting(port: int, count: int) -> None:
    others = idle(port, count, source="127.0.0.2")
    try:
        assert ask(port) == ANSWER
        assert ask(port, source="127.0.0.2") == ANSWER
    finally:
        for other in others:
            other.close()


def test_many_addresses_fill_no_more_than_the_server_has(port: int) -> None:
    others = [
        sock for last in range(2, 30) for sock in idle(port, MOST_OF_AN_ADDRESS, source=f"127.0.0.{last}")
    ]
    try:
        assert len(others) > MOST
        assert ask(port) == ANSWER
    finally:
        for other in others:
            other.close()


def test_a_connection_that_says_nothing_is_ended(port: int) -> None:
    (silent,) = idle(port, 1, source="127.0.0.1")
    with silent:
        assert silent.recv(1) == b""


def test_a_request_may_come_in_pieces(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as sock:
        for piece in (b"GET", b" /livez", b" HTTP/1.1\r\n"):
            sock.sendall(piece)
        assert sock.recv(4096) == ANSWER


@pytest.mark.parametrize("request_", [b"\n", b"x" * 5000, b"\x00\xff\n"], ids=["blank", "long", "bytes"])
def test_what_is_no_request_is_answered_and_ended(port: int, request_: bytes) -> None:
    assert ask(port, request_) == b"what?"
