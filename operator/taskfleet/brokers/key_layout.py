"""The names of the keys that kombu, the workers and the operator share on a broker. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Layout:
    """The names of keys on a broker, and the seconds after which a fetched message counts as lost; all of its users
    share them (kombu's transport options)."""

    prefix: str
    reports: str  # without the prefix
    priority_steps: tuple[int, ...] = (0, 3, 6, 9)
    separator: str = "\x06\x16"
    visibility_timeout: float = 3600.0

    def lists(self, queue: str) -> list[str]:
        """The lists of a queue, the most urgent first: kombu 5 `kombu/transport/redis.py` `_q_for_pri`."""
        names = [f"{queue}{self.separator}{step}" if step else queue for step in self.priority_steps]
        return [self.prefix + name for name in names]

    def list_for(self, queue: str, priority: float) -> str:
        """The list of a message with this priority: that of the step below it."""
        below = sum(step <= priority for step in self.priority_steps)
        return self.lists(queue)[max(0, below - 1)]

    def key(self, *parts: str) -> str:
        """Full name of one of our own keys: worker-image/taskfleet_worker/keys.py."""
        return self.prefix + ":".join((self.reports.removesuffix(":reports"), *parts))

    def dead_letters(self, queue: str) -> str:
        """The list of dead letters: taskfleet_worker/deliveries.py."""
        return f"{self.prefix}{queue}.dead"
