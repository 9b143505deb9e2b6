"""kopf's memory of what it has handled, switched off.

To find out what changed kopf copies every object several times, 1 ms for a pool and its Deployment; only
those of its handlers need that which are not used here.
"""

from typing import Any

import kopf
from kopf._core.reactor.inventory import ResourceMemories, ResourceMemory


class NoDiffs(kopf.DiffBaseStorage):
    """Nothing about an object is worth comparing."""

    def build(self, **_: Any) -> kopf.BodyEssence:
        return kopf.BodyEssence()

    def fetch(self, **_: Any) -> None:
        return None

    def store(self, **_: Any) -> None:
        return None


class NoProgress(kopf.ProgressStorage):
    """Nothing is left half done."""

    def fetch(self, **_: Any) -> None:
        return None

    def store(self, **_: Any) -> None:
        return None

    def purge(self, **_: Any) -> None:
        return None

    def touch(self, **_: Any) -> None:
        return None

    def clear(self, *, essence: kopf.BodyEssence) -> kopf.BodyEssence:
        return essence


class NoMemories(ResourceMemories):
    """Nothing about an object outlives its event: 2 KB each, for daemons, timers and indexes."""

    async def recall(self, raw_body: Any, **given: Any) -> ResourceMemory:
        return await super().recall(raw_body, **{**given, "ephemeral": True})
