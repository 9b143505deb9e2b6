"""A schedule as the operator wrote it, and what became of its runs: docs/explanation/design/schedules.md.

Tuples, because beat holds ten thousand of them.
"""

from __future__ import annotations

import json
from hashlib import sha1
from typing import Any, NamedTuple
from uuid import UUID, uuid5

from taskfleet_worker.beat.plan import PlanError, Timing
from taskfleet_worker.beat.timings import timing

VERSION = 1


class Entry(NamedTuple):
    """What to send and when. `digest` tells one writing of it from the next; `timing` is None where `error` says why."""

    uid: str
    digest: str
    name: str = ""
    task: str = ""
    args: Any = ()
    kwargs: Any = None
    headers: Any = None
    queue: str | None = None
    priority: int | None = None
    expires: float | None = None
    timing: Timing | None = None
    since: float = 0.0
    suspend: bool = False
    starting_deadline: float | None = None
    catch_up: str = "Latest"
    trigger: str | None = None
    error: str | None = None

    def task_id(self, what: str) -> str:
        """The id of a run's task: the same whoever sends it."""
        return str(uuid5(UUID(self.uid), what))


def digest(raw: bytes) -> str:
    """As Redis's `redis.sha1hex`."""
    return sha1(raw, usedforsecurity=False).hexdigest()


def read_entry(uid: str, raw: bytes) -> Entry:
    """An entry from its JSON; one that cannot be planned has an error in place of a timing."""
    name = digest(raw)
    try:
        return _read(uid, name, json.loads(raw))
    except PlanError as error:
        return Entry(uid, name, error=str(error))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        detail = f"{type(error).__name__}: {error}"
        return Entry(
            uid, name, error=f"beat cannot read this schedule ({detail}): use images of the same release."
        )


def _read(uid: str, name: str, raw: dict[str, Any]) -> Entry:
    if raw["v"] != VERSION:
        raise PlanError(
            f"this schedule has v={raw['v']!r}, but beat reads v={VERSION}: use images of the same release."
        )
    UUID(uid)
    if not isinstance(raw["args"], list):
        raise PlanError("spec.args is not a list: write the positional arguments as [1, two].")
    return Entry(
        uid=uid,
        digest=name,
        name=raw["name"],
        task=raw["task"],
        args=raw["args"],
        kwargs=raw["kwargs"],
        headers=raw["headers"],
        queue=raw["queue"],
        priority=raw["priority"],
        expires=raw["expires"],
        timing=timing(raw["schedule"]),
        since=raw["since"],
        suspend=raw["suspend"],
        starting_deadline=raw["startingDeadline"],
        catch_up=raw["catchUp"],
        trigger=raw["trigger"],
    )


class State(NamedTuple):
    """What became of an entry's runs. Fields are named as in Redis."""

    last: float | None = None
    next: float | None = None
    runs: int = 0
    missed: int = 0
    lastSent: float | None = None  # noqa: N815
    lastTaskId: str | None = None  # noqa: N815
    lastRun: float | None = None  # noqa: N815
    trigger: str | None = None
    triggerTaskId: str | None = None  # noqa: N815
    error: str | None = None

    def encoded(self) -> bytes:
        """JSON without what is null."""
        fields = {name: value for name, value in self._asdict().items() if value is not None}
        return json.dumps(fields, separators=(",", ":"), sort_keys=True).encode()


def is_first(raw: bytes | None) -> bool:
    """Whether beat has yet to write a state, so that the operator knows that the schedule was taken up.

    The operator's own is a seed: operator/taskfleet/brokers/schedules/entry.py.
    """
    return not raw or json.loads(raw).get("seed") is True


def read_state(raw: bytes | None) -> State:
    """A state from its JSON; of what is absent or unknown the default."""
    fields = json.loads(raw) if raw else {}
    return State(**{name: fields[name] for name in State._fields if fields.get(name) is not None})
