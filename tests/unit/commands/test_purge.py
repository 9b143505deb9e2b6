"""`kubectl taskfleet purge`, before an API server in memory."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from taskfleet.api import Key, Object
from taskfleet.commands.purge import purge
from taskfleet.kube.errors import ApiError
from tests.tools.api_server import ApiServer
from tests.unit.objects import NAMESPACE, own

EMAILS = Key("TaskQueue", NAMESPACE, "emails")


class Cluster(ApiServer):
    """A TaskQueue whose status answers to each new value of spec.purge."""

    def __init__(self, answer: Object | None) -> None:
        super().__init__()
        self._answers = answer
        self.put(own("TaskQueue", "emails", {}))

    def answer(self, method: str, url: str, headers: Mapping[str, str], body: Any) -> tuple[int, Object]:
        told = super().answer(method, url, headers, body)
        if method == "PATCH" and self._answers is not None:
            last = {"token": self.token, **self._answers}
            self.put({**self.objects[EMAILS], "status": {"lastPurge": last}})
        return told

    @property
    def token(self) -> str:
        return str(self.objects[EMAILS]["spec"]["purge"])


async def test_the_number_of_messages_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    cluster = Cluster({"messages": 7})
    assert await purge(cluster.gateway(), EMAILS, force=False) == 0
    assert capsys.readouterr().out == "Messages removed: 7\n"
    assert len(cluster.token.split()) == 1


async def test_force_travels_with_the_token() -> None:
    cluster = Cluster({"messages": 7})
    await purge(cluster.gateway(), EMAILS, force=True)
    assert cluster.token.split()[-1] == "force"


async def test_a_refusal_is_told_with_the_way_out(capsys: pytest.CaptureFixture[str]) -> None:
    cluster = Cluster({"messages": 0, "refused": "The queue is consumed."})
    assert await purge(cluster.gateway(), EMAILS, force=False) == 1
    assert (
        capsys.readouterr().err
        == "No message was removed. The queue is consumed. Use --force to purge anyway.\n"
    )


async def test_a_refusal_as_data_ends_with_1_too(capsys: pytest.CaptureFixture[str]) -> None:
    answer = {"messages": 0, "refused": "The queue is consumed."}
    cluster = Cluster(answer)
    assert await purge(cluster.gateway(), EMAILS, force=False, form="json") == 1
    assert json.loads(capsys.readouterr().out) == {"token": cluster.token, **answer}


async def test_a_queue_that_does_not_exist_is_an_error() -> None:
    cluster = Cluster(None)
    cluster.drop(EMAILS)
    with pytest.raises(ApiError):
        await purge(cluster.gateway(), EMAILS, force=False)
