"""The schedules in Redis: read, and settled by one script. docs/explanation/design/schedules.md has the keys."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import Any, NamedTuple, Protocol

HEARTBEAT_KEPT = 15

# The messages go first: what fails must leave the state as it was. Where the states are refused, the messages are taken
# back: they would be sent again with each try. Nothing to tell means that all was done.
# Each command has all changes at once: of a call from Lua most of the time is the call.
SETTLE = """
local uids, answers, lines, fields, told = {}, {}, {}, {}, false
for i = 1, #ARGV, 6 do
  uids[#uids + 1] = ARGV[i]
end
local entries = redis.call('HMGET', KEYS[1], unpack(uids))
local states = redis.call('HMGET', KEYS[2], unpack(uids))
for n = 1, #uids do
  local i = n * 6 - 5
  local current, place = states[n] or '', tonumber(ARGV[i + 4])
  if not entries[n] or redis.sha1hex(entries[n]) ~= ARGV[i + 1] then
    answers[n] = {1, ''}
  elseif current ~= ARGV[i + 2] then
    answers[n] = {2, current}
  else
    answers[n] = {0, ''}
    if place > 0 then
      lines[place] = lines[place] or {}
      table.insert(lines[place], ARGV[i + 5])
    end
  end
end
local refused = {}
for place, payloads in pairs(lines) do
  local done = redis.pcall('LPUSH', KEYS[place], unpack(payloads))
  refused[place] = type(done) == 'table' and done.err
end
for n = 1, #uids do
  local i = n * 6 - 5
  local why = refused[tonumber(ARGV[i + 4])]
  if answers[n][1] == 0 and why then
    answers[n] = {3, why}
  elseif answers[n][1] == 0 then
    table.insert(fields, uids[n])
    table.insert(fields, ARGV[i + 3])
  end
  told = told or answers[n][1] ~= 0
end
local noted = #fields > 0 and redis.pcall('HSET', KEYS[2], unpack(fields))
if type(noted) == 'table' and noted.err then
  for place, payloads in pairs(lines) do
    for _ = 1, refused[place] and 0 or #payloads do redis.call('LPOP', KEYS[place]) end
  end
  return noted
end
return told and answers or {}
"""


class Verdict(IntEnum):
    """What became of a change."""

    DONE = 0
    ENTRY_CHANGED = 1  # another entry is there, or none: nothing was done
    STATE_CHANGED = 2  # another beat was here; its state is the answer's text: nothing was done
    FAILED = 3  # Redis refused; its words are the answer's text: nothing was done


class Message(NamedTuple):
    """A finished message and the full name of its list."""

    place: str
    payload: str


class Change(NamedTuple):
    """A new state for an entry, to be written if the entry and the state are still those that were seen."""

    uid: str
    digest: str
    seen: bytes
    state: bytes
    message: Message | None = None


class Answer(NamedTuple):
    """The verdict on a change."""

    verdict: Verdict
    text: bytes = b""


class Store(Protocol):
    """Where schedules are kept. Every method raises what its client raises when it cannot be reached."""

    def version(self) -> bytes | None:
        """Moves with every change of the entries."""

    def entries(self) -> tuple[bytes | None, dict[str, bytes]]:
        """The version and all entries, as of one moment."""

    def states(self, uids: Sequence[str]) -> list[bytes]:
        """The states of these entries; empty where there is none."""

    def settle(self, changes: Sequence[Change]) -> list[Answer]:
        """Carry out changes of as many entries, each as a whole or not at all."""

    def heartbeat(self, text: str) -> None:
        """Say that beat is alive."""


class RedisStore:
    """In a Redis, over a plain client that does not decode. `base` is the prefix of our keys, in full."""

    def __init__(self, client: Any, base: str) -> None:
        self._client = client
        self._entries = f"{base}schedules"
        self._version = f"{base}schedules:version"
        self._states = f"{base}schedules:state"
        self._beat = f"{base}schedules:beat"
        self._settle = client.register_script(SETTLE)

    def version(self) -> bytes | None:
        """Moves with every change of the entries."""
        found: bytes | None = self._client.get(self._version)
        return found

    def entries(self) -> tuple[bytes | None, dict[str, bytes]]:
        """The version and all entries, as of one moment."""
        pipe = self._client.pipeline(transaction=True)
        pipe.get(self._version)
        pipe.hgetall(self._entries)
        version, found = pipe.execute()
        return version, {uid.decode(): raw for uid, raw in found.items()}

    def states(self, uids: Sequence[str]) -> list[bytes]:
        """The states of these entries; empty where there is none."""
        found: list[bytes] = []
        for start in range(0, len(uids), 1000):
            found += [raw or b"" for raw in self._client.hmget(self._states, uids[start : start + 1000])]
        return found

    def settle(self, changes: Sequence[Change]) -> list[Answer]:
        """Carry out changes in one script."""
        names = [self._entries, self._states]
        places: dict[str, int] = {}
        arguments: list[str | bytes | int] = []
        for change in changes:
            place = 0
            if change.message is not None:
                place = places.setdefault(change.message.place, len(names) + len(places) + 1)
            payload = change.message.payload if change.message is not None else ""
            arguments += [change.uid, change.digest, change.seen, change.state, place, payload]
        answers = self._settle(keys=[*names, *places], args=arguments) or [(Verdict.DONE, b"")] * len(changes)
        return [Answer(Verdict(verdict), text) for verdict, text in answers]

    def heartbeat(self, text: str) -> None:
        """Say that beat is alive."""
        self._client.set(self._beat, text, ex=HEARTBEAT_KEPT)
