"""The proxy before a small stand-in for the API server."""

import http.client
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Queue
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.envtest.api_calls import ApiCall
from tests.envtest.faults import Fate, Fault
from tests.envtest.proxy import Proxy, Witness
from tests.tools import kubeconfig
from tests.tools.waiting import wait_for

Ask = Callable[..., http.client.HTTPResponse]
POOLS = "/apis/taskfleet.dev/v1alpha1/namespaces/a/workerpools"
WATCH = f"{POOLS}?watch=true"


class ApiServer(BaseHTTPRequestHandler):
    """Answers with what it was asked; a watch sends what the test puts into `events`."""

    protocol_version = "HTTP/1.1"
    events: "Queue[str | None]"

    def do_GET(self) -> None:
        if "watch=true" not in self.path:
            self._answer()
            return
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Connection", "close")
        self.end_headers()
        while (name := self.events.get()) is not None:
            event = {"type": "ADDED", "object": {"metadata": {"name": name}}}
            self.wfile.write(json.dumps(event).encode() + b"\n")

    def _answer(self) -> None:
        sent = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        body = json.dumps({"method": self.command, "path": self.path, "sent": sent}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_PATCH = do_POST = do_DELETE = _answer  # noqa: N815 - names of http.server

    def log_message(self, *_: Any) -> None:
        """Nothing: the test says what went wrong."""


@pytest.fixture
def events() -> Iterator["Queue[str | None]"]:
    ApiServer.events = Queue()
    yield ApiServer.events
    ApiServer.events.put(None)


@pytest.fixture
def proxy(tmp_path: Path, events: "Queue[str | None]") -> Iterator[Proxy]:  # noqa: ARG001 - made before
    server = ThreadingHTTPServer(("127.0.0.1", 0), ApiServer)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    upstream = kubeconfig.write_plain(tmp_path / "upstream", f"http://127.0.0.1:{server.server_port}")
    try:
        with Proxy(upstream, tmp_path) as running:
            yield running
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def ask() -> Iterator[Ask]:
    with ExitStack() as connections:

        def request(
            proxy: Proxy, method: str, path: str, body: str | None = None, *, timeout: float = 10.0
        ) -> http.client.HTTPResponse:
            address = urlsplit(kubeconfig.load(proxy.kubeconfig).server).netloc
            connection = http.client.HTTPConnection(address, timeout=timeout)
            connections.callback(connection.close)
            connection.request(method, path, body=body)
            return connections.enter_context(connection.getresponse())

        yield request


def name_in(line: bytes) -> str:
    return str(json.loads(line)["object"]["metadata"]["name"])


def test_request_and_answer_pass_unchanged(proxy: Proxy, ask: Ask) -> None:
    path = f"{POOLS}/b?fieldManager=x%2Fy"
    answer = ask(proxy, "PATCH", path, '{"a": 1}')
    assert answer.status == 200
    assert json.loads(answer.read()) == {"method": "PATCH", "path": path, "sent": '{"a": 1}'}


def test_writes_are_counted_without_leases_reads_and_dry_runs(proxy: Proxy, ask: Ask) -> None:
    ask(proxy, "GET", f"{POOLS}/b")
    ask(proxy, "PATCH", f"{POOLS}/b/status", "{}")
    ask(proxy, "PATCH", f"{POOLS}/b?dryRun=All", "{}")
    ask(proxy, "POST", "/apis/coordination.k8s.io/v1/namespaces/a/leases", "{}")
    before = len(proxy.calls)
    ask(proxy, "DELETE", f"{POOLS}/c")
    assert [str(call) for call in proxy.writes()] == [
        "patch workerpools/status a/b",
        "delete workerpools a/c",
    ]
    assert [str(call) for call in proxy.writes(before)] == ["delete workerpools a/c"]


def test_status_is_answered_while_it_is_injected_and_only_where(proxy: Proxy, ask: Ask) -> None:
    with proxy.inject(Fault(resources=["workerpools"], status=503)) as injection:
        answer = ask(proxy, "GET", POOLS)
        assert (answer.status, json.loads(answer.read())["reason"]) == (503, "ServiceUnavailable")
        assert ask(proxy, "GET", "/api/v1/namespaces/a/pods").status == 200
    assert ask(proxy, "GET", POOLS).status == 200
    assert injection.hits == 1


def test_api_server_that_is_gone_is_answered_with_503(tmp_path: Path, ask: Ask) -> None:
    with Proxy(kubeconfig.write_plain(tmp_path / "upstream", "http://127.0.0.1:1"), tmp_path) as proxy:
        assert ask(proxy, "GET", POOLS).status == 503


def test_events_pass_one_by_one(proxy: Proxy, ask: Ask, events: "Queue[str | None]") -> None:
    watch = ask(proxy, "GET", WATCH)
    for name in ("one", "two"):
        events.put(name)
        assert name_in(watch.readline()) == name


@pytest.mark.parametrize("code", [410, 500])
def test_watch_error_ends_an_open_watch_and_a_new_one(proxy: Proxy, ask: Ask, code: int) -> None:
    watch = ask(proxy, "GET", WATCH)
    with proxy.inject(Fault(verbs=["watch"], watch_error=code)) as injection:
        for stream in (watch, ask(proxy, "GET", WATCH)):
            event = json.loads(stream.readline())
            assert (event["type"], event["object"]["code"]) == ("ERROR", code)
            assert stream.readline() == b""
    assert injection.hits == 2


def test_status_cuts_an_open_watch(proxy: Proxy, ask: Ask) -> None:
    watch = ask(proxy, "GET", WATCH)
    with proxy.inject(Fault(status=503)), pytest.raises((ConnectionResetError, http.client.IncompleteRead)):
        watch.read()


def test_silence_holds_events_back_until_it_ends(proxy: Proxy, ask: Ask, events: "Queue[str | None]") -> None:
    watch = ask(proxy, "GET", WATCH, timeout=0.3)
    with proxy.inject(Fault(resources=["workerpools"], silence=True)) as injection:
        wait_for(lambda: injection.hits, 5)
        events.put("late")
        with pytest.raises(TimeoutError):
            watch.readline()
    assert wait_for(events.empty, 5)


def test_silence_keeps_a_new_watch_open_and_other_requests_waiting(proxy: Proxy, ask: Ask) -> None:
    with proxy.inject(Fault(silence=True)):
        assert ask(proxy, "GET", WATCH, timeout=2).status == 200
        with pytest.raises(TimeoutError):
            ask(proxy, "GET", POOLS, timeout=0.3)


def fate(name: str, its: Fate) -> Fault:
    return Fault(fate=lambda event: its if event["object"]["metadata"]["name"] == name else None)


@pytest.mark.parametrize(
    ("its", "arriving"),
    [
        pytest.param(Fate(copies=0), ["two"], id="dropped"),
        pytest.param(Fate(copies=2), ["one", "one", "two"], id="doubled"),
        pytest.param(Fate(after=0.2), ["one", "two"], id="late"),
    ],
)
def test_one_event_has_a_fate_of_its_own(
    proxy: Proxy, ask: Ask, events: "Queue[str | None]", its: Fate, arriving: list[str]
) -> None:
    watch = ask(proxy, "GET", WATCH)
    with proxy.inject(fate("one", its)) as injection:
        began = time.monotonic()
        events.put("one")
        events.put("two")
        assert [name_in(watch.readline()) for _ in arriving] == arriving
        assert time.monotonic() - began >= its.after
    assert injection.hits == 1


class Cuts(Witness):
    """Cuts every write, before or after the API server has seen it, and shows old lists."""

    def __init__(self, *, before: bool) -> None:
        self._before = before
        self.answers = 0

    def asked(self, call: ApiCall) -> bool:
        return not (call.is_write and self._before)

    def asks_for(self, call: ApiCall) -> dict[str, str]:
        return {"resourceVersion": "7"} if call.verb == "list" else {}

    def answered(self, call: ApiCall) -> bool:
        self.answers += 1
        return not call.is_write


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
def test_a_witness_cuts_a_write_and_changes_a_query(proxy: Proxy, ask: Ask, before: bool) -> None:
    proxy.witness = Cuts(before=before)
    with pytest.raises((ConnectionResetError, http.client.RemoteDisconnected)):
        ask(proxy, "POST", POOLS)
    assert proxy.witness.answers == (0 if before else 1)
    assert (
        json.loads(ask(proxy, "GET", f"{POOLS}?limit=2").read())["path"]
        == f"{POOLS}?limit=2&resourceVersion=7"
    )
