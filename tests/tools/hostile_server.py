"""A TCP server that answers every request with the same bytes, whatever was asked."""

import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

_SECONDS = 60.0


@contextmanager
def hostile_server(answer: Callable[[], Iterable[bytes]]) -> Iterator[int]:
    """The port. Each connection gets what a call of `answer` yields, and ends when the client hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.1)
        stop = threading.Event()
        connections: list[threading.Thread] = []

        def accept() -> None:
            while not stop.is_set():
                try:
                    connection, _ = listener.accept()
                except TimeoutError:
                    continue
                thread = threading.Thread(target=_serve, args=(connection, answer, stop), daemon=True)
                connections.append(thread)
                thread.start()

        acceptor = threading.Thread(target=accept, daemon=True)
        acceptor.start()
        try:
            yield listener.getsockname()[1]
        finally:
            stop.set()
            acceptor.join(_SECONDS)
            for thread in connections:
                thread.join(_SECONDS)


def _serve(connection: socket.socket, answer: Callable[[], Iterable[bytes]], stop: threading.Event) -> None:
    connection.settimeout(0.5)
    with connection:
        try:
            while not stop.is_set():
                try:
                    if not connection.recv(1 << 16):
                        return
                except TimeoutError:
                    continue
                for piece in answer():
                    _send(connection, piece, stop)
        except OSError:  # hung up on
            return


def _send(connection: socket.socket, piece: bytes, stop: threading.Event) -> None:
    left = memoryview(piece)
    while left and not stop.is_set():
        try:
            left = left[connection.send(left) :]
        except TimeoutError:
            continue
