"""Which claims only one node mounts: read by name, and only those that a pool's template names."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import structlog

from taskfleet.api import Key
from taskfleet.controllers.pool_claims import single_node_mode
from taskfleet.kube.errors import ApiError
from taskfleet.kube.gateway import Gateway

log = structlog.get_logger(__name__)

_EVERY_SECONDS = 60.0  # an access mode changes only with another claim of the same name


@dataclass
class Claims:
    """An operator that may not read a claim takes it for one that every node mounts."""

    gateway: Gateway
    monotonic: Callable[[], float]
    _known: dict[Key, tuple[float, str | None]] = field(
        default_factory=dict
    )  # when it was read, and its mode

    async def single_node(self, namespace: str, names: Iterable[str]) -> Mapping[str, str]:
        """The access mode of each of the claims that only one node mounts, as it was within the last minute.

        Raises ApiError where nothing is known of a claim.
        """
        now, found = self.monotonic(), {}
        self._known = {key: one for key, one in self._known.items() if now - one[0] < 10 * _EVERY_SECONDS}
        for name in names:
            key = Key("PersistentVolumeClaim", namespace, name)
            if key not in self._known or now - self._known[key][0] >= _EVERY_SECONDS:
                self._known[key] = now, await self._read(key)
            mode = self._known[key][1]
            if mode is not None:
                found[name] = mode
        return found

    async def _read(self, key: Key) -> str | None:
        try:
            return single_node_mode(await self.gateway.get(key))
        except ApiError as error:
            if key not in self._known and error.status != 403:
                raise
            log.info("cannot read a claim", **key._asdict(), error=error.message[:300])
            return self._known[key][1] if key in self._known else None
