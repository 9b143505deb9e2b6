"""`kubectl taskfleet failed`, before an API server in memory."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from taskfleet.api import Object
from taskfleet.api.annotations import FAILED_TASKS, REQUESTED_BY
from taskfleet.cli import main
from taskfleet.commands.failed import Shown, Wanted, forget, list_tasks, retry
from taskfleet.commands.failed_groups import grouped
from tests.envtest.api_calls import ApiCall
from tests.unit.commands import cluster
from tests.unit.commands.cluster import LEASE, MAIL
from tests.unit.objects import pool

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def task(number: int, **changes: Any) -> Object:
    """The failure of so many minutes before noon, as the operator tells it."""
    at = NOON.timestamp() - 60 * number
    told = {
        "at": int(at * 1_000_000), "id": f"id-{number}", "name": "shop.pay", "queue": "high", "priority": 0, "time": at,
        "runtime": 0.5, "exception": "ValueError", "message": f"order {number} is unknown", "root": "root", "group": "",
        "retries": 3, "chord": False, "kept": True, "args": "(1,)", "kwargs": "{}",
    }  # fmt: skip
    return {**told, **changes}


class Cluster(cluster.Cluster):
    """An operator that tells failures in pages of two, and handles each request."""

    def __init__(self, *tasks: Object, answer: Object | None = None, **spec: Any) -> None:
        super().__init__(self._operator, status={})
        self.put(pool(**spec))
        self.tasks = tasks
        self.asked: list[Mapping[str, str]] = []
        self._answers = answer or {"tasks": 2}
        self.meanwhile = self._handle

    def _operator(self, url: str, _: Mapping[str, str]) -> tuple[int, Object]:
        query = dict(parse_qsl(urlsplit(url).query))
        assert urlsplit(url).path.endswith("/proxy/failed")
        self.asked.append(query)
        if "id" in query:
            found = [
                {**one, "traceback": "Traceback\nlast"} for one in self.tasks if one["id"] == query["id"]
            ]
            return 200, {"tasks": found, "next": None}
        before = int(query.get("before", 10**18))
        page = [one for one in self.tasks if one["at"] < before][:2]
        return 200, {"tasks": page, "next": page[-1]["at"] if page else None}

    def _handle(self, call: ApiCall) -> None:
        if call.verb == "patch":
            token = self.words()[0]
            self.put({**self.objects[MAIL], "status": {"lastFailedTasks": {"token": token, **self._answers}}})

    def words(self) -> list[str]:
        return (self.annotation(FAILED_TASKS) or "").split()


async def listed(cluster: Cluster, **shown: Any) -> int:
    return await list_tasks(cluster.gateway(), MAIL, Shown(**shown), lease=LEASE, now=NOON)


async def test_all_pages_are_listed_the_newest_first(capsys: pytest.CaptureFixture[str]) -> None:
    cluster = Cluster(task(1), task(2, name="shop.mail"), task(3))
    assert await listed(cluster) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["TIME", "TASK", "QUEUE", "EXCEPTION", "MESSAGE", "ID"]
    assert [line.split()[-1] for line in lines[1:]] == ["id-1", "id-2", "id-3"]
    assert lines[1].startswith("2026-01-01T11:59:00Z  shop.pay")
    assert len(cluster.asked) == 3


async def test_a_task_that_failed_again_meanwhile_is_listed_once(capsys: pytest.CaptureFixture[str]) -> None:
    await listed(Cluster(task(1), task(2), task(3, id="id-1")), form="name")
    assert capsys.readouterr().out == "id-1\nid-2\n"


@pytest.mark.parametrize(
    ("shown", "ids"),
    [
        pytest.param({"task": "shop.mail"}, ["id-2"], id="of-one-task"),
        pytest.param({"since": 150.0}, ["id-1", "id-2"], id="since"),
        pytest.param({"since": 30.0}, [], id="none-since"),
    ],
)
async def test_only_what_is_asked_for_is_listed(
    shown: dict[str, Any], ids: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    await listed(Cluster(task(1), task(2, name="shop.mail"), task(3)), form="json", **shown)
    assert [one["id"] for one in json.loads(capsys.readouterr().out)["tasks"]] == ids


async def test_no_page_is_read_that_is_too_old() -> None:
    cluster = Cluster(*(task(number) for number in range(1, 9)))
    await listed(cluster, since=150.0)
    assert len(cluster.asked) == 2


async def test_a_task_and_its_cause_are_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    tasks = (
        task(1),
        task(2),
        task(3, exception="KeyError"),
        task(4, message="another order is unknown"),
        task(5),
    )
    assert await listed(Cluster(*tasks), group=True) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == ["COUNT", "TASK", "EXCEPTION", "FIRST", "LAST", "MESSAGE"]
    assert lines[1][:5] == ["3", "shop.pay", "ValueError", "2026-01-01T11:55:00Z", "2026-01-01T11:59:00Z"]
    assert [line[0] for line in lines[1:]] == ["3", "1", "1"]


async def test_wide_says_whether_a_task_can_be_sent_again(capsys: pytest.CaptureFixture[str]) -> None:
    await listed(
        Cluster(task(1), task(2, kept=False), task(3, chord=True, args=None, kwargs=None)), form="wide"
    )
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith("RUNTIME  RETRIES  RETRYABLE     ROOT  GROUP  ARGUMENTS")
    assert ["yes" in lines[1], "no message" in lines[2], "with --force" in lines[3]] == [True] * 3
    assert [line.split()[-1] for line in (lines[1], lines[3])] == ["{}", "-"]


async def test_one_task_is_shown_with_its_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    assert await listed(Cluster(task(1), task(2)), ids=("id-2",)) == 0
    shown = capsys.readouterr().out
    assert "exception: ValueError\n" in shown
    assert shown.endswith("\nTraceback\nlast\n")


async def test_an_unknown_id_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert await listed(Cluster(task(1)), ids=("gone",)) == 1
    assert "no record of a failure with this id" in capsys.readouterr().err


async def test_without_the_operator_there_is_no_list(capsys: pytest.CaptureFixture[str]) -> None:
    cluster = Cluster()
    cluster.refused = {"message": "no proxy"}
    assert await listed(cluster) == 1
    assert "This requires the Role taskfleet-operator-query" in capsys.readouterr().err


HOSTILE = "\x1b]0;owned\x07\x1b[2J\r\nReady\u202e"


async def test_what_strangers_wrote_is_no_command_for_the_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    texts = dict.fromkeys(("id", "name", "queue", "exception", "message", "root", "group", "args"), HOSTILE)
    for shown in ({}, {"group": True}, {"form": "wide"}, {"ids": (HOSTILE,)}):
        await listed(Cluster(task(1, **texts)), **shown)
    printed = capsys.readouterr()
    assert all(character.isprintable() for character in (printed.out + printed.err).replace("\n", ""))


@pytest.mark.parametrize(
    ("wanted", "force", "words"),
    [
        pytest.param(Wanted(), False, ["retry", "all"], id="all"),
        pytest.param(Wanted(), True, ["retry-force", "all"], id="chords-too"),
        pytest.param(Wanted(task="shop.pay"), False, ["retry", "task", "shop.pay"], id="of-one-task"),
        pytest.param(Wanted(ids=("a", "b")), False, ["retry", "id", "a", "b"], id="these"),
    ],
)
async def test_a_retry_says_how_many_were_sent(
    wanted: Wanted, force: bool, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    cluster = Cluster()
    assert await retry(cluster.gateway(), MAIL, wanted, force=force) == 0
    assert cluster.words()[1:] == words
    assert cluster.annotation(REQUESTED_BY) == "ann"
    assert capsys.readouterr().out == "Tasks sent again: 2\n"


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        pytest.param({}, "Set spec.failures.messages to true", id="nothing-is-kept"),
        pytest.param(
            {"failures": {"messages": True}}, "before spec.failures.messages was set", id="not-these"
        ),
    ],
)
async def test_what_was_left_is_said_with_the_way_out(
    spec: Object, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster = Cluster(answer={"tasks": 0, "chordMembers": 4, "withoutMessage": 3}, **spec)
    assert await retry(cluster.gateway(), MAIL, Wanted(), force=False) == 0
    shown = capsys.readouterr()
    assert shown.out == "Tasks sent again: 0\n"
    assert "chord were left: 4" in shown.err
    assert "use --force" in shown.err
    assert "message were left: 3" in shown.err
    assert said in shown.err


async def test_a_refusal_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    for act in (retry(Cluster(answer={"refused": "No."}).gateway(), MAIL, Wanted(), force=False),
                forget(Cluster(answer={"refused": "No."}).gateway(), MAIL, Wanted())):  # fmt: skip
        assert await act == 1
    assert capsys.readouterr() == ("", "No.\nNo.\n")


async def test_forgetting_says_how_many(capsys: pytest.CaptureFixture[str]) -> None:
    cluster = Cluster()
    assert await forget(cluster.gateway(), MAIL, Wanted(task="shop.pay"), form="json") == 0
    assert json.loads(capsys.readouterr().out)["tasks"] == 2
    assert cluster.words()[1:] == ["forget", "task", "shop.pay"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--all", "--all and --force are only for --retry and --forget"),
        ("--force", "--all and --force are only for --retry and --forget"),
        ("--retry", "exactly one of --id, --task and --all"),
        ("--retry --all --id a", "exactly one of --id, --task and --all"),
        ("--retry --forget --all", "cannot both be set"),
        ("--forget --force --all", "--force is only for --retry"),
        ("--retry --all --since 1h", "--since and --group are only for listing"),
        ("--retry --all -o wide", "-o wide is only for lists"),
        ("--since yesterday", "must be a duration"),
    ],
)
def test_options_that_do_not_go_together_are_refused(
    words: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main(["failed", "wp/mail", *words.split()])
    assert end.value.code == 2
    assert said in capsys.readouterr().err


def test_ten_thousand_failures_are_grouped_at_once() -> None:
    tasks = [task(1, id=str(number), time="", message=f"order {number}") for number in range(10_000)]
    (group,) = grouped(tasks)
    assert group["count"] == 10_000
