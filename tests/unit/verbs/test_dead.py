"""`kubectl taskfleet dead`, before an API server in memory."""

import asyncio

import pytest

from taskfleet.api import Key, Object
from taskfleet.api.annotations import READER, REQUEUE
from taskfleet.kube.errors import ApiError
from taskfleet.verbs import leader
from taskfleet.verbs.dead import listing, move_back, show
from tests.envtest.api_calls import ApiCall
from tests.unit.objects import NAMESPACE, pool
from tests.unit.verbs import cluster
from tests.unit.verbs.cluster import LEASE, MAIL, Operator, willing

MESSAGE = {"queue": "high", "id": "id-1", "task": "shop.pay", "arguments": "(1,) {}", "redelivered": 6}


class Cluster(cluster.Cluster):
    """A pool with dead letters."""

    def __init__(self, operator: Operator | None = None, holder: str = "operator-1_1a2b") -> None:
        answers = operator or willing("dead", {"messages": [MESSAGE]})
        super().__init__(answers, status={"deadLetters": 7}, holder=holder)


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


async def test_where_none_are_found_the_pods_notes_may_say_why(capsys: pytest.CaptureFixture[str]) -> None:
    note = "The app sets global_keyprefix 'shop:', the Broker None. (2 of 2 pods)"
    cluster = Cluster(lambda *_: (200, {"messages": []}))
    cluster.put(pool(status={"notes": [note]}))
    assert await show(cluster.gateway(), MAIL, LEASE) == 0
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("No dead letters.\n", f"Its pods note: {note}\n")


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
