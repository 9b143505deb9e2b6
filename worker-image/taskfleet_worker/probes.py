"""GET /readyz and GET /livez over HTTP, from a native thread: answered while tasks burn CPU or block the loop."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Protocol

from taskfleet_worker import native
from taskfleet_worker.probe_server import ProbeServer

PORT = 9817


class Health(Protocol):
    """Each gives a verdict and its reason in one line."""

    def readiness(self) -> tuple[bool, str]: ...

    def liveness(self) -> tuple[bool, str]: ...


def start(health: Health, environment: Mapping[str, str]) -> None:
    """Listen from now on. Raises OSError where the port is taken."""
    sock = native.listen(int(environment.get("TASKFLEET_PROBE_PORT", PORT)))
    # A forked child must not hold the port open after its parent is gone.
    os.register_at_fork(after_in_child=sock.close)
    native.start_new_thread(ProbeServer(sock, lambda request: respond(request, health)).run, ())


def respond(request: bytes, health: Health) -> bytes:
    """The whole HTTP response for a request's first bytes."""
    path = request.split(b" ", 2)[1:2]
    if path == [b"/readyz"]:
        return _response(*health.readiness())
    if path == [b"/livez"]:
        return _response(*health.liveness())
    return _response(False, "not found: use /readyz or /livez", status="404 Not Found")


def _response(ok: bool, text: str, status: str | None = None) -> bytes:
    line = status or ("200 OK" if ok else "503 Service Unavailable")
    body = text + "\n"
    head = f"HTTP/1.1 {line}\r\nContent-Type: text/plain\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    return (head + body).encode()
