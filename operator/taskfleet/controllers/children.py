"""Objects that belong to ours: applied when they differ from what was built, never taken from others."""

from collections.abc import Awaitable, Callable

from taskfleet.api import Key, Object
from taskfleet.api.stored import is_terminating
from taskfleet.controllers.applies import Applies, applied_hash, with_hash
from taskfleet.controllers.child_events import overridden, reverted
from taskfleet.controllers.ownership import (
    controlled_by,
    controlled_by_predecessor,
    not_ours,
    other_selector,
)
from taskfleet.kube.cache import Cache
from taskfleet.kube.errors import InvalidError, NameConflictError
from taskfleet.kube.event import Event
from taskfleet.kube.field_writers import FieldWriter, latest_writer, other_writer
from taskfleet.kube.gateway import Gateway
from taskfleet.kube.resource_types import CHILD_TYPES, key_of
from taskfleet.resources.contains import first_difference


class LeftOverError(Exception):
    """A child of a deleted owner of the same name is still being removed: come back in a moment."""


class Children:
    """Applies children. `tell` records an event about an owner."""

    def __init__(
        self,
        gateway: Gateway,
        cache: Cache,
        tell: Callable[[Object, Event], Awaitable[None]],
        *,
        monotonic: Callable[[], float],
    ) -> None:
        self._gateway = gateway
        self._cache = cache
        self._tell = tell
        self._monotonic = monotonic
        self._applies = Applies()

    async def find(
        self, key: Key, *, owner: Object, retained: Callable[[Object], bool] = lambda _: False
    ) -> Object | None:
        """The live child, from memory or by name; `retained` says which count as `owner`'s without being owned.

        One that we made and that has no controller is `owner`'s too, and an apply adopts it: a restore may leave owner
        references out, and a deletion may orphan. Raises NameConflictError if it has another owner, LeftOverError while
        it is being deleted.
        """
        live = (self._cache.get(*key) if _watched(key) else None) or await self._gateway.get(key)
        if live is None:
            return None
        live = {**live, "kind": key.kind}
        if not (controlled_by(live, owner) or retained(live)):
            if controlled_by_predecessor(live, owner) or is_terminating(live):
                raise LeftOverError
            if (why := not_ours(live, owner)) is not None:
                raise NameConflictError(key.kind, key.name, why)
        self._remember(live)
        return live

    def recall(self, key: Key, *, owner: Object) -> Object | None:
        """The live child in memory, if it is or becomes `owner`'s; `find` says what another one is."""
        live = self._cache.get(*key)
        if live is None:
            return None
        return live if controlled_by(live, owner) or _adoptable(live, owner) else None

    async def apply_if_changed(self, built: Object, live: Object | None, *, owner: Object) -> Object:
        """Make the live child hold everything that `built` says, and return it. `live`: as `find` returned it."""
        wanted = with_hash(built)
        if live is None:
            return await self._noted(await self._apply(wanted, None), wanted, owner)
        if is_terminating(live):
            raise LeftOverError
        if (why := other_selector(live, wanted)) is not None:
            raise NameConflictError(live["kind"], live["metadata"]["name"], why)
        path = first_difference(live, wanted)
        if path is None or self._applies.is_settled(live, wanted):
            return live
        wanted["metadata"]["uid"] = live["metadata"]["uid"]
        if applied_hash(live) == applied_hash(wanted):
            return await self._put_back(wanted, live, path, owner)
        return await self._noted(await self._apply(wanted, live), wanted, owner)

    def take_due(self, owner: Object) -> float | None:
        """Seconds until the next revert of a child of `owner` that another client keeps changing, said once; None if
        there is none.
        """
        return self._applies.take_due(owner, self._monotonic())

    async def _put_back(self, wanted: Object, live: Object, path: str, owner: Object) -> Object:
        """Only writes of other clients are between `live` and `wanted`: report whose. Fighting without end helps no one."""
        now = self._monotonic()
        if (until := self._applies.held_until(live, path, now)) is not None:
            self._applies.note_held(owner, until)
            return live
        writer = await self._writer(live, path)
        applied = await self._noted(await self._apply(wanted, live), wanted, owner)
        if first_difference(applied, wanted) != path:  # else only the API server itself wants it so
            self._applies.note_reverted(live, path, now)
            await self._tell(owner, reverted(wanted, path, writer, owner))
        return applied

    async def _writer(self, live: Object, path: str) -> FieldWriter | None:
        """Who changed the field. Asked for, because the cache does not keep managedFields."""
        whole = await self._gateway.get(key_of(live))
        return None if whole is None else other_writer(whole, path) or latest_writer(whole)

    async def _apply(self, wanted: Object, live: Object | None) -> Object:
        """Apply; if what was accepted before is rejected, without what other clients have added to it."""
        self._applies.check_refused(live, wanted)
        try:
            return await self._gateway.apply(wanted)
        except InvalidError as error:
            if live is None or applied_hash(live) != applied_hash(wanted):
                self._applies.note_refused(live, wanted, error.message)
                raise
            # A merge patch replaces whole lists, such as the ports with one of theirs that has our name.
            await self._gateway.patch(key_of(wanted), wanted)
            return await self._gateway.apply(wanted)

    async def _noted(self, applied: Object, wanted: Object, owner: Object) -> Object:
        """Store the answer to an apply, and report fields that were overridden in it."""
        self._remember(applied)
        if (path := self._applies.note_stored(applied, wanted)) is not None:
            await self._tell(owner, overridden(wanted, path))
        return applied

    def _remember(self, live: Object) -> None:
        if _watched(key_of(live)):
            self._cache.put(live)

    async def remove(self, key: Key, *, owner: Object) -> None:
        """Delete the child if there is one and it is `owner`'s."""
        live = self._cache.get(*key)
        if live is not None and controlled_by(live, owner) and not is_terminating(live):
            await self._gateway.delete(key, uid=live["metadata"]["uid"])


def _adoptable(live: Object, owner: Object) -> bool:
    return not is_terminating(live) and not_ours(live, owner) is None


def _watched(key: Key) -> bool:
    """Whether the cache follows the child; Secrets are read by name each time."""
    return key.kind in CHILD_TYPES
