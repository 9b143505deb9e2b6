"""What became of applies: what was stored in another form, refused, or changed again by others."""

from taskfleet.api import Key, Object
from taskfleet.kube.errors import InvalidError
from taskfleet.kube.resource_types import key_of
from taskfleet.resources.contains import first_difference
from taskfleet.resources.hashing import digest
from taskfleet.scaling.backoff import Backoff

APPLIED_HASH = "taskfleet.dev/applied-hash"
_MAPS = ("labels", "annotations")
Mark = tuple[str, object, str]
Found = tuple[str, Mark] | str


class Applies:
    """Objects by uid, refused ones by name. Times are seconds of one monotonic clock."""

    def __init__(self) -> None:
        self._stored: dict[str, Mark] = {}  # in another form than it was sent, and to be left so
        self._refused: dict[Key, tuple[Found, str]] = {}  # asked again, the API server would say the same
        self._reverts: dict[tuple[str, str], Backoff] = {}  # by path, too
        self._due: dict[str, float] = {}  # by owner

    def is_settled(self, live: Object, wanted: Object) -> bool:
        """Whether `live` is what `wanted` was stored as."""
        return self._stored.get(_uid(live)) == _mark(live, wanted)

    def note_stored(self, applied: Object, wanted: Object) -> str | None:
        """The first field that the API server's answer has otherwise than it was sent; None when there is none."""
        path = first_difference(applied, wanted)
        if path is not None:
            self._stored[_uid(applied)] = _mark(applied, wanted)
        return path

    def check_refused(self, live: Object | None, wanted: Object) -> None:
        """Raise InvalidError again for what was refused as it is. `live` None: there is no such child."""
        refused, why = self._refused.get(key_of(wanted), (None, ""))
        if refused == _found(live, wanted):
            raise InvalidError(422, "Invalid", why)

    def note_refused(self, live: Object | None, wanted: Object, why: str) -> None:
        self._refused[key_of(wanted)] = _found(live, wanted), why

    def held_until(self, live: Object, path: str, now: float) -> float | None:
        """Until when others' change of a field stays, because they have changed it again and again; None: it does not."""
        before = self._reverts.get((_uid(live), path), Backoff())
        return before.until if before.waits(now) else None

    def note_held(self, owner: Object, until: float) -> None:
        self._due[_uid(owner)] = min(until, self._due.get(_uid(owner), until))

    def note_reverted(self, live: Object, path: str, now: float) -> None:
        field = _uid(live), path
        again = self._reverts.get(field, Backoff()).failed(now)
        # Those that are over count as none; without them deleted objects are not remembered forever.
        self._reverts = {each: one for each, one in self._reverts.items() if not one.quiet(now)} | {
            field: again
        }

    def take_due(self, owner: Object, now: float) -> float | None:
        """Seconds until a child of `owner` that was left to others is put back, said once; None when there is none."""
        due = self._due.pop(_uid(owner), None)
        return None if due is None else max(0.0, due - now)


def with_hash(built: Object) -> Object:
    """With a digest among the annotations, so that a field that is built no more is a difference too."""
    metadata = built["metadata"]
    annotations = {**metadata.get("annotations", {}), APPLIED_HASH: digest(built)}
    return {**built, "metadata": {**metadata, "annotations": annotations}}


def applied_hash(obj: Object) -> str:
    return str((obj["metadata"].get("annotations") or {}).get(APPLIED_HASH, ""))


def _uid(obj: Object) -> str:
    return str(obj["metadata"]["uid"])


def _found(live: Object | None, wanted: Object) -> Found:
    """What was applied, and to what: an object as it was found, or none."""
    return applied_hash(wanted) if live is None else (_uid(live), _mark(live, wanted))


def _mark(live: Object, wanted: Object) -> Mark:
    """What was applied, and the state that it was found in. Metadata counts in no generation."""
    metadata = live["metadata"]
    named = [
        {name: (metadata.get(field) or {}).get(name) for name in wanted["metadata"].get(field) or {}}
        for field in _MAPS
    ]
    state = metadata.get("generation") or metadata["resourceVersion"]
    return applied_hash(wanted), state, digest([*named, metadata.get("ownerReferences")])
