"""`make django-sizing`: how many tasks a second the example's own tasks give, by pool type and concurrency.

Each row is one worker process group on this machine with a Redis for messages and results; the table goes into
docs/tutorials/django.md, the picture beside it.
"""

import json
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from taskfleet.simulation.chart import HEIGHT, Line, axis, chart, legend, svg
from tests.django.shop import Shop
from tests.runtime.redis_server import RedisServer
from tests.tools.cluster.progress import step

PICTURE = Path(__file__).parents[2] / "docs" / "images" / "django-sizing.svg"
COMPUTING = ("orders.tasks.primes_below", [60_000])
WAITING = ("notifications.tasks.mail", ["customer@shop.example", 0.5])
COLORS = {"prefork": "#1f77b4", "threads": "#2ca02c", "gevent": "#d62728", "eventlet": "#9467bd"}


@dataclass(frozen=True)
class Row:
    """One measurement to make: `count` tasks, enough for some seconds."""

    kind: str
    pool: str
    concurrency: int
    count: int


ROWS = (
    *(Row("computing", "prefork", number, 60) for number in (1, 2, 4, 8)),
    *(Row("computing", "threads", number, 40) for number in (2, 8)),
    *(Row("computing", "gevent", number, 40) for number in (2, 8)),
    *(Row("waiting", "prefork", number, 10 * number) for number in (1, 4, 8)),
    *(Row("waiting", "threads", number, 10 * number) for number in (10, 50, 100)),
    *(Row("waiting", "gevent", number, 10 * number) for number in (10, 50, 100)),
    *(Row("waiting", "eventlet", number, 10 * number) for number in (10, 50, 100)),
)


@dataclass(frozen=True)
class Seen:
    """Tasks a second, and the memory in MiB of the worker with all its processes, shared pages counted once."""

    rate: float
    memory: float


def measure(shop: Shop, row: Row) -> Seen:
    task, arguments = COMPUTING if row.kind == "computing" else WAITING
    worker = shop.worker(row.pool, "sizing", capacity=row.concurrency).ready()
    try:
        seconds = shop.produce(
            "sizing",
            TASK=task,
            ARGS=json.dumps(arguments),
            COUNT=str(row.count),
            AT_ONCE=str(row.concurrency),
        )
        memory = sum(_proportional(pid) for pid in (worker.pid, *worker.children()))
    finally:
        worker.kill()
    return Seen(row.count / float(seconds), memory)


def _proportional(pid: int) -> float:
    """MiB; of a page that n processes share, 1/n counts."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return int(re.findall(r"^Pss:\s+(\d+) kB", text, re.MULTILINE)[0]) / 1024


def table(seen: dict[Row, Seen]) -> str:
    """A line for each kind of work and pool."""
    lines = ["| work | pool | tasks a second and MiB, by how many at once |", "|---|---|---|"]
    for kind, pool in dict.fromkeys((row.kind, row.pool) for row in seen):
        found = {row.concurrency: one for row, one in seen.items() if (row.kind, row.pool) == (kind, pool)}
        cells = [f"{number}: {one.rate:.0f}/s, {one.memory:.0f} MiB" for number, one in found.items()]
        lines.append(f"| {kind} | {pool} | {'; '.join(cells)} |")
    return "\n".join(lines)


def picture(seen: dict[Row, Seen]) -> str:
    """Both kinds of work, one above the other."""
    parts = []
    for number, kind in enumerate(("computing", "waiting")):
        of_kind = {row: one.rate for row, one in seen.items() if row.kind == kind}
        x = axis("tasks at once", max(row.concurrency for row in of_kind))
        y = axis("tasks a second", max(of_kind.values()))
        parts.append(chart(kind, _lines(of_kind), x=x, y=y, at=number * (HEIGHT + 10)))
    parts.append(legend(_lines({row: one.rate for row, one in seen.items()}), at=2 * (HEIGHT + 10) + 14))
    return svg(
        "".join(parts), height=2 * (HEIGHT + 10) + 30, description="Tasks a second by pool and concurrency"
    )


def _lines(rates: dict[Row, float]) -> list[Line]:
    pools = dict.fromkeys(row.pool for row in rates)
    return [
        Line(pool, COLORS[pool], [(row.concurrency, rate) for row, rate in rates.items() if row.pool == pool])
        for pool in pools
    ]


def main() -> int:
    seen = {}
    with TemporaryDirectory() as name, RedisServer(Path(name)) as server:
        shop = Shop(Path(name), server)
        shop.environment["CELERY_RESULT_BACKEND"] = f"redis://127.0.0.1:{server.port}/1"
        for row in ROWS:
            with step(f"{row.kind}: {row.pool} with {row.concurrency}"):
                seen[row] = measure(shop, row)
    print(f"\n{os.cpu_count()} CPUs, 1 worker\n\n{table(seen)}")
    PICTURE.write_text(picture(seen))
    return 0


if __name__ == "__main__":
    sys.exit(main())
