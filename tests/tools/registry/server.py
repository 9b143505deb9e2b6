"""The registry's HTTP side: one route a request of the distribution specification."""

from __future__ import annotations

import base64
import json
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

from tests.tools.registry.storage import NotStoredError, Storage, WrongDigestError

_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_NAME = rf"(?P<name>{_PART}(?:/{_PART})*)"
_REFERENCE = r"(?P<reference>sha256:[0-9a-f]{64}|\w[\w.-]{0,127})"
_MANIFEST_LIMIT = 4 * 2**20  # what the specification asks registries to take
_CHUNK = 2**20


class Registry:
    """A running registry; `user` and `password` make it a private one. Ends with the `with` block."""

    def __init__(self, folder: Path, *, user: str = "", password: str = "", host: str = "127.0.0.1") -> None:
        self.storage = Storage(folder)
        self.requests: list[str] = []  # method and path, of what was asked
        credentials = base64.b64encode(f"{user}:{password}".encode()).decode() if user else ""
        state = {"storage": self.storage, "credentials": credentials, "requests": self.requests}
        self._server = ThreadingHTTPServer((host, 0), type("Bound", (_Handler,), state))
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self.address = f"{host}:{self._server.server_port}"

    def __enter__(self) -> Registry:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    storage: ClassVar[Storage]
    credentials: ClassVar[str]
    requests: ClassVar[list[str]]

    def do_GET(self) -> None:
        self._route()

    do_HEAD = do_POST = do_PUT = do_PATCH = do_GET  # noqa: N815 -- names that http.server calls

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- the base class calls it so
        """Tests ask `requests` instead."""

    def _route(self) -> None:
        self.requests.append(f"{self.command} {self.path}")
        if self.credentials and self.headers["Authorization"] != f"Basic {self.credentials}":
            for _ in self._body():
                pass
            self._answer(
                401, {"WWW-Authenticate": 'Basic realm="registry"'}, _error("UNAUTHORIZED", "log in")
            )
            return
        path = urlsplit(self.path).path
        method = "GET" if self.command == "HEAD" else self.command
        try:
            for wanted, pattern, action in _ROUTES:
                if wanted == method and (found := re.fullmatch(pattern, path)):
                    action(self, **found.groupdict())
                    return
            self._answer(404, {}, _error("UNSUPPORTED", f"{self.command} {path}"))
        except NotStoredError as error:
            self._answer(404, {}, _error("NOT_FOUND", str(error)))
        except WrongDigestError as error:
            self._answer(400, {}, _error("DIGEST_INVALID", str(error)))

    def version(self) -> None:
        self._answer(200, {"Docker-Distribution-API-Version": "registry/2.0"}, b"{}")

    def blob(self, name: str, reference: str) -> None:  # noqa: ARG002 -- blobs are shared
        path = self.storage.blob(reference)
        self._head(200, {"Docker-Content-Digest": reference}, path.stat().st_size)
        if self.command != "HEAD":
            with path.open("rb") as file:
                shutil.copyfileobj(file, self.wfile, _CHUNK)

    def start(self, name: str) -> None:
        query = parse_qs(urlsplit(self.path).query)
        identity = self.storage.start_upload()
        self.storage.append(identity, self._body())
        if "digest" in query:
            self._finish(name, identity, query["digest"][0])
        else:
            self._progress(name, identity, 0)

    def patch(self, name: str, upload: str) -> None:
        self._progress(name, upload, self.storage.append(upload, self._body()))

    def put(self, name: str, upload: str) -> None:
        self.storage.append(upload, self._body())
        self._finish(name, upload, parse_qs(urlsplit(self.path).query)["digest"][0])

    def add_manifest(self, name: str, reference: str) -> None:
        content = b"".join(self._body())
        if len(content) > _MANIFEST_LIMIT:
            self._answer(413, {}, _error("SIZE_INVALID", "manifests have at most 4 MiB"))
            return
        manifest = self.storage.add_manifest(name, reference, self.headers["Content-Type"], content)
        headers = {
            "Location": f"/v2/{name}/manifests/{manifest.digest}",
            "Docker-Content-Digest": manifest.digest,
        }
        if subject := json.loads(content).get("subject"):
            headers["OCI-Subject"] = subject["digest"]
        self._answer(201, headers)

    def manifest(self, name: str, reference: str) -> None:
        found = self.storage.manifest(name, reference)
        headers = {"Docker-Content-Digest": found.digest, "Content-Type": found.media_type}
        self._answer(200, headers, found.content)

    def tags(self, name: str) -> None:
        self._json({"name": name, "tags": self.storage.tags(name)})

    def catalog(self) -> None:
        self._json({"repositories": self.storage.repositories()})

    def referrers(self, name: str, reference: str) -> None:
        media_type = "application/vnd.oci.image.index.v1+json"
        index = {
            "schemaVersion": 2,
            "mediaType": media_type,
            "manifests": self.storage.referrers(name, reference),
        }
        self._answer(200, {"Content-Type": media_type}, json.dumps(index).encode())

    def _progress(self, name: str, identity: str, size: int) -> None:
        headers = {"Location": f"/v2/{name}/blobs/uploads/{identity}", "Docker-Upload-UUID": identity}
        self._answer(202, {**headers, "Range": f"0-{max(size - 1, 0)}"})

    def _finish(self, name: str, identity: str, digest: str) -> None:
        self.storage.finish(identity, digest)
        self._answer(201, {"Location": f"/v2/{name}/blobs/{digest}", "Docker-Content-Digest": digest})

    def _body(self) -> Iterator[bytes]:
        if self.headers["Transfer-Encoding"] == "chunked":
            while size := int(self.rfile.readline().split(b";")[0], 16):
                yield self.rfile.read(size)
                self.rfile.readline()
            while self.rfile.readline().strip():  # trailers
                pass
            return
        left = int(self.headers["Content-Length"] or 0)
        while left > 0:
            chunk = self.rfile.read(min(left, _CHUNK))
            if not chunk:
                return
            left -= len(chunk)
            yield chunk

    def _json(self, value: Any) -> None:
        self._answer(200, {"Content-Type": "application/json"}, json.dumps(value).encode())

    def _answer(self, status: int, headers: dict[str, str], body: bytes = b"") -> None:
        self._head(status, headers, len(body))
        if self.command != "HEAD":
            self.wfile.write(body)

    def _head(self, status: int, headers: dict[str, str], size: int) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(size)}.items():
            self.send_header(name, value)
        self.end_headers()


def _error(code: str, message: str) -> bytes:
    return json.dumps({"errors": [{"code": code, "message": message}]}).encode()


_ROUTES: tuple[tuple[str, str, Callable[..., None]], ...] = (
    ("GET", r"/v2/", _Handler.version),
    ("GET", r"/v2/_catalog", _Handler.catalog),
    ("GET", rf"/v2/{_NAME}/tags/list", _Handler.tags),
    ("GET", rf"/v2/{_NAME}/referrers/{_REFERENCE}", _Handler.referrers),
    ("GET", rf"/v2/{_NAME}/manifests/{_REFERENCE}", _Handler.manifest),
    ("PUT", rf"/v2/{_NAME}/manifests/{_REFERENCE}", _Handler.add_manifest),
    ("POST", rf"/v2/{_NAME}/blobs/uploads/", _Handler.start),
    ("PATCH", rf"/v2/{_NAME}/blobs/uploads/(?P<upload>[0-9a-f]+)", _Handler.patch),
    ("PUT", rf"/v2/{_NAME}/blobs/uploads/(?P<upload>[0-9a-f]+)", _Handler.put),
    ("GET", rf"/v2/{_NAME}/blobs/{_REFERENCE}", _Handler.blob),
)
