"""An OTLP collector over HTTP in this process: it keeps every span that it was sent, and can be made slow or refuse."""

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


class Receiver:
    """`status` is its answer; while `gate` is not set, it answers nothing."""

    def __init__(self, server: ThreadingHTTPServer) -> None:
        self.endpoint = f"http://127.0.0.1:{server.server_port}"
        self.status = 200
        self.gate = threading.Event()
        self.gate.set()
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.bodies: list[dict[str, Any]] = []

    @property
    def spans(self) -> list[dict[str, Any]]:
        """With their attributes and events as dictionaries."""
        return [
            _plain(span)
            for body in list(self.bodies)
            for resource in body["resourceSpans"]
            for scope in resource["scopeSpans"]
            for span in scope["spans"]
        ]

    @property
    def resource(self) -> dict[str, Any]:
        """Of the last request."""
        return _attributes(self.bodies[-1]["resourceSpans"][0]["resource"]["attributes"])


@contextmanager
def otlp_receiver(port: int = 0, *, certificate: Path | None = None) -> Iterator[Receiver]:
    """Listens within the block, over TLS if it has a certificate, whose key lies beside it."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.requests.append((self.path, dict(self.headers)))
            receiver.gate.wait()
            if receiver.status == 200:
                receiver.bodies.append(json.loads(body))
            self.send_response(receiver.status)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    receiver = Receiver(server)
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, certificate.with_suffix(".key"))
        server.socket = context.wrap_socket(server.socket, server_side=True)
        receiver.endpoint = receiver.endpoint.replace("http://", "https://")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield receiver
    finally:
        receiver.gate.set()
        server.shutdown()
        server.server_close()


def _plain(span: dict[str, Any]) -> dict[str, Any]:
    events = {one["name"]: _attributes(one["attributes"]) for one in span.get("events", ())}
    return {**span, "attributes": _attributes(span["attributes"]), "events": events}


def _attributes(pairs: list[dict[str, Any]]) -> dict[str, Any]:
    found = {}
    for pair in pairs:
        ((kind, value),) = pair["value"].items()
        found[pair["key"]] = int(value) if kind == "intValue" else value
    return found
