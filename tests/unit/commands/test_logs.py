"""`kubectl taskfleet logs`, before an API server in memory."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from taskfleet.api import Key, Object
from taskfleet.commands.log_records import Wanted
from taskfleet.commands.logs import Read, logs
from taskfleet.kube.errors import ApiError
from taskfleet.kube.gateway import Gateway
from tests.tools.api_server import ApiServer, MemoryClient, Response
from tests.unit.objects import NAMESPACE, pod, pool

MAIL = Key("WorkerPool", NAMESPACE, "mail")
LOGS = {
    "mail-1": (
        200,
        "2030-01-01T12:00:01.5Z Task t[id-1] received\n2030-01-01T12:00:03Z Task t[id-2] received\n",
    ),
    "mail-2": (200, "2030-01-01T12:00:02.25Z Task t[id-1] \x1b[2Jsucceeded\n"),
    "mail-beat": (200, "2030-01-01T12:00:00Z of the beat id-1\n"),
}


class Client(MemoryClient):
    """A kubelet behind the API server: the log of each pod, or its refusal."""

    def __init__(self, server: ApiServer, kept: Mapping[str, tuple[int, str]]) -> None:
        super().__init__(server)
        self.kept = kept
        self.queries: dict[str, dict[str, str]] = {}

    async def call_api(
        self, method: str, url: str, headers: Mapping[str, str], *, body: Object | bytes | None, **others: Any
    ) -> Response:
        parts = urlsplit(url)
        if not parts.path.endswith("/log"):
            return await super().call_api(method, url, headers, body=body, **others)
        name = parts.path.split("/")[-2]
        assert parts.path == f"/api/v1/namespaces/{NAMESPACE}/pods/{name}/log"
        self.queries[name] = dict(parse_qsl(parts.query))
        status, text = self.kept[name]
        return Response(status, text.encode())

    def gateway(self) -> Gateway:
        return Gateway(self, may_write=lambda: False)


def client(kept: Mapping[str, tuple[int, str]] = LOGS) -> Client:
    server = ApiServer()
    server.put(pool())
    for name in ("mail-2", "mail-1"):
        server.put(pod(name))
    server.put(pod("mail-beat", labels={"taskfleet.dev/pool": "mail", "taskfleet.dev/component": "appbeat"}))
    return Client(server, kept)


async def run(kept: Client, *, wanted: Wanted | None = None, read: Read | None = None) -> int:
    return await logs(kept.gateway(), MAIL, wanted=wanted or Wanted(), read=read or Read())


async def test_lines_of_all_worker_pods_come_in_order_of_time_and_harmless(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert await run(client()) == 0
    assert capsys.readouterr().out.splitlines() == [
        "[mail-1] Task t[id-1] received",
        "[mail-2] Task t[id-1] \\x1b[2Jsucceeded",
        "[mail-1] Task t[id-2] received",
    ]


async def test_a_task_is_followed_from_pod_to_pod(capsys: pytest.CaptureFixture[str]) -> None:
    assert await run(client(), wanted=Wanted(id="id-1")) == 0
    assert [line[:8] for line in capsys.readouterr().out.splitlines()] == ["[mail-1]", "[mail-2]"]


async def test_a_task_without_a_line_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert await run(client(), wanted=Wanted(id="id-9")) == 1
    assert "No lines of this task in the logs of 2 pods." in capsys.readouterr().err


async def test_a_pod_that_has_not_started_is_named_and_the_others_are_read(
    capsys: pytest.CaptureFixture[str],
) -> None:
    starting = 400, '{"message": "container \\"worker\\" is waiting to start"}'
    assert await run(client({**LOGS, "mail-2": starting})) == 0
    printed = capsys.readouterr()
    assert len(printed.out.splitlines()) == 2
    assert printed.err == 'Pod mail-2: container "worker" is waiting to start\n'


async def test_a_container_that_was_never_restarted_has_no_previous_log(
    capsys: pytest.CaptureFixture[str],
) -> None:
    never = 400, '{"message": "previous terminated container not found"}'
    kept = client({**LOGS, "mail-2": never})
    assert await run(kept, read=Read(previous=True)) == 0
    assert kept.queries["mail-1"]["previous"] == "true"
    assert capsys.readouterr().err == ""


async def test_without_permission_the_command_fails() -> None:
    with pytest.raises(ApiError, match="pods/log is forbidden"):
        await run(client({**LOGS, "mail-1": (403, '{"message": "pods/log is forbidden"}')}))


@pytest.mark.parametrize(
    ("wanted", "read", "query"),
    [
        pytest.param(Wanted(), Read(), {"tailLines": "100"}, id="all"),
        pytest.param(Wanted(id="id-1"), Read(), {"tailLines": "50000"}, id="task"),
        pytest.param(Wanted(id="id-1"), Read(0.5, 7), {"tailLines": "7", "sinceSeconds": "1"}, id="limits"),
    ],
)
async def test_what_is_read_is_limited(wanted: Wanted, read: Read, query: dict[str, str]) -> None:
    kept = client()
    await run(kept, wanted=wanted, read=read)
    always = {"container": "worker", "timestamps": "true", "limitBytes": str(16 * 1024 * 1024)}
    assert kept.queries["mail-1"] == always | query


async def test_a_log_that_is_cut_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    line = "2030-01-01T12:00:02Z Task t[id-1] received\n"
    await run(client({**LOGS, "mail-2": (200, line * 50_000)}), wanted=Wanted(id="id-2"))
    assert capsys.readouterr().err == (
        "Pod mail-2: its log is too long to be read whole. Set --since or --tail.\n"
    )
