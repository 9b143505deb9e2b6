"""kopf as informer: it lists and watches, we remember what it saw.

Only this package imports kopf. Only `on.event` handlers are used: kopf's other handlers put
finalizers or annotations on the objects that they see (docs/explanation/design/kopf.md). kopf runs on a loop of its
own in a thread, because it cancels every task that it finds on its loop when it ends.
"""

import asyncio
import random
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import kopf
import structlog

from taskfleet import metrics
from taskfleet.api import GROUP, Object
from taskfleet.kube.cache import Cache
from taskfleet.kube.resource_types import CHILD_TYPES, OWN_TYPES
from taskfleet.watch.kopf_session import listening
from taskfleet.watch.kopf_storage import NoDiffs, NoMemories, NoProgress
from taskfleet.watch.watchers import while_all_run

log = structlog.get_logger(__name__)

_STABLE_SECONDS = 60.0  # after so long a failure is a new one, and its first pause is short again
MANAGED_BY_US = f"{GROUP}/managed=true"


class EndlessBackoffs:
    """Seconds before each retry of a failed request: growing to 30, spread, and never at an end.

    kopf ends the operator when its list of back-offs is used up, and iterates it once a request.
    """

    def __iter__(self) -> Iterator[float]:
        delay = 0.5
        while True:
            yield delay * random.uniform(0.8, 1.2)  # noqa: S311 - spreads retries, guards nothing
            delay = min(30.0, delay * 2)


class Informer:
    """Fills the cache from the watches; `heard` gets the kind of every event.

    `relisted` gets the kind of every list except the first: a restarted watch reports no deletion in between.
    """

    def __init__(
        self, cache: Cache, *, heard: Callable[[str], None], relisted: Callable[[str], None]
    ) -> None:
        self._cache = cache
        self._heard = heard
        self._relisted = relisted
        self._listed: set[str] = set()
        types = {**OWN_TYPES, **CHILD_TYPES}
        self._kinds = {resource.plural: kind for kind, resource in types.items()}

    async def run(self, namespaces: Sequence[str], *, stop: threading.Event) -> None:
        """Watch until `stop` is set. When a watch fails for good, all restart; the cache stays."""
        self._loop = asyncio.get_running_loop()
        pauses = iter(EndlessBackoffs())
        while not stop.is_set():
            began = self._loop.time()
            try:
                await asyncio.to_thread(asyncio.run, self._watch(namespaces, stop))
            except Exception as error:
                log.warning("watch failed, restarting it", error=f"{type(error).__name__}: {error}"[:500])
                if self._loop.time() - began > _STABLE_SECONDS:
                    pauses = iter(EndlessBackoffs())
                await asyncio.to_thread(stop.wait, next(pauses))

    async def _watch(self, namespaces: Sequence[str], stop: threading.Event) -> None:
        kopf_run = kopf.operator(
            registry=self._registry(),
            settings=_settings(),
            memories=NoMemories(),
            clusterwide=not namespaces,
            namespaces=list(namespaces),
        )
        expected = len({**OWN_TYPES, **CHILD_TYPES}) * max(1, len(namespaces))
        await while_all_run(kopf_run, expected=expected, stop=stop)

    def _registry(self) -> kopf.OperatorRegistry:
        registry = kopf.OperatorRegistry()
        for kind, resource in {**OWN_TYPES, **CHILD_TYPES}.items():
            group = resource.group
            kopf.on.event(group, resource.version, resource.plural, id=kind, param=kind, registry=registry)(
                self._seen
            )
        kopf.on.login(registry=registry)(self._login)
        return registry

    async def _login(self, **kwargs: Any) -> kopf.AiohttpSession | None:
        """The same choice as the gateway's: KUBECONFIG, else the pod's service account."""
        info = kopf.login_with_kubeconfig(**kwargs) or kopf.login_with_service_account(**kwargs)
        return listening(info, self._list_began) if info else None

    def _list_began(self, path: str) -> None:
        self._loop.call_soon_threadsafe(self._handle_list, path)

    def _handle_list(self, path: str) -> None:
        """A request that kopf made; some are for what the API server serves, and no list of ours."""
        kind = self._kinds.get(path.rpartition("/")[2])
        if kind is not None and path in self._listed:
            self._relisted(kind)
        self._listed.add(path)

    async def _seen(self, *, event: Any, param: Any = None, **_: Any) -> None:
        """An event on kopf's loop; handed to ours, where everything else happens."""
        raw = {**event["object"], "kind": str(param)}
        self._loop.call_soon_threadsafe(self._handle, event["type"], raw)

    def _handle(self, event_type: str | None, raw: Object) -> None:
        kind = raw["kind"]
        metrics.WATCH_EVENTS.labels(kind).inc()
        self._heard(kind)
        if event_type == "DELETED":
            self._cache.remove(raw)
        else:
            self._cache.put(raw)


def _settings() -> kopf.OperatorSettings:
    """Measured in facts on kopf 1.45: nothing is posted or patched, silence and refusals end no watch for good."""
    settings = kopf.OperatorSettings()
    settings.posting.enabled = False
    settings.peering.standalone = True
    settings.scanning.disabled = True
    settings.watching.chunk_size = 2_000  # further pages come from etcd, larger ones take memory
    settings.watching.server_timeout = 290
    settings.watching.client_timeout = 310
    settings.watching.connect_timeout = 5
    settings.watching.inactivity_timeout = 70
    settings.persistence.diffbase_storage = NoDiffs()
    settings.persistence.progress_storage = NoProgress()
    settings.queueing.worker_limit = None
    settings.queueing.idle_timeout = 0.01  # a worker for each object at the start: none may stay
    settings.networking.request_timeout = 30
    settings.networking.error_backoffs = EndlessBackoffs()
    settings.process.ultimate_exiting_timeout = None  # it would kill the process when the watches restart
    for resource in CHILD_TYPES.values():
        settings.watching.label_selectors[resource.group, resource.version, resource.plural] = MANAGED_BY_US
    return settings
