"""Benchmarks: each figure is a line of JSON on standard output. `make bench`, `ONLY=<name>`, `LIST=1`."""

import argparse
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TypeVar

from tests.e2e.fleet import Fleet
from tests.tools.load.app_beat import APP_BEAT_NAMES, app_beat
from tests.tools.load.beat import NAMES as BEAT_NAMES
from tests.tools.load.beat import beat_10000
from tests.tools.load.burst import reaction, reaction_1000_pools
from tests.tools.load.command_line import NAMES as COMMAND_LINE_NAMES
from tests.tools.load.command_line import command_line
from tests.tools.load.failed_tasks import FAILED_TASKS_NAMES, failed_tasks
from tests.tools.load.fetch import NAMES as FETCH_NAMES
from tests.tools.load.fetch import fetch
from tests.tools.load.figure import Figure
from tests.tools.load.first_task import NAMES as FIRST_TASK_NAMES
from tests.tools.load.first_task import first_task
from tests.tools.load.fleets import Fleets, fleets
from tests.tools.load.full_cluster import full_cluster
from tests.tools.load.ground import Ground, ground
from tests.tools.load.hostile import HOSTILE_NAMES, hostile
from tests.tools.load.idle import CURVE_NAMES, idle_1000_pools, idle_1000_pools_without_pods, idle_curve
from tests.tools.load.outcomes import NAMES as OUTCOMES_NAMES
from tests.tools.load.outcomes import outcomes
from tests.tools.load.reaction import apply_to_deployment
from tests.tools.load.runtime import NAMES as RUNTIME_NAMES
from tests.tools.load.runtime import runtime
from tests.tools.load.start import start_5000_pools, start_5000_pools_writes
from tests.tools.load.task_queues import NAMES as TASK_QUEUES_NAMES
from tests.tools.load.task_queues import task_queues
from tests.tools.load.traces import NAMES as TRACES_NAMES
from tests.tools.load.traces import traces

T = TypeVar("T")
Benchmarks = dict[Callable[[T], Iterator[Figure]], tuple[str, ...]]

# In the order in which they run: the number of pools only grows. Those of one table share a cluster.
AT_REST: Benchmarks[Ground] = {
    apply_to_deployment: ("apply_to_deployment_p50", "apply_to_deployment_p99"),
    idle_1000_pools_without_pods: (
        "idle_1000_pools_without_pods_rss_mb",
        "idle_1000_pools_without_pods_cpu_percent",
    ),
    start_5000_pools: ("start_5000_pools",),
    start_5000_pools_writes: ("start_5000_pools_writes",),
}
SCALING: Benchmarks[Fleets] = {
    reaction: ("reaction_p50", "reaction_p99"),
    hostile: HOSTILE_NAMES,
    reaction_1000_pools: ("reaction_1000_pools_p50", "reaction_1000_pools_p99"),
    idle_1000_pools: (
        "idle_1000_pools_rss_mb",
        "idle_1000_pools_cpu_percent",
        "idle_1000_pools_round_trips_a_tick",
        "idle_1000_pools_ticks_a_second",
    ),
}
PODS: Benchmarks[Fleet] = {first_task: FIRST_TASK_NAMES}
CURVE: Benchmarks[Fleets] = {idle_curve: CURVE_NAMES}
# What several figures are called together.
GROUPS = {
    "command_line": COMMAND_LINE_NAMES,
    "runtime": RUNTIME_NAMES,
    "fetch": FETCH_NAMES,
    "outcomes": OUTCOMES_NAMES,
    "traces": TRACES_NAMES,
    "failed_tasks": FAILED_TASKS_NAMES,
    "beat_10000": BEAT_NAMES,
    "app_beat": APP_BEAT_NAMES,
    "task_queues": TASK_QUEUES_NAMES,
    **{
        benchmark.__name__: names
        for table in (AT_REST, SCALING, PODS, CURVE)
        for benchmark, names in table.items()
        if benchmark.__name__ not in names
    },
}
NAMES = (
    *COMMAND_LINE_NAMES,
    *RUNTIME_NAMES,
    *FETCH_NAMES,
    *OUTCOMES_NAMES,
    *TRACES_NAMES,
    *FAILED_TASKS_NAMES,
    *BEAT_NAMES,
    *APP_BEAT_NAMES,
    *TASK_QUEUES_NAMES,
    *(name for table in (SCALING, AT_REST, PODS, CURVE) for each in table.values() for name in each),
)


def main() -> int:
    options = _parser().parse_args()
    if options.list:
        print("\n".join(NAMES))
        return 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the cluster is removed then too
    wanted = set(NAMES) if options.only is None else set(GROUPS.get(options.only, (options.only,)))
    with tempfile.TemporaryDirectory(prefix="taskfleet-bench-") as folder:
        for figure in _figures(wanted, Path(folder)):
            if figure.name in wanted:
                print(figure.line(), flush=True)
    return 0


def _figures(wanted: set[str], folder: Path) -> Iterator[Figure]:
    if not wanted.isdisjoint(COMMAND_LINE_NAMES):
        yield from command_line()
    if not wanted.isdisjoint(RUNTIME_NAMES):
        yield from runtime(folder, wanted)
    if not wanted.isdisjoint(FETCH_NAMES):
        yield from fetch(folder, wanted)
    if not wanted.isdisjoint(OUTCOMES_NAMES):
        yield from outcomes(folder)
    if not wanted.isdisjoint(TRACES_NAMES):
        yield from traces(folder)
    if not wanted.isdisjoint(FAILED_TASKS_NAMES):
        yield from failed_tasks(folder)
    if not wanted.isdisjoint(BEAT_NAMES):
        yield from beat_10000(folder, wanted)
    if not wanted.isdisjoint(APP_BEAT_NAMES):
        yield from app_beat(folder, wanted)
    if not wanted.isdisjoint(TASK_QUEUES_NAMES):
        yield from task_queues(folder)
    yield from _of(SCALING, fleets, wanted, folder)
    yield from _of(AT_REST, ground, wanted, folder)
    yield from _of(PODS, full_cluster, wanted, folder)
    yield from _of(CURVE, fleets, wanted, folder)


def _of(
    table: Benchmarks[T],
    place: Callable[[Path], AbstractContextManager[T]],
    wanted: set[str],
    folder: Path,
) -> Iterator[Figure]:
    benchmarks = [benchmark for benchmark, names in table.items() if not wanted.isdisjoint(names)]
    if not benchmarks:
        return
    with tempfile.TemporaryDirectory(dir=folder) as own, place(Path(own)) as made:
        for benchmark in benchmarks:
            yield from benchmark(made)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.tools.load", description=__doc__)
    names = (*GROUPS, *NAMES)
    parser.add_argument("--only", metavar="NAME", choices=names, help=f"one of {', '.join(names)}")
    parser.add_argument("--list", action="store_true", help="print the names of all figures")
    return parser


if __name__ == "__main__":
    sys.exit(main())
