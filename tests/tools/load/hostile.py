"""How soon 50 pools of one namespace follow their queues while another namespace does all that it can against it."""

import statistics
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.tools.hostile_tenant import hostile_tenant
from tests.tools.load.burst import Sizes, burst
from tests.tools.load.figure import Figure, percentile
from tests.tools.load.fleets import Fleets
from tests.tools.load.ground import NAMESPACE, step
from tests.tools.load.idle import resident_megabytes

_POOLS = 50
_PAIRS = 5
_BURSTS = 75  # of each half of a pair: two minutes, so that the neighbor has ten
_EVIL = "bench-hostile"

HOSTILE_NAMES = (
    *(
        "hostile_reaction_p50_ratio",
        "hostile_reaction_p99_ratio",
        "hostile_reaction_p50",
        "hostile_reaction_p99",
    ),
    *("hostile_undisturbed_p50", "hostile_undisturbed_p99", "hostile_rss_mb", "hostile_lease_transitions"),
)


def hostile(fleets: Fleets) -> Iterator[Figure]:
    """Five pairs, undisturbed and disturbed in turn. The ratio of the medians is the median of the five."""
    fleets.grow_to(_POOLS, pods=_POOLS)
    kube, operator = fleets.ground.kube, fleets.ground.operator
    cluster_id = (kube.get("Namespace", "kube-system") or {})["metadata"]["uid"]
    sizes, transitions = Sizes(fleets), _transitions(fleets)
    undisturbed: list[list[float]] = []
    disturbed: list[list[float]] = []
    memory = 0.0
    for pair in range(_PAIRS):
        with step(f"pair {pair + 1}: undisturbed"):
            undisturbed.append([burst(fleets, sizes) for _ in range(_BURSTS)])
        kube.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": f"{_EVIL}-{pair}"}})
        folder = fleets.ground.folder / f"spoilt-{pair}"
        folder.mkdir()
        with (
            step(f"pair {pair + 1}: disturbed"),
            _attack(fleets, f"{_EVIL}-{pair}", folder, cluster_id),
        ):
            disturbed.append([burst(fleets, sizes) for _ in range(_BURSTS)])
            memory = max(memory, resident_megabytes(operator.pid))
        kube.delete("Namespace", f"{_EVIL}-{pair}")
    yield from _figures(undisturbed, disturbed)
    yield Figure("hostile_rss_mb", round(memory, 1), "MB", _PAIRS)
    yield Figure("hostile_lease_transitions", _transitions(fleets) - transitions, "changes", 1)


@contextmanager
def _attack(fleets: Fleets, namespace: str, folder: Path, cluster_id: str) -> Iterator[None]:
    kube, port = fleets.ground.kube, fleets.ground.operator.port
    with hostile_tenant(kube, namespace, folder, cluster_id=cluster_id, operator_port=port) as attack, attack:
        yield


def _transitions(fleets: Fleets) -> int:
    lease = fleets.ground.kube.get("Lease", "taskfleet-operator", NAMESPACE) or {}
    return int(lease["spec"]["leaseTransitions"])


def _figures(undisturbed: list[list[float]], disturbed: list[list[float]]) -> Iterator[Figure]:
    for share, label in ((0.5, "p50"), (0.99, "p99")):
        pairs = [
            (percentile(before, share), percentile(after, share))
            for before, after in zip(undisturbed, disturbed, strict=True)
        ]
        count = _PAIRS * _BURSTS
        ratio = statistics.median(after / before for before, after in pairs)
        yield Figure(f"hostile_reaction_{label}_ratio", round(ratio, 2), "times", _PAIRS)
        for name, each in (("undisturbed", undisturbed), ("reaction", disturbed)):
            value = percentile([seconds for half in each for seconds in half], share)
            yield Figure(f"hostile_{name}_{label}", round(value, 3), "s", count)
