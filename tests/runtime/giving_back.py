"""What the operator does with a start that is dead."""

from collections.abc import Awaitable
from datetime import UTC, datetime
from typing import cast

from redis.asyncio import Redis

from taskfleet.brokers.key_layout import Layout
from taskfleet.brokers.polling.worker_report import Start
from taskfleet.brokers.recovery.requeue_unacked import Returned, give_back


async def give_back_dead(client: Redis, layout: Layout, start: Start, *, lost: bool = False) -> Returned:
    """Give back what it held, by the report that is there now."""
    report = await cast(Awaitable[bytes], client.hget(layout.key("reports"), "/".join(start)))
    return await give_back(client, layout, start, report=report, now=datetime.now(UTC), lost=lost)
