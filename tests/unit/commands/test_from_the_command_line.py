"""Each command from its words to what it prints, before an API server in memory."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest

from taskfleet.api import Key, Object
from taskfleet.cli import main
from taskfleet.cli.completion import complete_for_kubectl
from taskfleet.commands import complete, session
from taskfleet.commands.flags import ClusterFlags
from taskfleet.kube.gateway import Gateway
from tests.unit.commands import cluster
from tests.unit.objects import own

MESSAGE = {"queue": "high", "id": "id-1", "task": "shop.pay", "arguments": "()", "redelivered": 6}
# The answer of the operator to a patch of each kind, without the token.
ANSWERS: Mapping[str, tuple[str, Object]] = {
    "workerpools": ("lastRequeue", {"messages": 2}),
    "periodicschedules": ("lastTrigger", {"taskId": "an-id"}),
    "taskqueues": ("lastPurge", {"messages": 7}),
}


class Cluster(cluster.Cluster):
    """An operator that carries out every request at once."""

    def __init__(self) -> None:
        super().__init__(self._operator, status={"deadLetters": 7})
        self.flags: list[ClusterFlags] = []
        self.put(own("PeriodicSchedule", "report", {"task": "t", "interval": "30s"}))
        self.put(own("TaskQueue", "emails", {}))

    def _operator(self, url: str, _: Mapping[str, str]) -> tuple[int, Object]:
        return 200, {"messages": [MESSAGE]} if "/dead?" in url else {"mode": "Auto", "decisions": []}

    def answer(
        self, method: str, url: str, headers: Mapping[str, str], body: Any | None
    ) -> tuple[int, Object]:
        if "/apis/metrics.k8s.io/" in url:
            return 200, {"items": []}
        code, live = super().answer(method, url, headers, body)
        if method == "PATCH" and body is not None:
            field, answer = next(answer for plural, answer in ANSWERS.items() if f"/{plural}/" in url)
            value: str = (body.get("spec") or {}).get("purge") or next(
                iter(body["metadata"]["annotations"].values())
            )
            token = value if field == "lastPurge" else value.split(maxsplit=1)[0]
            live = {**live, "status": {field: {"token": token, **answer}}}
        return code, live


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> Cluster:
    made = Cluster()

    @asynccontextmanager
    async def connected(flags: ClusterFlags) -> AsyncIterator[Gateway]:
        made.flags.append(flags)
        yield made.gateway()

    monkeypatch.setattr(session, "connected", connected)
    return made


@pytest.mark.parametrize(
    ("words", "printed"),
    [
        pytest.param("upgrade wp/mail", "workerpool/mail: outdated pods are replaced in turn.", id="upgrade"),
        pytest.param("dead wp/mail", "QUEUE  ID    TASK ", id="dead"),
        pytest.param("dead", "NAMESPACE  NAME  DEAD LETTERS\nshop       mail  7\n", id="dead-pools"),
        pytest.param("dead -A", "NAMESPACE  NAME  DEAD LETTERS\nshop       mail  7\n", id="dead-everywhere"),
        pytest.param("dead -A -l team=a", "No dead letters.\n", id="dead-of-labels"),
        pytest.param("dead wp/mail --requeue", "Messages requeued: 2\n", id="requeue"),
        pytest.param("dead mail --requeue id-1 id-2", "Messages requeued: 2\n", id="requeue-these"),
        pytest.param("top -l team=a", "No pools.\n", id="top-of-labels"),
        pytest.param("top -A --sort-by cpu -o name", "wp/mail\n", id="top"),
        pytest.param("status -l team=a", "No objects of Taskfleet.\n", id="status-of-labels"),
        pytest.param("queues -A -o name", "tq/emails\n", id="queues"),
        pytest.param("schedules", "every 30s", id="schedules"),
        pytest.param("explain workerpool/mail", "No decisions yet.\n", id="explain"),
        pytest.param("explain mail -o yaml", "mode: Auto\ndecisions: []\n", id="explain-data"),
        pytest.param("trigger psched/report", "an-id\n", id="trigger"),
        pytest.param("purge tq/emails", "Messages removed: 7\n", id="purge"),
        pytest.param("purge tq/emails --force -o json", '  "messages": 7\n}\n', id="purge-data"),
    ],
)
def test_a_command_prints_what_it_has_done(
    words: str, printed: str, shop: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ["-n", "shop", "--context", "there", "--kubeconfig", "file"]
    with pytest.raises(SystemExit) as end:
        main([*words.split(), *flags])
    shown = capsys.readouterr()
    assert (end.value.code, shown.err) == (0, "")
    assert printed in shown.out
    assert shop.flags == [ClusterFlags("file", "there", "shop")]


def test_named_messages_are_requeued_alone(shop: Cluster) -> None:
    with pytest.raises(SystemExit):
        main(["dead", "wp/mail", "-n", "shop", "--requeue", "id-1", "id-2"])
    assert (shop.annotation("taskfleet.dev/requeue") or "").split()[1:] == ["id-1", "id-2"]


def test_force_reaches_the_queue(shop: Cluster) -> None:
    with pytest.raises(SystemExit):
        main(["purge", "tq/emails", "-n", "shop", "--force"])
    (queue,) = [obj for key, obj in shop.objects.items() if key.kind == "TaskQueue"]
    assert queue["spec"]["purge"].endswith(" force")


@pytest.mark.parametrize(
    ("words", "choices"),
    [
        pytest.param(["dead", "-n", "shop", ""], ["wp/mail"], id="short-form"),
        pytest.param(["dead", "-n", "shop", "workerpool/"], ["workerpool/mail"], id="the-form-that-is-begun"),
        pytest.param(["purge", "-n", "shop", "em"], ["emails"], id="name"),
        pytest.param(["trigger", "-n", "other", "psched/"], [], id="other-namespace"),
        pytest.param(["status", "-n", "sh"], ["shop"], id="namespace"),
    ],
)
def test_names_are_completed_from_the_cluster(
    words: list[str],
    choices: list[str],
    shop: Cluster,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(complete, "connected", session.connected)
    shop.objects[Key("Namespace", "", "shop")] = {"metadata": {"name": "shop"}}
    complete_for_kubectl(words)
    assert capsys.readouterr().out == "".join(f"{choice}\t\n" for choice in choices) + ":4\n"
