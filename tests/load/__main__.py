"""Benchmarks: each figure is a line of JSON on standard output. `make bench`, `ONLY=<name>`, `LIST=1`."""

import argparse
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.load.beat import NAMES as BEAT_NAMES
from tests.load.beat import beat_10000
from tests.load.figure import Figure
from tests.load.ground import Ground, ground
from tests.load.idle import idle_1000_pools
from tests.load.reaction import apply_to_deployment
from tests.load.runtime import NAMES as RUNTIME_NAMES
from tests.load.runtime import runtime
from tests.load.start import start_5000_pools, start_5000_pools_writes

Benchmark = Callable[[Ground], Iterator[Figure]]

# In the order in which they run: the number of pools only grows.
BENCHMARKS: tuple[tuple[Benchmark, tuple[str, ...]], ...] = (
    (idle_1000_pools, ("idle_1000_pools_rss_mb", "idle_1000_pools_cpu_percent")),
    (apply_to_deployment, ("apply_to_deployment_p50", "apply_to_deployment_p99")),
    (start_5000_pools, ("start_5000_pools",)),
    (start_5000_pools_writes, ("start_5000_pools_writes",)),
)
CLUSTER_NAMES = tuple(name for _, names in BENCHMARKS for name in names)
# What several figures are called together.
GROUPS = {"runtime": RUNTIME_NAMES, "beat_10000": BEAT_NAMES}
NAMES = (*RUNTIME_NAMES, *BEAT_NAMES, *CLUSTER_NAMES)


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
    if not wanted.isdisjoint(RUNTIME_NAMES):
        yield from runtime(folder, wanted)
    if not wanted.isdisjoint(BEAT_NAMES):
        yield from beat_10000(folder, wanted)
    if wanted.isdisjoint(CLUSTER_NAMES):
        return
    with ground(folder) as made:
        for benchmark, names in BENCHMARKS:
            if not wanted.isdisjoint(names):
                yield from benchmark(made)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.load", description=__doc__)
    names = (*GROUPS, *NAMES)
    parser.add_argument("--only", metavar="NAME", choices=names, help=f"one of {', '.join(names)}")
    parser.add_argument("--list", action="store_true", help="print the names of all figures")
    return parser


if __name__ == "__main__":
    sys.exit(main())
