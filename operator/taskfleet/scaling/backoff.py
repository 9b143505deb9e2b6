"""When to retry what has failed. Pure."""

from dataclasses import dataclass

FIRST_SECONDS = 2.0  # twice as long each time
LONGEST_SECONDS = 60.0
QUIET_SECONDS = 120.0  # after a try: whatever fails later fails for the first time


@dataclass(frozen=True)
class Backoff:
    """Times are seconds of one monotonic clock."""

    failures: int = 0
    until: float = 0.0

    def failed(self, now: float) -> "Backoff":
        """After one more failure."""
        before = 0 if self.quiet(now) else self.failures
        return Backoff(before + 1, now + min(LONGEST_SECONDS, FIRST_SECONDS * 2.0 ** min(before, 10)))

    def waits(self, now: float) -> bool:
        return now < self.until

    def quiet(self, now: float) -> bool:
        """Whether the last failure is so long ago that it counts no more."""
        return now >= self.until + QUIET_SECONDS
