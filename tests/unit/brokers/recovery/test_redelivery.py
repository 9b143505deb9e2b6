"""A message that goes back looks the same whoever sends it: the worker, the operator, and the scripts in Redis."""

import json
from typing import Any

import pytest

from taskfleet.brokers.recovery import redelivery
from taskfleet_worker import deliveries
from tests.runtime.redis_server import RedisServer

USERS = 'of a user\'s: "properties": {"delivery_info": {'
MESSAGES = [
    pytest.param({"properties": {"delivery_info": {"exchange": "", "routing_key": "q"}}}, id="kombus"),
    pytest.param({"properties": {"delivery_info": {"redelivered": False, "x": []}}}, id="marked-as-new"),
    pytest.param({"properties": {"delivery_info": {"redelivered": True}}}, id="marked-before"),
    pytest.param({"properties": {"delivery_info": {}, "priority": 3}}, id="empty"),
    pytest.param({"properties": {"priority": 3}}, id="without-delivery-info"),
    pytest.param({"properties": {}}, id="without-properties"),
    pytest.param(
        {
            "headers": {
                "argsrepr": USERS + "\\",
                "delivery_info": {"a": 1},
                "properties": {"delivery_info": {}},
            },
            "properties": {"reply_to": USERS, "delivery_info": {"exchange": '"'}},
        },
        id="texts-and-headers-of-a-user",
    ),
    pytest.param(
        {"properties": {"delivery_info": {"exchange": "e"}}, "headers": {"redelivered": True}},
        id="other-order",
    ),
    pytest.param({"body": "x" * 500_000, "properties": {"delivery_info": {"exchange": "e"}}}, id="large"),
]


@pytest.mark.parametrize("message", MESSAGES)
@pytest.mark.parametrize("separators", [(", ", ": "), (",", ":")], ids=["spaced", "dense"])
def test_a_message_is_marked_alike(
    server: RedisServer, message: dict[str, Any], separators: tuple[str, str]
) -> None:
    text = json.dumps(message, separators=separators)
    by_script = str(server.client.eval(redelivery.MARKED + "return marked(ARGV[1])", 0, text))
    by_worker = deliveries.redelivered(message)
    assert json.loads(by_script) == by_worker
    assert by_worker["properties"]["delivery_info"]["redelivered"] is True
    assert {**by_worker, "properties": None} == {**message, "properties": None}


@pytest.mark.parametrize(
    "text",
    ["", "no JSON", "[1]", '{"properties": 7}', '{"properties": {"a": "', "{}", '{"delivery_info": {}}'],
)
def test_what_is_no_message_stays_as_it_is(server: RedisServer, text: str) -> None:
    assert server.client.eval(redelivery.MARKED + "return marked(ARGV[1])", 0, text) == text


def test_a_loss_is_counted_alike_and_can_be_forgotten(server: RedisServer) -> None:
    message = {"body": "", "headers": {}, "properties": {"delivery_info": {}}}
    held = deliveries.Deliveries().fetched("a", queue="q", prefix="", line="q", payload=message)
    held.place, held.payload = deliveries.after_loss(held)
    by_worker = json.dumps(deliveries.redelivered(held.payload))
    counted = server.client.eval(
        redelivery.MARKED + "return counted(marked(ARGV[1]), ARGV[2])", 0, json.dumps(message), "1"
    )
    assert by_worker == counted
    uncounted = str(server.client.eval(redelivery.MARKED + "return uncounted(ARGV[1])", 0, by_worker))
    assert json.loads(uncounted) == deliveries.redelivered(message)


def test_both_sides_know_the_same_bound() -> None:
    assert deliveries.MAX_REDELIVERIES == redelivery.MAX_REDELIVERIES
    assert deliveries.LOSSES == redelivery.LOSSES
