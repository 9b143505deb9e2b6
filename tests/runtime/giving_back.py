"""What the operator does with a start that is dead."""

from collections.abc import Awaitable
from datetime import UTC, datetime
from typing import cast

from redis.asyncio import Redis

from taskfleet.brokers.key_layout import Layout
from taskfleet.brokers.polling.worker_report import Incarnation
from taskfleet.brokers.recovery.requeue_unacked import Requeued, requeue_unacked


async def give_back_dead(
    client: Redis, layout: Layout, start: Incarnation, *, lost: bool = False
) -> Requeued:
    """Give back what it held, by the report that is there now."""
    report = await cast(Awaitable[bytes], client.hget(layout.key("reports"), "/".join(start)))
    return await requeue_unacked(client, layout, start, report=report, now=datetime.now(UTC), lost=lost)
