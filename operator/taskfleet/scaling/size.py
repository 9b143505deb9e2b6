"""The size of a pool's Deployment as this process wrote it, and what became of that."""

from dataclasses import dataclass, field, replace

from taskfleet.api import Object
from taskfleet.kube.field_writers import FieldWriter
from taskfleet.scaling.backoff import QUIET_SECONDS, Backoff


@dataclass(frozen=True)
class Overwritten:
    """The size that another client wrote instead of ours."""

    writer: FieldWriter
    ours: int
    found: int


@dataclass(frozen=True)
class SizeNews:
    """What was written since it was last reported: from, to and why, and by other clients."""

    resized: tuple[int, int, str] | None = None
    overwritten: Overwritten | None = None


@dataclass
class Size:
    """Times are seconds of one monotonic clock."""

    known: int | None = None  # what was written last, or found as it is wanted; None: nothing yet
    refusals: Backoff = field(default_factory=Backoff)
    refusal: str | None = None  # why what was decided on is not the Deployment's
    overwrites: Backoff = field(default_factory=Backoff)
    overwritten: Overwritten | None = None  # the last time, while that is not long ago
    news: SizeNews = field(default_factory=SizeNews)

    @property
    def contested(self) -> Overwritten | None:
        """Who writes this size again and again. Once is none: that is put back, and over."""
        return self.overwritten if self.overwrites.failures > 1 else None

    def is_foreign(self, replicas: int) -> bool:
        """Whether the Deployment has another size than this process knows of."""
        return replicas != self.known

    def is_held(self, replicas: int, now: float) -> bool:
        """Whether a Deployment keeps that size for now, so that the operator does not fight without end."""
        return self.refusals.waits(now) or (self.is_foreign(replicas) and self.overwrites.waits(now))

    def reported(self, news: SizeNews) -> None:
        """Forget what was reported. What was written since then is still news."""
        resized = None if self.news.resized is news.resized else self.news.resized
        overwritten = None if self.news.overwritten is news.overwritten else self.news.overwritten
        self.news = SizeNews(resized, overwritten)

    def note_written(self, before: int, after: int, why: str | None) -> None:
        """`why` is None where nobody is to be told."""
        self.known = after
        if why is not None:
            self.news = replace(self.news, resized=(before, after, why))
        self.refusals, self.refusal = Backoff(), None

    def note_refused(self, why: str, now: float) -> None:
        """Try again after a time that grows."""
        self.refusal, self.refusals = why, self.refusals.failed(now)

    def note_overwritten(self, writer: FieldWriter, *, ours: int, found: int, now: float) -> None:
        self.overwritten = Overwritten(writer, ours, found)
        self.news = replace(self.news, overwritten=self.overwritten)
        self.overwrites, self.known = self.overwrites.failed(now), found

    def looks(self) -> tuple[float, ...]:
        """When something may be tried again, or is over."""
        quiet = (self.overwrites.until + QUIET_SECONDS,) if self.overwritten is not None else ()
        return (self.refusals.until, self.overwrites.until, *quiet)

    def settle(self, replicas: int, wanted: int, now: float) -> bool:
        """Before anything is written: forget troubles that are over. True: there was one."""
        over = False
        if self.known is None and replicas == wanted:
            self.known = replicas
        if self.refusal is not None and replicas == wanted:
            self.refusals, self.refusal, over = Backoff(), None, True
        if self.overwritten is not None and not self.is_foreign(replicas) and self.overwrites.quiet(now):
            self.overwrites, self.overwritten, over = Backoff(), None, True
        return over


def not_taken(deployment: Object, asked: int, stored: int) -> str:
    """The sentence about an answer that has another size than was asked for."""
    return (
        f"The operator set {asked} replicas on Deployment {deployment['metadata']['name']!r}, but "
        f"{stored} were stored: an admission webhook or policy changes spec.replicas. Exempt the "
        "Deployment from it"
    )
