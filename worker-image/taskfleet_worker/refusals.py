"""Replies of Redis that mean "not now": a later try may succeed. The worker waits for them as for a Redis that is away.

From the server's own tables (Redis 7.0 and 8, Valkey 8: `createSharedObjects` in src/server.c, src/script.c,
src/blocked.c). Not here are LOADING, NOAUTH, WRONGPASS and "max number of clients reached", which redis-py makes
connection errors of, so that Celery waits for them itself; and what no later try cures, as NOPROTO.
"""

from __future__ import annotations

import logging
import re
from typing import Callable

logger = logging.getLogger(__name__)

MEANINGS = {
    "BUSY": "a script or function is running",
    "CLUSTERDOWN": "the cluster is down",
    "MASTERDOWN": "it is a replica that is not connected to its master",
    "MISCONF": "it cannot write to its disk",
    "NOPERM": "the user lacks permissions",
    "NOREPLICAS": "it has too few replicas",
    "OOM": "its memory is full",
    "READONLY": "it is a replica",
    "TRYAGAIN": "a slot is being moved",
    "UNBLOCKED": "it has become a replica, or an administrator unblocked the client",
    "WRONGTYPE": "a key of the queues or of what is held has another type",
}
# redis-py removes the code from the text of these.
_CODES = {
    "ClusterDownError": "CLUSTERDOWN",
    "MasterDownError": "MASTERDOWN",
    "NoPermissionError": "NOPERM",
    "OutOfMemoryError": "OOM",
    "ReadOnlyError": "READONLY",
    "TryAgainError": "TRYAGAIN",
}
# As it is, within a transaction that was discarded, and from a script, up to Redis 6.
_CODE = re.compile(r"(?:^|because of: |: )-?([A-Z]{3,}) ")
_NO_RIGHT_IN_A_SCRIPT = ("ACL failure in script", "The user executing the script can't")
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 5.0


def code(error: BaseException) -> str | None:
    """The reply's code if it means "not now"; None for any other."""
    for kind in type(error).__mro__:
        if kind.__name__ in _CODES:
            return _CODES[kind.__name__]
    # A pipeline's error quotes the command, and with it a message, before the reply.
    reply = str(error).rpartition("caused error: ")[2]
    if reply.startswith(_NO_RIGHT_IN_A_SCRIPT):
        return "NOPERM"
    found = _CODE.findall(reply)
    return next((one for one in found if one in MEANINGS), None)


class Refusals:
    """What Redis refuses at present, and until when not to ask again. `clock`: monotonic seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.running = False  # from here on a missing right is somebody's doing, and no error of the set-up
        self.note: str | None = None
        self.since: float | None = None
        self._clock = clock
        self._pause = self._until = 0.0

    @property
    def paused(self) -> bool:
        """Whether it is too early to ask again."""
        return self.since is not None and self._clock() < self._until

    def refused(self, error: BaseException) -> bool:
        """Whether the reply means "not now"; noted, and logged where it is the first."""
        found = code(error)
        if found is None or (found == "NOPERM" and not self.running):
            return False
        now = self._clock()
        if self.since is None:
            self.since, self._pause = now, 0.0
            self.note = f"Redis rejects commands: {found} ({MEANINGS[found]}). The worker waits."
            logger.warning("taskfleet: %s", self.note)
        if now >= self._until:
            self._pause = min(max(2 * self._pause, _FIRST_PAUSE), _LONGEST_PAUSE)
            self._until = now + self._pause
        return True

    def accepted(self) -> None:
        """A command was carried out."""
        if self.since is None:
            return
        text = f"{self._clock() - self.since:.0f} s"
        logger.warning("taskfleet: Redis accepts commands again, after %s", text)
        if self.note is not None:
            self.note = self.note.replace("rejects", "rejected").replace(
                "The worker waits", f"The worker waited {text}"
            )
        self.since = None
