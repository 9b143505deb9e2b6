"""The entries of the report: one for each setting that was read."""

from dataclasses import dataclass, field
from enum import StrEnum


class Verdict(StrEnum):
    """What the conversion does with a setting. The values are the headings of the report."""

    KEPT = "kept"
    CHANGED = "changed"
    LOST = "not supported"
    BY_HAND = "action required"


@dataclass(frozen=True)
class Note:
    """One line of the report."""

    verdict: Verdict
    source: str  # what was read, such as Deployment celery or service worker
    subject: str  # the setting, such as -c, terminationGracePeriodSeconds or env BROKER_URL
    text: str  # what it becomes, or what to do


@dataclass
class Notes:
    """The notes about one source, in the order of its settings."""

    source: str
    entries: list[Note] = field(default_factory=list)

    def say(self, verdict: Verdict, subject: str, text: str) -> None:
        note = Note(verdict, self.source, subject, text)
        if note not in self.entries:
            self.entries.append(note)

    def kept(self, subject: str, text: str) -> None:
        self.say(Verdict.KEPT, subject, text)

    def changed(self, subject: str, text: str) -> None:
        self.say(Verdict.CHANGED, subject, text)

    def lost(self, subject: str, text: str) -> None:
        self.say(Verdict.LOST, subject, text)

    def by_hand(self, subject: str, text: str) -> None:
        self.say(Verdict.BY_HAND, subject, text)
