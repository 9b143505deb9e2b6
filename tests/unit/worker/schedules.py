"""A place for schedules that is not Redis and can break at any moment."""

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from taskfleet_worker.beat.due import Run
from taskfleet_worker.beat.entry import Entry, State, digest, read_state
from taskfleet_worker.beat.store import Answer, Change, Message, Verdict
from tests.runtime.beat import UID


def message(entry: Entry, run: Run, _now: float) -> Message:
    """As Celery's builder, but only the id."""
    return Message(entry.queue or "celery", run.task_id)


class AwayError(ConnectionError):
    """The store does not answer."""


class MemoryStore:
    """The script's rules without Redis. `trouble` is asked before and after every command and may raise."""

    def __init__(self) -> None:
        self.hash: dict[str, bytes] = {}
        self.state: dict[str, bytes] = {}
        self.number = 0
        self.sent: list[str] = []
        self.beats: list[dict[str, Any]] = []
        self.refuses: dict[str, bytes] = {}  # queue -> Redis's words
        self.trouble: Callable[[], None] = lambda: None

    def write(self, uid: str, raw: bytes | None) -> None:
        """As the operator does."""
        if raw is None:
            del self.hash[uid]
            self.state.pop(uid, None)
        else:
            self.hash[uid] = raw
        self.number += 1

    def state_of(self, uid: str = UID) -> State:
        return read_state(self.state.get(uid))

    def version(self) -> bytes | None:
        self.trouble()
        return str(self.number).encode()

    def entries(self) -> tuple[bytes | None, dict[str, bytes]]:
        self.trouble()
        return str(self.number).encode(), dict(self.hash)

    def states(self, uids: Sequence[str]) -> list[bytes]:
        self.trouble()
        return [self.state.get(uid, b"") for uid in uids]

    def settle(self, changes: Sequence[Change]) -> list[Answer]:
        self.trouble()
        answers = list(self._settled(changes))
        self.trouble()
        return answers

    def _settled(self, changes: Sequence[Change]) -> Iterator[Answer]:
        for change in changes:
            current = self.state.get(change.uid, b"")
            if change.uid not in self.hash or digest(self.hash[change.uid]) != change.digest:
                yield Answer(Verdict.ENTRY_CHANGED)
            elif current != change.seen:
                yield Answer(Verdict.STATE_CHANGED, current)
            elif change.message is not None and change.message.place in self.refuses:
                yield Answer(Verdict.FAILED, self.refuses[change.message.place])
            else:
                if change.message is not None:
                    self.sent.append(change.message.payload)
                self.state[change.uid] = change.state
                yield Answer(Verdict.DONE)

    def heartbeat(self, text: str) -> None:
        self.trouble()
        self.beats.append(json.loads(text))
