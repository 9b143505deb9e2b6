"""`kubectl taskfleet dead`, before an API server in memory."""

import json

import pytest

from taskfleet.api import Key, Object
from taskfleet.api.annotations import FORGET, REQUEUE
from taskfleet.commands import leader
from taskfleet.commands.dead import forget, list_messages, list_pools, listing, requeue
from taskfleet.commands.output import ListForm
from taskfleet.kube.errors import ApiError
from tests.envtest.api_calls import ApiCall
from tests.unit.commands import cluster
from tests.unit.commands.cluster import LEASE, MAIL, Operator, willing
from tests.unit.objects import NAMESPACE, pool

MESSAGE = {"queue": "high", "id": "id-1", "task": "shop.pay", "arguments": "(1,) {}", "redelivered": 6}


class Cluster(cluster.Cluster):
    """A pool with dead letters."""

    def __init__(self, operator: Operator | None = None, *, token: str | None = "of-the-user") -> None:
        answers = operator or willing("dead", {"messages": [MESSAGE]})
        super().__init__(answers, status={"deadLetters": 7}, token=token)


async def test_the_operator_is_asked_with_the_token_of_the_caller(
    capsys: pytest.CaptureFixture[str],
) -> None:
    cluster = Cluster()
    assert await list_messages(cluster.gateway(), MAIL, lease=LEASE) == 0
    assert capsys.readouterr().out == listing([MESSAGE])
    assert cluster.writes == []


async def test_a_certificate_asks_in_the_name_of_the_operators_account_for_that(
    capsys: pytest.CaptureFixture[str],
) -> None:
    operator = willing("dead", {"messages": [MESSAGE]}, token="of-the-account")
    assert await list_messages(Cluster(operator, token=None).gateway(), MAIL, lease=LEASE) == 0
    assert capsys.readouterr().out == listing([MESSAGE])


async def test_an_operator_that_stands_by_is_asked_again(capsys: pytest.CaptureFixture[str]) -> None:
    answers: list[tuple[int, Object]] = [(503, {"message": "It does not lead."}), (200, {"messages": []})]
    assert await list_messages(Cluster(lambda *_: answers.pop(0)).gateway(), MAIL, lease=LEASE) == 0
    assert capsys.readouterr().out == "No dead letters.\n"


async def test_where_none_are_found_the_pods_notes_may_say_why(capsys: pytest.CaptureFixture[str]) -> None:
    note = "The app sets global_keyprefix 'shop:', the Broker None. (2 of 2 pods)"
    cluster = Cluster(lambda *_: (200, {"messages": []}))
    cluster.put(pool(status={"notes": [note]}))
    assert await list_messages(cluster.gateway(), MAIL, lease=LEASE) == 0
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("No dead letters.\n", f"Note from its pods: {note}\n")


def refusing(message: str) -> Cluster:
    cluster = Cluster()
    cluster.refused = {"message": message}
    return cluster


@pytest.mark.parametrize(
    ("cluster", "said"),
    [
        pytest.param(
            refusing("no proxy"),
            "no proxy. This requires the Role taskfleet-operator-query in namespace taskfleet-system,",
            id="may-not-use-the-proxy",
        ),
        pytest.param(
            Cluster(lambda *_: (403, {"message": "'ann' may not patch it."})),
            "'ann' may not patch it. This requires the Role",
            id="may-not-write-the-pool",
        ),
        pytest.param(
            Cluster(lambda *_: (404, {"message": 'services "taskfleet-operator" not found'})),
            "--lease-namespace",
            id="no-service",
        ),
        pytest.param(
            Cluster(lambda *_: (503, {"message": "It does not lead."})),
            "It does not lead.",
            id="nobody-leads",
        ),
        pytest.param(Cluster(lambda *_: (401, {"message": "Unknown."})), "Unknown.", id="unconvinced"),
    ],
)
async def test_without_the_operator_their_number_is_shown_and_why_not_more(
    cluster: Cluster, said: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leader, "_RETRY_SECONDS", 0.3)
    assert await list_messages(cluster.gateway(), MAIL, lease=LEASE) == 0
    shown = capsys.readouterr()
    assert shown.out == "Dead letters: 7\n"
    assert said in shown.err


async def test_a_pool_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(ApiError, match="does not exist"):
        await list_messages(Cluster().gateway(), Key("WorkerPool", NAMESPACE, "nail"), lease=LEASE)


def test_messages_are_a_table_and_ids_are_never_cut() -> None:
    long = "i" * 100
    shown = listing([MESSAGE, {**MESSAGE, "id": long, "task": "\x1b[31m", "arguments": ""}])
    assert shown.splitlines() == [
        f"QUEUE  ID{' ' * 98}  TASK      REDELIVERED  ARGUMENTS  REASON",
        f"high   id-1{' ' * 96}  shop.pay  6            (1,) {{}}    its worker was lost 6 times",
        f"high   {long}  \\x1b[31m  6            ?          its worker was lost 6 times",
    ]


@pytest.mark.parametrize(
    ("redelivered", "reason", "shown"),
    [
        pytest.param(0, "its body is no list", "its body is no list", id="no-worker-could-take-it-in"),
        pytest.param(6, "workers crashed when they processed it", "workers crashed when they processed it", id="both"),
        pytest.param(6, "", "its worker was lost 6 times", id="lost-with-its-workers"),
        pytest.param(0, "", "?", id="put-there-by-somebody"),
    ],
)  # fmt: skip
def test_a_dead_letter_says_why(redelivered: int, reason: str, shown: str) -> None:
    (_, line) = listing([{**MESSAGE, "redelivered": redelivered, "reason": reason}]).splitlines()
    assert line.endswith(f"  {shown}")


@pytest.mark.parametrize(
    ("ids", "asked_for"), [pytest.param([], "", id="all"), pytest.param(["a", "b"], " a b", id="some")]
)
async def test_moving_back_waits_for_the_operators_answer(
    ids: list[str], asked_for: str, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster = Cluster()

    def answer(call: ApiCall) -> None:
        if call.verb == "patch":
            token = (cluster.annotation(REQUEUE) or "").split()[0]
            assert cluster.annotation(REQUEUE) == token + asked_for
            cluster.put({**cluster.objects[MAIL], "status": {"lastRequeue": {"token": token, "messages": 3}}})

    cluster.meanwhile = answer
    assert await requeue(cluster.gateway(), MAIL, ids=ids) == 0
    assert capsys.readouterr().out == "Messages requeued: 3\n"


async def test_forgetting_waits_for_the_operators_answer(capsys: pytest.CaptureFixture[str]) -> None:
    cluster = Cluster()

    def answer(call: ApiCall) -> None:
        if call.verb == "patch":
            token, *ids = (cluster.annotation(FORGET) or "").split()
            assert ids == ["a"]
            cluster.put({**cluster.objects[MAIL], "status": {"lastForget": {"token": token, "messages": 1}}})

    cluster.meanwhile = answer
    assert await forget(cluster.gateway(), MAIL, ids=["a"]) == 0
    assert capsys.readouterr().out == "Messages removed: 1\n"


async def test_pools_with_dead_letters_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    cluster = Cluster()
    cluster.put(pool("clean", status={"deadLetters": 0}))
    cluster.put(pool("new"))
    cluster.put(pool("far", status={"deadLetters": 2}, meta={"namespace": "other"}))
    assert await list_pools(cluster.gateway(), NAMESPACE) == 0
    assert capsys.readouterr().out == "NAMESPACE  NAME  DEAD LETTERS\nshop       mail  7\n"
    assert await list_pools(cluster.gateway(), None, form="json") == 0
    assert json.loads(capsys.readouterr().out) == {
        "pools": [
            {"namespace": "other", "name": "far", "deadLetters": 2},
            {"namespace": "shop", "name": "mail", "deadLetters": 7},
        ]
    }


async def test_no_pool_with_dead_letters_is_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    cluster = Cluster()
    cluster.put(pool())
    assert await list_pools(cluster.gateway(), NAMESPACE) == 0
    assert capsys.readouterr().out == "No dead letters.\n"


async def test_messages_as_data_have_every_field_and_the_reason(capsys: pytest.CaptureFixture[str]) -> None:
    await list_messages(Cluster().gateway(), MAIL, lease=LEASE, form="json")
    explained = {**MESSAGE, "reason": "its worker was lost 6 times"}
    assert json.loads(capsys.readouterr().out) == {"deadLetters": 1, "messages": [explained]}


@pytest.mark.parametrize(
    ("form", "shown"), [("name", "id-1\n"), ("wide", f" {'x' * 100} "), ("table", f" {'x' * 59}… ")]
)
async def test_ids_alone_are_for_scripts_and_wide_cuts_nothing(
    form: ListForm, shown: str, capsys: pytest.CaptureFixture[str]
) -> None:
    answers = willing("dead", {"messages": [{**MESSAGE, "arguments": "x" * 100}]})
    await list_messages(Cluster(answers).gateway(), MAIL, lease=LEASE, form=form)
    assert shown in capsys.readouterr().out


async def test_names_of_pools_are_for_scripts(capsys: pytest.CaptureFixture[str]) -> None:
    assert await list_pools(Cluster().gateway(), NAMESPACE, form="name") == 0
    assert capsys.readouterr().out == "wp/mail\n"


async def test_without_the_operator_the_data_have_the_number_alone(
    capsys: pytest.CaptureFixture[str],
) -> None:
    await list_messages(refusing("no proxy").gateway(), MAIL, lease=LEASE, form="json")
    assert json.loads(capsys.readouterr().out) == {"deadLetters": 7, "messages": None}


HOSTILE = "\x1b]0;owned\x07\x1b[2J\r\nReady\u202e\x9b31m"


async def test_nothing_that_strangers_wrote_reaches_the_terminal_as_a_command(
    capsys: pytest.CaptureFixture[str],
) -> None:
    message = dict.fromkeys(("queue", "id", "task", "arguments", "redelivered", "reason"), HOSTILE)
    await list_messages(Cluster(lambda *_: (200, {"messages": [message]})).gateway(), MAIL, lease=LEASE)
    cluster = Cluster(lambda *_: (200, {"messages": []}))
    cluster.put(pool(status={"notes": [HOSTILE]}))
    await list_messages(cluster.gateway(), MAIL, lease=LEASE)
    await list_messages(Cluster(lambda *_: (401, {"message": HOSTILE})).gateway(), MAIL, lease=LEASE)
    shown = capsys.readouterr()
    for text in (shown.out, shown.err):
        assert all(character.isprintable() for character in text.replace("\n", ""))
    assert shown.err.count("\n") == 2, "a line break of theirs begins no line"
