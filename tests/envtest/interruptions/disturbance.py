"""What may happen to an operator: it is killed at a write, or a watch event does not come as it should."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from taskfleet.api import Object
from tests.envtest.api_calls import ApiCall
from tests.envtest.faults import Fate
from tests.envtest.proxy import Witness


class Kill(StrEnum):
    """When it is killed, and how it begins again."""

    BEFORE = "killed before"  # the write never reaches the API server
    AFTER = "killed after"  # it does, and the operator never learns
    STALE = "killed after, and begins with an old list, at"


class Event(StrEnum):
    DROPPED = "dropped"
    LATE = "late"
    DOUBLED = "doubled"


FATES = {Event.DROPPED: Fate(copies=0), Event.LATE: Fate(after=2.0), Event.DOUBLED: Fate(copies=2)}


@dataclass(frozen=True)
class Disturbance:
    """`at` counts writes or watch events from 1; 0 disturbs nothing and counts only."""

    how: Kill | Event
    at: int

    def __str__(self) -> str:
        what = "write" if isinstance(self.how, Kill) else "event"
        return f"{self.how} {what} {self.at}" if self.at else "undisturbed"


UNDISTURBED = Disturbance(Kill.BEFORE, 0)


class Killer(Witness):
    """Calls `kill` at the write that the disturbance says, and lets nothing of it come back."""

    def __init__(self, disturbance: Disturbance, kill: Callable[[], None]) -> None:
        self.writes = 0
        self.stale_from = ""  # the version that lists show after a kill
        self._disturbance = disturbance
        self._kill = kill
        self._fatal: ApiCall | None = None
        self._listed: set[str] = set()

    @property
    def struck(self) -> bool:
        return self._fatal is not None

    def asked(self, call: ApiCall) -> bool:
        if not call.is_write or call.is_lease:
            return True
        self.writes += 1
        if self.writes != self._disturbance.at or self.struck:
            return True
        self._fatal = call
        if self._disturbance.how is Kill.BEFORE:
            self._kill()
            return False
        return True

    def asks_for(self, call: ApiCall) -> dict[str, str]:
        """The first list of each kind after the kill is an old one, as from an API server that lags."""
        if self._disturbance.how is not Kill.STALE or not self.struck or call.verb != "list":
            return {}
        if call.resource in self._listed:
            return {}
        self._listed.add(call.resource)
        return {"resourceVersion": self.stale_from, "resourceVersionMatch": "Exact"}

    def answered(self, call: ApiCall) -> bool:
        if call is not self._fatal:
            return True
        self._kill()
        return False


class EventFates:
    """The fate of one watch event in each of several namespaces, for one operator that watches them all."""

    def __init__(self, disturbances: dict[str, Disturbance]) -> None:
        self.seen = dict.fromkeys(disturbances, 0)
        self._disturbances = disturbances

    def fate(self, event: Object) -> Fate | None:
        namespace = event["object"].get("metadata", {}).get("namespace")
        if namespace not in self.seen or event["type"] not in ("ADDED", "MODIFIED", "DELETED"):
            return None
        self.seen[namespace] += 1
        disturbance = self._disturbances[namespace]
        if self.seen[namespace] != disturbance.at or not isinstance(disturbance.how, Event):
            return None
        return FATES[disturbance.how]
