"""Which keys a changed object concerns."""

from itertools import chain

from taskfleet.api import KINDS, Key, Object
from taskfleet.api.stored import condition_of, is_terminating
from taskfleet.kube.cache import Cache, owners
from taskfleet.kube.resource_types import OWN_TYPES, key_of

_USE_BROKERS = tuple(info.kind for info in KINDS if info.uses_broker)
_CHANGE_BROKERS = frozenset(info.kind for info in KINDS if info.changes_broker)


class Router:
    """From a changed object to the keys to reconcile."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache
        self._told: dict[Key, tuple[object, ...]] = {}

    def concerned(self, obj: Object) -> list[Key]:
        kind = obj["kind"]
        if kind not in OWN_TYPES:
            return owners(obj)
        key = key_of(obj)
        if kind == "Broker":
            return [key, *self._users_of(key, obj)]
        return [key, *self._brokers_of(key, obj)] if kind in _CHANGE_BROKERS else [key]

    def _brokers_of(self, user: Key, obj: Object) -> list[Key]:
        """The broker that has one user more or less, such as a schedule for its beat."""
        before = self._told.pop(user, ())
        now: tuple[object, ...] = ()
        if self._cache.version(user) is not None and not is_terminating(obj):
            now = self._told[user] = (obj["metadata"]["uid"], broker_name(obj))
        if before == now:
            return []
        names = {str(told[1]) for told in (before, now) if told}
        return [Key("Broker", user.namespace, name) for name in sorted(names)]

    def _users_of(self, broker: Key, obj: Object) -> list[Key]:
        """All that refers to this broker, when something that is used of it has changed or it has gone."""
        gone = self._cache.version(broker) is None
        told = (obj["metadata"]["uid"], obj["metadata"]["generation"], _ready(obj), _credentials(obj))
        if not gone and self._told.get(broker) == told:
            return []
        if gone:
            self._told.pop(broker, None)
        else:
            self._told[broker] = told
        users = chain.from_iterable(self._cache.all(kind, broker.namespace) for kind in _USE_BROKERS)
        return [key_of(user) for user in users if broker_name(user) == broker.name]


def broker_name(obj: Object) -> str:
    """The broker that a pool, queue or schedule refers to, or `default`."""
    reference = obj.get("spec", {}).get("brokerRef") or {}
    return str(reference.get("name", "default"))


def _ready(obj: Object) -> tuple[str, str, str] | None:
    """What pools quote in their own conditions."""
    ready = condition_of(obj, "Ready")
    return None if ready is None else (ready["status"], ready["reason"], ready["message"])


def _credentials(obj: Object) -> str | None:
    """What the pods of pools carry."""
    version = (obj.get("status", {}).get("credentials") or {}).get("version")
    return version if version is None else str(version)
