"""Which nodes are lost: asked by name, and only about those whose pods hold messages in silence."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import structlog

from taskfleet.api import Key
from taskfleet.brokers.recovery.lost_nodes import node_is_lost
from taskfleet.kube.errors import ApiError
from taskfleet.kube.gateway import Gateway

log = structlog.get_logger(__name__)

_EVERY_SECONDS = 10.0
_REFUSED_SECONDS = 300.0
_ASKED_AT_ONCE = 30


@dataclass
class Nodes:
    """An operator for some namespaces may not read Nodes: then it knows of none that is lost."""

    gateway: Gateway
    monotonic: Callable[[], float]
    _lost: dict[str, float] = field(default_factory=dict)  # when it was asked last
    _asked: dict[str, float] = field(default_factory=dict)
    _refused_until: float = float("-inf")

    async def refresh(self, names: Iterable[str]) -> None:
        """Ask about those that have not been asked about for 10 s."""
        now = self.monotonic()
        self._lost = {name: at for name, at in self._lost.items() if now - at < 3 * _EVERY_SECONDS}
        self._asked = {name: at for name, at in self._asked.items() if now - at < _EVERY_SECONDS}
        due = sorted(set(names) - self._asked.keys())
        for name in due[:_ASKED_AT_ONCE] if now >= self._refused_until else ():
            self._asked[name] = now
            try:
                lost = node_is_lost(await self.gateway.get(Key("Node", "", name)))
            except ApiError as error:
                log.info("cannot read a node", node=name, error=error.message[:300])
                if error.status == 403:
                    self._refused_until = now + _REFUSED_SECONDS
                    return
                continue
            self._lost.pop(name, None)
            if lost:
                self._lost[name] = now

    @property
    def lost(self) -> frozenset[str]:
        """By the answers of the last 30 s."""
        now = self.monotonic()
        return frozenset(name for name, at in self._lost.items() if now - at < 3 * _EVERY_SECONDS)
