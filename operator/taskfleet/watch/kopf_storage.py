"""kopf's memory of what it has handled, switched off.

To find out what changed kopf copies every object several times, 1 ms for a pool and its Deployment; only
those of its handlers need that which are not used here.
"""

from typing import Any

import kopf


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
