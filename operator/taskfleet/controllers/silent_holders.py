"""Who holds messages and says nothing any more, as memory knows it."""

from collections.abc import Iterable

from taskfleet.api import Key, Object
from taskfleet.controllers.context import Context
from taskfleet.controllers.silence import Holder, holders


def held_in_silence(
    broker: Key, pools: Iterable[str], pods: Iterable[Object], context: Context
) -> tuple[Holder, ...]:
    """Of pools, by uid, on a broker on which such messages are ours to requeue; RabbitMQ does so by itself."""
    snapshot = context.brokers.snapshot(broker)
    if snapshot is None or context.brokers.without_state(broker) is not None:
        return ()
    by_name = {pod["metadata"]["name"]: pod for pod in pods}
    return holders(snapshot, pools, by_name, context.nodes.lost, epoch=context.epoch, now=context.now())
