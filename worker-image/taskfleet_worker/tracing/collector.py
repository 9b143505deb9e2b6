"""An OTLP collector over HTTP, by the standard library alone: a user's image may have nothing else."""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPSConnection
from typing import NamedTuple
from urllib.parse import urlsplit

from taskfleet_worker.settings import TraceSettings
from taskfleet_worker.tracing.pairs import pairs

HEADERS_VARIABLE = "TASKFLEET_OTLP_HEADERS"
TIMEOUT = 10.0
_PATH = "/v1/traces"
# What is read of an answer.
_MAX_ANSWER = 64 * 1024


class Collector(NamedTuple):
    """`headers` are those of each request; `tls` is None for plain HTTP."""

    tls: ssl.SSLContext | None
    host: str
    port: int
    path: str
    headers: Mapping[str, str]

    def connect(self, timeout: float = TIMEOUT) -> HTTPConnection:
        """Not connected yet. Proxies and redirects are not followed."""
        if self.tls is not None:
            return HTTPSConnection(self.host, self.port, timeout=timeout, context=self.tls)
        return HTTPConnection(self.host, self.port, timeout=timeout)

    def post(self, connection: HTTPConnection, body: bytes) -> tuple[int, bytes]:
        """Status and answer. Raises OSError and HTTPException."""
        connection.request("POST", self.path, body, {**self.headers, "Content-Type": "application/json"})
        response = connection.getresponse()
        answer = response.read(_MAX_ANSWER)
        if not response.isclosed():
            close(connection)  # the rest of a longer answer would be taken for the next one
        return response.status, answer


def collector_of(settings: TraceSettings, environment: Mapping[str, str]) -> Collector:
    """Raises ValueError."""
    url = urlsplit(settings.endpoint)
    secure = url.scheme == "https"
    port = url.port or (443 if secure else 80)
    headers = pairs(environment.get(HEADERS_VARIABLE, ""))
    # Once, as it reads the image's CAs.
    tls = ssl.create_default_context() if secure else None
    return Collector(tls, url.hostname or "", port, url.path.rstrip("/") + _PATH, headers)


def close(connection: HTTPConnection) -> None:
    """For the other side too: a child of prefork that was forked meanwhile has the same socket."""
    if connection.sock is not None:
        with contextlib.suppress(OSError):
            connection.sock.shutdown(socket.SHUT_RDWR)
    connection.close()
