"""What may go wrong between the operator and the API server."""

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass

from taskfleet.api import Object
from tests.envtest.api_calls import ApiCall


@dataclass(frozen=True)
class Fate:
    """What becomes of one watch event."""

    copies: int = 1  # 0: it never arrives
    after: float = 0.0  # seconds; what follows it in its watch waits too


@dataclass(frozen=True)
class Fault:
    """Trouble for the requests that `resources` and `verbs` name; empty means all.

    Watches that are open when the fault begins are struck too.
    """

    resources: Collection[str] = ()  # plurals, with the subresource where there is one
    verbs: Collection[str] = ()
    status: int | None = None  # answered in place of the API server; open watches are cut
    delay: float = 0.0  # seconds before a request is passed on
    silence: bool = False  # the connection stays open and nothing comes through it
    watch_error: int | None = None  # a watch ends with an ERROR event of this code
    fate: Callable[[Object], Fate | None] | None = None  # of a watch event; None: it arrives as usual

    def strikes(self, call: ApiCall) -> bool:
        return (not self.resources or call.resource in self.resources) and (
            not self.verbs or call.verb in self.verbs
        )


class Injection:
    """A fault at work."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        self.hits = 0  # requests, open watches and events that it has struck


class Injections:
    """The faults at work now, and word of each change to them. Belongs to one event loop."""

    def __init__(self) -> None:
        self._active: tuple[Injection, ...] = ()
        self.changed = asyncio.Event()  # set at the next change; take it before you look, wait for it after

    def add(self, injection: Injection) -> None:
        self._replace((*self._active, injection))

    def remove(self, injection: Injection) -> None:
        self._replace(tuple(other for other in self._active if other is not injection))

    def first(self, call: ApiCall, does: Callable[[Fault], object]) -> Injection | None:
        """The oldest injection that strikes `call` and of whose fault `does` is true."""
        return next((i for i in self._active if i.fault.strikes(call) and does(i.fault)), None)

    def _replace(self, active: tuple[Injection, ...]) -> None:
        self._active = active
        changed, self.changed = self.changed, asyncio.Event()
        changed.set()


def status_object(code: int) -> Object:
    """A failure as the API server words it."""
    reason = {410: "Expired", 429: "TooManyRequests", 500: "InternalError", 503: "ServiceUnavailable"}.get(
        code, ""
    )
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": f"injected by the test's proxy ({code})",
        "reason": reason,
        "code": code,
    }
