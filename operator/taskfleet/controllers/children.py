"""Objects that belong to ours: applied when they differ from what was built, never taken from others."""

from collections.abc import Callable

from taskfleet.api import GROUP, Key, Object
from taskfleet.kube.cache import Cache
from taskfleet.kube.errors import InvalidError, NameConflictError
from taskfleet.kube.gateway import Gateway
from taskfleet.kube.resource_types import CHILD_TYPES, key_of
from taskfleet.resources.contains import contains
from taskfleet.resources.hashing import digest

APPLIED_HASH = "taskfleet.dev/applied-hash"


class LeftOverError(Exception):
    """A child of a deleted owner of the same name is still being removed: come back in a moment."""


class Children:
    """Applies children. The hash among the annotations makes a field that is built no more a difference too."""

    def __init__(self, gateway: Gateway, cache: Cache) -> None:
        self._gateway = gateway
        self._cache = cache
        # What the API server stores in another form than it was sent: uid -> (hash, state) as accepted.
        self._accepted: dict[str, tuple[str, object]] = {}
        # What the API server has refused, by the same marks: asked again it would say the same.
        self._refused: dict[str, tuple[tuple[str, object], str]] = {}

    async def find(
        self, key: Key, *, owner: Object, retained: Callable[[Object], bool] = lambda _: False
    ) -> Object | None:
        """The live child, from memory or by name; `retained` tells which count as `owner`'s without being owned.

        Raises NameConflictError when it is somebody else's, LeftOverError while one is on its way out.
        """
        live = (self._cache.get(*key) if _watched(key) else None) or await self._gateway.get(key)
        if live is None:
            return None
        live = {**live, "kind": key.kind}
        if not (controlled_by(live, owner) or retained(live)):
            if _controlled_by_predecessor(live, owner) or live["metadata"].get("deletionTimestamp"):
                raise LeftOverError
            raise NameConflictError(key.kind, key.name)
        self._remember(live)
        return live

    async def ensure(self, built: Object, *, owner: Object) -> Object:
        """Make the live child hold everything that `built` says, and return it."""
        live = await self.find(key_of(built), owner=owner)
        return await self.bring_to(built, live)

    async def bring_to(self, built: Object, live: Object | None) -> Object:
        """As `ensure`, for a child that was looked up already and is no conflict."""
        wanted = _with_hash(built)
        if live is not None:
            if live["metadata"].get("deletionTimestamp"):
                raise LeftOverError
            if contains(live, wanted) or self._is_accepted(live, wanted):
                return live
            wanted["metadata"]["uid"] = live["metadata"]["uid"]
        applied = await self._apply(wanted, live)
        self._remember(applied)
        if not contains(applied, wanted):
            self._accepted[applied["metadata"]["uid"]] = _mark(applied, wanted)
        return applied

    async def _apply(self, wanted: Object, live: Object | None) -> Object:
        """Apply; where what was accepted before is refused, without what others have added beside it."""
        if live is None:
            return await self._gateway.apply(wanted)
        uid, mark = live["metadata"]["uid"], _mark(live, wanted)
        refused, why = self._refused.get(uid, (None, ""))
        if refused == mark:
            raise InvalidError(422, "Invalid", why)
        try:
            return await self._gateway.apply(wanted)
        except InvalidError as error:
            if _applied_hash(live) != _applied_hash(wanted):
                self._refused[uid] = mark, error.message
                raise
            # A merge patch replaces whole lists, such as the ports with one of theirs that has our name.
            await self._gateway.patch(key_of(wanted), wanted)
            return await self._gateway.apply(wanted)

    def _is_accepted(self, live: Object, wanted: Object) -> bool:
        """Whether `live` is what `wanted` was stored as. Metadata has one form only, and counts in no generation."""
        same = self._accepted.get(live["metadata"]["uid"]) == _mark(live, wanted)
        return same and contains(live["metadata"], wanted["metadata"])

    def _remember(self, live: Object) -> None:
        if _watched(key_of(live)):
            self._cache.put(live)

    async def remove(self, key: Key, *, owner: Object) -> None:
        """Delete the child if there is one and it is `owner`'s."""
        live = self._cache.get(*key)
        if live is not None and controlled_by(live, owner) and not live["metadata"].get("deletionTimestamp"):
            await self._gateway.delete(key, uid=live["metadata"]["uid"])


def _watched(key: Key) -> bool:
    """Whether the cache follows the child; Secrets are read by name each time."""
    return key.kind in CHILD_TYPES


def controlled_by(live: Object, owner: Object) -> bool:
    return any(reference["uid"] == owner["metadata"]["uid"] for reference in _controllers(live))


def _controlled_by_predecessor(live: Object, owner: Object) -> bool:
    """Whether it belonged to a deleted object of the owner's kind and name, so that it is being collected."""
    names = (owner["kind"], owner["metadata"]["name"])
    return any(
        (reference["kind"], reference["name"]) == names and reference["apiVersion"].startswith(f"{GROUP}/")
        for reference in _controllers(live)
    )


def _controllers(live: Object) -> list[Object]:
    references = live["metadata"].get("ownerReferences") or []
    return [reference for reference in references if reference.get("controller")]


def _with_hash(built: Object) -> Object:
    metadata = built["metadata"]
    annotations = {**metadata.get("annotations", {}), APPLIED_HASH: digest(built)}
    return {**built, "metadata": {**metadata, "annotations": annotations}}


def _applied_hash(obj: Object) -> str:
    return str((obj["metadata"].get("annotations") or {}).get(APPLIED_HASH, ""))


def _mark(live: Object, wanted: Object) -> tuple[str, object]:
    metadata = live["metadata"]
    return _applied_hash(wanted), metadata.get("generation") or metadata["resourceVersion"]
