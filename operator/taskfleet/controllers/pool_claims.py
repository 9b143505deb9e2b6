"""Claims of a pool's template that only one node mounts, and what a rollout makes of them. Pure."""

from collections.abc import Mapping

from taskfleet.api import Object, WorkerPool
from taskfleet.api.names import is_object_name
from taskfleet.api.reasons import ConditionType, PoolReason
from taskfleet.api.stored import status_of
from taskfleet.controllers.conditions import condition
from taskfleet.resources.claims import claims_of

_SHARED = {"ReadWriteMany", "ReadOnlyMany"}
_ONE_POD = "ReadWriteOncePod"
_MOST = 20  # claims of a pool that are read


def claims_to_read(pool: WorkerPool) -> list[str]:
    """The claims that matter for its rollouts or for its beat, which gets those of the pool."""
    spec = pool.spec
    has_pools = spec.beat is not None and not spec.beat.template
    if not (spec.strategy.surges or has_pools):
        return []
    return sorted(name for name in set(claims_of(spec.template).values()) if is_object_name(name))[:_MOST]


def single_node_mode(claim: Object | None) -> str | None:
    """The access mode that keeps it on one node; None where several nodes mount it, or nothing is known.

    https://kubernetes.io/docs/concepts/storage/persistent-volumes/#access-modes
    """
    if claim is None:
        return None
    # What a bound volume offers may be more than what was asked for.
    modes = status_of(claim).get("accessModes") or claim["spec"].get("accessModes") or []
    if not modes or _SHARED & set(modes):
        return None
    return _ONE_POD if _ONE_POD in modes else str(modes[0])


def volumes_shared(pool: WorkerPool, single: Mapping[str, str]) -> list[Object]:
    """The condition, while a rollout starts new pods that may wait for a volume of the old ones for ever.

    `single`: the access mode of each claim that only one node mounts.
    """
    named = {name: single[name] for name in claims_to_read(pool) if name in single}
    if not named or not pool.spec.strategy.surges:
        return []
    claims = ", ".join(f"{name!r} ({mode})" for name, mode in named.items())
    where = "" if set(named.values()) == {_ONE_POD} else " on another node"
    message = (
        f"Only one {'node' if where else 'pod'} at a time can mount claim {claims}. A rollout starts new pods before "
        f"old ones stop, and a new pod{where} cannot start while an old one runs. Set spec.strategy.type to Recreate, "
        "or use a claim with access mode ReadWriteMany."
    )
    reason, generation = PoolReason.SINGLE_NODE_CLAIM, pool.metadata.generation
    return [condition(ConditionType.VOLUMES_SHARED, False, reason, message, generation=generation)]
