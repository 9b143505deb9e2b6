"""A small server for probes, on a native thread: many connections at once, each for a second, and few from one address.

Whoever is in the cluster's network can reach the port of a pod. One who opens connections and says nothing must not keep
the kubelet from its answer.
"""

from __future__ import annotations

import _socket
from collections.abc import Callable
from select import POLLIN, poll

from taskfleet_worker import native

SECONDS = 1.0  # that a connection has in all
MOST_OF_AN_ADDRESS = 8
MOST = 128
_LONGEST_REQUEST = 4096


class _Connection:
    def __init__(self, sock: _socket.socket, address: str, deadline: float) -> None:
        self.sock = sock
        self.address = address
        self.deadline = deadline
        self.request = b""


class ProbeServer:
    """Answers on a listening socket. `answer` gives the whole response to a request's first bytes."""

    def __init__(self, listener: _socket.socket, answer: Callable[[bytes], bytes]) -> None:
        self._listener = listener
        self._answer = answer
        self._connections: dict[int, _Connection] = {}  # by descriptor, the oldest first
        listener.setblocking(False)

    def run(self) -> None:
        """Serve for ever."""
        while True:
            self.step()

    def step(self) -> None:
        """Wait for news, at most until the next connection has had its time, and take them in."""
        poller = poll()
        for descriptor in (self._listener.fileno(), *self._connections):
            poller.register(descriptor, POLLIN)
        ready = {descriptor for descriptor, _ in poller.poll(self._milliseconds())}
        for descriptor in ready & self._connections.keys():
            self._read(descriptor)
        now = native.monotonic()
        for descriptor in [each for each, one in self._connections.items() if one.deadline <= now]:
            self._close(descriptor)
        if self._listener.fileno() in ready:
            self._accept(now)

    def _milliseconds(self) -> float | None:
        if not self._connections:
            return None
        earliest = min(one.deadline for one in self._connections.values())
        return max(0.0, earliest - native.monotonic()) * 1000 + 1

    def _accept(self, now: float) -> None:
        """One, so that those who are here already have their turn."""
        try:
            descriptor, address = self._listener._accept()  # type: ignore[attr-defined]
        except OSError:
            return
        sock = _socket.socket(fileno=descriptor)
        sock.setblocking(False)
        self._make_room(address[0])
        self._connections[descriptor] = _Connection(sock, address[0], now + SECONDS)

    def _make_room(self, address: str) -> None:
        """Hang up on the oldest of this address, or of the address with the most, where there are too many."""
        by_address: dict[str, list[int]] = {}
        for descriptor, one in self._connections.items():
            by_address.setdefault(one.address, []).append(descriptor)
        if len(by_address.get(address, ())) >= MOST_OF_AN_ADDRESS:
            self._close(by_address[address][0])
        elif len(self._connections) >= MOST:
            self._close(max(by_address.values(), key=len)[0])

    def _read(self, descriptor: int) -> None:
        one = self._connections[descriptor]
        try:
            received = one.sock.recv(_LONGEST_REQUEST)
            one.request += received
            if b"\n" in one.request or len(one.request) >= _LONGEST_REQUEST:
                # It fits into the socket's own memory, so that nobody is waited for.
                one.sock.send(self._answer(one.request))
                one.sock.shutdown(_socket.SHUT_WR)
            elif received:
                return
        except BlockingIOError:
            return
        except OSError:
            pass  # the asker has gone away
        self._close(descriptor)

    def _close(self, descriptor: int) -> None:
        self._connections.pop(descriptor).sock.close()
