"""A mutating admission webhook of the cluster's, which changes or denies what a test says, in one namespace."""

import base64
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from taskfleet.api import Object
from tests.runtime.certificates import Certificates
from tests.tools.kube import Kube
from tests.tools.waiting import wait_for

# JSON patch (RFC 6902) for an object that is written; a text denies the write.
Answer = Callable[[Object], list[Object] | str]


@contextmanager
def webhook(kube: Kube, namespace: str, plural: str, answer: Answer, folder: Path) -> Iterator[list[Object]]:
    """At work within the block; the list grows by each object that is written."""
    certificates, seen = Certificates(folder), list[Object]()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(answer, seen))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.crt", folder / "server.key")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    configuration = _configuration(namespace, plural, server.server_port, certificates.ca)
    try:
        kube.apply(configuration)
        # The API server takes a moment to know a new webhook.
        wait_for(lambda: _asked(kube, namespace, seen), 30, what="the webhook")
        seen.clear()
        yield seen
    finally:
        kube.delete(configuration["kind"], configuration["metadata"]["name"])
        server.shutdown()
        thread.join()
        server.server_close()


def _configuration(namespace: str, plural: str, port: int, ca: str) -> Object:
    names = {"apiGroups": ["*"], "apiVersions": ["*"], "resources": [plural, "configmaps"]}
    hook = {
        "name": "webhook.example.com",
        "clientConfig": {
            "url": f"https://127.0.0.1:{port}/",
            "caBundle": base64.b64encode(ca.encode()).decode(),
        },
        "rules": [{**names, "operations": ["CREATE", "UPDATE"]}],
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
        "timeoutSeconds": 5,
    }
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingWebhookConfiguration",
        "metadata": {"name": namespace},
        "webhooks": [hook],
    }


def _asked(kube: Kube, namespace: str, seen: list[Object]) -> bool:
    probe = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "probe", "namespace": namespace}}
    kube.apply({**probe, "data": {"at": str(len(seen))}})
    kube.delete("ConfigMap", "probe", namespace)
    return bool(seen)


def _handler(answer: Answer, seen: list[Object]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            request = review["request"]
            seen.append(request["object"])
            said = [] if request["kind"]["kind"] == "ConfigMap" else answer(request["object"])
            body = json.dumps({**review, "response": _response(request["uid"], said)}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

    return Handler


def _response(uid: str, said: list[Object] | str) -> Object:
    if isinstance(said, str):
        return {"uid": uid, "allowed": False, "status": {"message": said}}
    patch = base64.b64encode(json.dumps(said).encode()).decode()
    return {"uid": uid, "allowed": True, "patchType": "JSONPatch", "patch": patch}
