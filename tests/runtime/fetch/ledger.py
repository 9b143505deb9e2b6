"""What was sent, what became of it, and what may have run twice."""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from tests.runtime.redis_server import RedisServer
from tests.runtime.worker import Worker


@dataclass
class Ledger:
    """Ids of tasks. `at_risk`: what a process held when it was killed."""

    sent: list[str] = field(default_factory=list)
    at_risk: set[str] = field(default_factory=set)
    kills: int = 0
    cuts: int = 0

    def killed(self, server: RedisServer, worker: Worker) -> None:
        """Note what Redis has on record for a worker that was just killed."""
        self.kills += 1
        for key in server.client.keys(f"taskfleet:cluster-1:test:held:uid-1/{worker.name}/*"):
            tags = [str(tag) for tag in server.client.hkeys(str(key))]
            values = server.client.hmget("unacked", tags) if tags else []
            self.at_risk |= {json.loads(str(value))[0]["headers"]["id"] for value in values if value}

    def lost(self, finished: Iterable[str]) -> set[str]:
        """What never ran to its end."""
        return set(self.sent) - set(finished)

    def twice(self, started: Iterable[str]) -> set[str]:
        """What ran more than once without having been in the hands of a process that was killed."""
        return {task for task, times in Counter(started).items() if times > 1} - self.at_risk
