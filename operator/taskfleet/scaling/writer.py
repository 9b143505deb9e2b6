"""The one writer of `spec.replicas`: field manager `taskfleet-scale`.

The reconcile manager never names `replicas`, so nothing that it applies can undo a scale. A new Deployment
gets its number before anything else, because one that is created without a number gets 1.
"""

from taskfleet.api import Object
from taskfleet.kube.cache import Cache
from taskfleet.kube.errors import ConflictError
from taskfleet.kube.field_managers import SCALE_MANAGER
from taskfleet.kube.field_writers import FieldWriter, other_writer
from taskfleet.kube.gateway import Gateway
from taskfleet.kube.resource_types import key_of

_TRIES = 3


class ReplicaWriter:
    def __init__(self, gateway: Gateway, cache: Cache) -> None:
        self._gateway = gateway
        self._cache = cache

    async def create(self, seed: Object) -> Object:
        """Create a Deployment from its seed, which is paused and names its size."""
        created = await self._gateway.apply(seed, manager=SCALE_MANAGER)
        self._cache.put(created)
        return created

    async def write(self, deployment: Object, replicas: int) -> Object:
        """Set the size of this version of the Deployment. Raises ConflictError when its spec has changed since."""
        for _ in range(_TRIES):
            try:
                return await self._write(deployment, replicas)
            except ConflictError:
                # Or a watch that lags would have every retry refused as well.
                live = await self._look_again(deployment)
                if live is None or _generation(live) != _generation(deployment):
                    raise
                # Its controllers told of their pods, as they do all the time while it is scaled.
                deployment = live
        return await self._write(deployment, replicas)

    async def other_writer(self, deployment: Object) -> FieldWriter | None:
        """Who else owns the size; None where it is ours. Asked for, because the cache does not keep managedFields."""
        live = await self._gateway.get(key_of(deployment))
        return None if live is None else other_writer(live, "spec.replicas")

    async def _write(self, deployment: Object, replicas: int) -> Object:
        metadata = deployment["metadata"]
        wanted = {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {
                "name": metadata["name"],
                "namespace": metadata["namespace"],
                "uid": metadata["uid"],
                "resourceVersion": metadata["resourceVersion"],
            },
            "spec": {"replicas": replicas},
        }
        written = await self._gateway.apply(wanted, manager=SCALE_MANAGER)
        self._cache.put(written)
        return written

    async def _look_again(self, deployment: Object) -> Object | None:
        live = await self._gateway.get(key_of(deployment))
        if live is None:
            return None
        live = {**live, "kind": "Deployment"}
        self._cache.put(live)
        return live


def _generation(deployment: Object) -> tuple[str, int | None]:
    """The same until the spec of the same Deployment changes."""
    metadata = deployment["metadata"]
    return metadata["uid"], metadata.get("generation")
