"""Requests that the operator answers in the status of an object."""

import asyncio

import pytest

from taskfleet.api import Key, Object
from taskfleet.api.annotations import REQUESTED_BY, TRIGGER
from taskfleet.commands import request
from taskfleet.commands.request import PendingError, send, signed
from taskfleet.commands.tokens import Request
from taskfleet.kube.errors import ApiError
from tests.envtest.api_calls import ApiCall
from tests.tools.api_server import ApiServer
from tests.unit.objects import NAMESPACE, conditions, own

EMAILS = Key("TaskQueue", NAMESPACE, "emails")
PURGE = Request({"spec": {"purge": "token-1"}}, "token-1", "lastPurge")


def server(status: Object | None = None) -> ApiServer:
    one = ApiServer()
    one.put(own("TaskQueue", "emails", {}, status=status))
    return one


async def test_the_answer_with_the_token_of_the_request_is_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(request, "_POLL_SECONDS", 0.0)
    one = server({"lastPurge": {"token": "an older one", "messages": 1}})

    def answer(call: ApiCall) -> None:
        if call.verb == "get":
            live = one.objects[EMAILS]
            one.put({**live, "status": {"lastPurge": {"token": live["spec"]["purge"], "messages": 3}}})

    one.meanwhile = answer
    async with asyncio.timeout(10):
        assert await send(one.gateway(), EMAILS, PURGE) == {"token": "token-1", "messages": 3}


async def test_without_an_answer_the_pending_request_and_the_reason_are_named() -> None:
    one = server({**conditions(Ready="False BrokerUnreachable"), "lastPurge": {"token": "old"}})
    with pytest.raises(PendingError) as error:
        await send(one.gateway(), EMAILS, PURGE, seconds=0)
    assert str(error.value) == (
        "Timed out after 0 s; the request is still pending (token 'token-1'). Ready is False. The operator carries it"
        " out unless a newer request replaces it; status.lastPurge.token then has this value."
    )


async def test_an_object_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(ApiError, match="not found"):
        await send(ApiServer().gateway(), EMAILS, PURGE)


@pytest.mark.parametrize(
    ("patch", "annotations"),
    [
        pytest.param({"spec": {"purge": "one"}}, {REQUESTED_BY: "ann"}, id="a-field"),
        pytest.param(
            {"metadata": {"annotations": {TRIGGER: "one"}}},
            {TRIGGER: "one", REQUESTED_BY: "ann"},
            id="an-annotation",
        ),
    ],
)
async def test_a_request_says_who_makes_it(patch: Object, annotations: Object) -> None:
    assert await signed(server().gateway(), patch) == {**patch, "metadata": {"annotations": annotations}}


async def test_where_nobody_can_say_who_asks_the_last_name_does_not_stay() -> None:
    one = server()
    one.refuse("create", "selfsubjectreviews", status=404, reason="NotFound")
    assert (await signed(one.gateway(), {}))["metadata"] == {"annotations": {REQUESTED_BY: None}}
