"""What operator and worker both know by heart, in two places: names of keys, what a message carries, words and bounds."""

import json
from typing import Any, cast

from taskfleet.brokers import transport
from taskfleet.brokers.key_layout import Layout
from taskfleet.brokers.recovery import redelivery
from taskfleet.brokers.recovery.requeue_unacked import Held, held
from taskfleet.brokers.redis_transport import RedisDrains
from taskfleet_worker import broker_thread, deliveries
from taskfleet_worker.keys import keys
from taskfleet_worker.settings import read_settings
from tests.unit.worker.factories import environment

POD, PREFIX = "pod-1", "app:"
NAMES = keys(read_settings(environment(globalKeyPrefix=PREFIX)), POD, "s1")
# As controllers/broker.py names it.
LAYOUT = Layout(prefix=PREFIX, reports="taskfleet:cluster-1:test:reports")


def test_keys_have_one_name() -> None:
    assert NAMES.reports == LAYOUT.reports
    assert PREFIX + NAMES.held == LAYOUT.key("held", NAMES.start)
    drains = RedisDrains(cast(Any, None), LAYOUT, "uid-1")
    assert PREFIX + NAMES.drain == drains._key(POD)
    # What only workers use: none of the operator's own.
    operators = {LAYOUT.key(name).removeprefix(PREFIX) for name in ("requeue", "held", "drain", "reports")}
    assert NAMES.revoked not in operators


def test_a_pod_that_is_to_stop_understands_it() -> None:
    assert set(broker_thread.STOP) == {transport.STOP, transport.STOP.encode()}


def test_a_lease_lasts_equally_long_for_both() -> None:
    assert transport.LEASE_SECONDS == broker_thread.LEASE


def test_the_operator_reads_what_a_worker_records() -> None:
    made = deliveries.Deliveries()
    delivery = made.fetched("tag", queue="high", prefix=PREFIX, line="high\x06\x163", payload={})
    assert held({b"tag": delivery.record.encode()}) == [
        Held(b"tag", 1, LAYOUT.lists("high")[1], LAYOUT.dead_letters("high"))
    ]


def test_a_message_carries_the_same_count_to_the_same_bound() -> None:
    assert deliveries.LOSSES == redelivery.LOSSES
    assert deliveries.MAX_REDELIVERIES == redelivery.MAX_REDELIVERIES
    delivery = deliveries.Deliveries().fetched("t", queue="q", prefix="", line="q", payload={"body": ""})
    for losses in range(1, deliveries.MAX_REDELIVERIES + 2):
        delivery.place, delivery.payload = deliveries.after_loss(delivery)
        # The scripts expect it in front.
        assert json.dumps(delivery.payload).startswith(f'{{"{redelivery.LOSSES}": {losses}, ')
        assert (delivery.place == "q.dead") is (losses > redelivery.MAX_REDELIVERIES)
