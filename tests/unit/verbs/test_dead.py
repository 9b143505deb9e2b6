"""`kubectl taskfleet dead`, before an API server in memory."""

import asyncio
from collections.abc import Callable, Mapping
from urllib.parse import parse_qsl, urlsplit

import pytest

from taskfleet.api import Key, Object
from taskfleet.api.annotations import READER, READER_HEADER, REQUEUE, reader_digest
from taskfleet.kube.errors import ApiError
from taskfleet.verbs import leader
from taskfleet.verbs.dead import listing, move_back, show
from tests.api_server import ApiServer
from tests.envtest.api_calls import ApiCall
from tests.unit.objects import NAMESPACE, pool

MAIL = Key("WorkerPool", NAMESPACE, "mail")
LEASE = Key("Lease", "taskfleet-system", "taskfleet-operator")
MESSAGE = {"queue": "high", "id": "id-1", "task": "shop.pay", "arguments": "(1,) {}", "redelivered": 6}
Operator = Callable[[str, Mapping[str, str], str], tuple[int, Object]]


def willing(url: str, headers: Mapping[str, str], digest: str) -> tuple[int, Object]:
    """Answers whoever shows the secret."""
    parts = urlsplit(url)
    assert parts.path == "/api/v1/namespaces/taskfleet-system/pods/operator-1/proxy/dead"
    assert dict(parse_qsl(parts.query)) == {"namespace": NAMESPACE, "pool": "mail"}
    assert digest == reader_digest(headers[READER_HEADER])
    return 200, {"messages": [MESSAGE]}


class Cluster(ApiServer):
    """A pool with dead letters, and an operator that leads; its port sees the pool's annotation."""

    def __init__(self, operator: Operator = willing, holder: str = "operator-1_1a2b") -> None:
        super().__init__()
        self._operator = operator
        self.put(pool(status={"deadLetters": 7}))
        for kind, name, spec in (
            ("Lease", LEASE.name, {"holderIdentity": holder}),
            ("Pod", "operator-1", {}),
        ):
            metadata = {"name": name, "namespace": LEASE.namespace}
            self.put({"kind": kind, "metadata": metadata, "spec": spec})

    def answer(
        self, method: str, url: str, headers: Mapping[str, str], body: Object | None
    ) -> tuple[int, Object]:
        status, answer = super().answer(method, url, headers, body)
        if "/proxy/" not in url or status != 200:
            return status, answer
        return self._operator(url, headers, self.annotation(READER) or "")

    def annotation(self, name: str) -> str | None:
        annotations: Mapping[str, str] = self.objects[MAIL]["metadata"].get("annotations") or {}
        return annotations.get(name)


async def test_the_leader_is_asked_by_who_may_write_the_pool(capsys: pytest.CaptureFixture[str]) -> None:
    cluster = Cluster()
    assert await show(cluster.gateway(), MAIL, LEASE) == 0
    assert capsys.readouterr().out == listing([MESSAGE])
    assert cluster.annotation(READER) is None, "the digest stays no longer than the question"
    assert cluster.writes == ["patch workerpools shop/mail by taskfleet"] * 2


async def test_an_operator_that_has_not_seen_the_digest_yet_is_asked_again(
    capsys: pytest.CaptureFixture[str],
) -> None:
    answers: list[tuple[int, Object]] = [(401, {"message": "unknown"}), (200, {"messages": []})]
    assert await show(Cluster(lambda *_: answers.pop(0)).gateway(), MAIL, LEASE) == 0
    assert capsys.readouterr().out == "No dead letters.\n"


def refusing(verb: str, resource: str, message: str) -> Cluster:
    cluster = Cluster()
    cluster.refuse(verb, resource, message=message)
    return cluster


def without_lease() -> Cluster:
    cluster = Cluster()
    cluster.drop(LEASE)
    return cluster


@pytest.mark.parametrize(
    ("cluster", "said"),
    [
        pytest.param(refusing("get", "leases", "no leases"), "no leases", id="may-not-read-the-lease"),
        pytest.param(
            refusing("get", "pods/proxy", "no proxy"),
            "no proxy. It takes the right to write the WorkerPool, and the Role taskfleet-operator-questions",
            id="may-not-use-the-proxy",
        ),
        pytest.param(refusing("patch", "workerpools", "no patch"), "no patch", id="may-not-write-the-pool"),
        pytest.param(without_lease(), "--lease-namespace", id="no-lease"),
        pytest.param(Cluster(holder=""), "No operator leads", id="nobody-leads"),
        pytest.param(
            Cluster(lambda *_: (503, {"message": "It does not lead."})), "It does not lead.", id="unable"
        ),
        pytest.param(Cluster(lambda *_: (401, {"message": "Unknown."})), "Unknown.", id="unconvinced"),
    ],
)
async def test_without_the_operator_their_number_is_shown_and_why_not_more(
    cluster: Cluster, said: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leader, "_SEEN_WITHIN_SECONDS", 0.3)
    assert await show(cluster.gateway(), MAIL, LEASE) == 0
    shown = capsys.readouterr()
    assert shown.out == "Dead letters: 7\n"
    assert said in shown.err
    assert cluster.annotation(READER) is None


async def test_a_pool_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(ApiError, match="does not exist"):
        await show(Cluster().gateway(), Key("WorkerPool", NAMESPACE, "nail"), LEASE)


def test_messages_are_a_table_and_ids_are_never_cut() -> None:
    long = "i" * 100
    shown = listing([MESSAGE, {**MESSAGE, "id": long, "task": "\x1b[31m", "arguments": ""}])
    assert shown.splitlines() == [
        f"QUEUE  ID{' ' * 98}  TASK      REDELIVERED  ARGUMENTS",
        f"high   id-1{' ' * 96}  shop.pay  6            (1,) {{}}",
        f"high   {long}  \\x1b[31m  6            ?",
    ]


@pytest.mark.parametrize(
    ("ids", "wish"), [pytest.param([], "", id="all"), pytest.param(["a", "b"], " a b", id="some")]
)
async def test_moving_back_waits_for_the_operators_answer(
    ids: list[str], wish: str, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster = Cluster()

    def answer(call: ApiCall) -> None:
        if call.verb == "patch":
            token = (cluster.annotation(REQUEUE) or "").split()[0]
            assert cluster.annotation(REQUEUE) == token + wish
            cluster.put({**cluster.objects[MAIL], "status": {"lastRequeue": {"token": token, "messages": 3}}})

    cluster.meanwhile = answer
    assert await move_back(cluster.gateway(), MAIL, ids) == 0
    assert capsys.readouterr().out == "Messages moved back to their queues: 3\n"


async def test_an_older_answer_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    cluster = Cluster()
    cluster.put({**cluster.objects[MAIL], "status": {"lastRequeue": {"token": "old", "messages": 3}}})
    async with asyncio.timeout(10):
        assert await move_back(cluster.gateway(), MAIL, [], seconds=0.1) == 1
    assert "status.lastRequeue.token" in capsys.readouterr().err
