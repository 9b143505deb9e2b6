"""The schedules of one broker in its Redis: written by us, run by beat. docs/explanation/design/schedules.md names the keys."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from redis.asyncio import Redis

from taskfleet.api import Object
from taskfleet.brokers.key_layout import Layout
from taskfleet.brokers.untrusted import load_json

_LARGEST = 1024 * 1024  # bytes of an entry, as large as an object can be in the API
_MOST_DIGITS = 18
_AT_ONCE = 500  # entries in one MULTI, during which Redis answers no other client


@dataclass(frozen=True)
class Stored:
    """One poll, in one round trip. `states` and `heartbeat` as beat wrote them."""

    version: int  # 0: Redis has none, as after a loss of its data
    heartbeat: bytes | None
    states: Mapping[str, bytes]  # by uid


@dataclass(frozen=True)
class Put:
    """An entry to write; the seed is used where beat has no state yet."""

    uid: str
    entry: Object
    seed: Object | None = None


class ScheduleStore:
    """Calls raise RedisError."""

    def __init__(self, client: Redis, layout: Layout) -> None:
        self._client = client
        self._entries = layout.key("schedules")
        self._version = layout.key("schedules", "version")
        self._states = layout.key("schedules", "state")
        self._heartbeat = layout.key("schedules", "beat")

    async def read(self) -> Stored:
        async with self._client.pipeline(transaction=False) as pipe:
            pipe.get(self._version)
            pipe.get(self._heartbeat)
            pipe.hgetall(self._states)
            version, heartbeat, states = await pipe.execute()
        by_uid = {uid.decode(errors="replace"): value for uid, value in states.items()}
        return Stored(_number(version), heartbeat, by_uid)

    async def entries(self) -> dict[str, Object]:
        """Every entry by uid; one that cannot be read is an empty one, so that it differs from what it should be."""
        found = cast(dict[bytes, bytes], await self._client.hgetall(self._entries))
        return {uid.decode(errors="replace"): _object(value) for uid, value in found.items()}

    async def write(
        self, puts: Sequence[Put], *, stop: Collection[str], forget: Collection[str]
    ) -> tuple[int, int]:
        """Write entries, take those of `stop` away, and those of `forget` with their state.

        Returns the newest version, and by how much this call has raised it.
        """
        version, times = 0, 0
        gone = [*stop, *forget]
        for batch in [puts[at : at + _AT_ONCE] for at in range(0, len(puts), _AT_ONCE)] or [()]:
            async with self._client.pipeline(transaction=True) as pipe:
                for put in batch:
                    pipe.hset(self._entries, put.uid, canonical(put.entry))
                    if put.seed is not None:
                        pipe.hsetnx(self._states, put.uid, canonical(put.seed))
                if gone and times == 0:
                    pipe.hdel(self._entries, *gone)
                if forget and times == 0:
                    pipe.hdel(self._states, *forget)
                pipe.incr(self._version)
                version, times = (await pipe.execute())[-1], times + 1
        return version, times


def canonical(value: Object) -> str:
    """JSON in its one form: beat compares digests."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def _number(value: bytes | None) -> int:
    return int(value) if value is not None and len(value) <= _MOST_DIGITS and value.isdigit() else 0


def _object(value: bytes) -> dict[str, Any]:
    try:
        raw = load_json(value, max_bytes=_LARGEST)
    except ValueError:
        return {}
    return raw if isinstance(raw, dict) else {}
