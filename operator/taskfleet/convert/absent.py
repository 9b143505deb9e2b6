"""What a pool does where a command line does not set an option. A field without a default needs no line here."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from taskfleet.api import Object
from taskfleet.convert.celery_options import Option
from taskfleet.convert.draft import Draft
from taskfleet.convert.notes import Verdict
from taskfleet.convert.workload import PLACEHOLDER


@dataclass(frozen=True)
class Absent:
    """The note and the fields for a command line that has none of these options."""

    options: frozenset[str]
    subject: str
    text: str
    verdict: Verdict = Verdict.CHANGED
    fields: Object = field(default_factory=dict)


def _absent(*options: str) -> frozenset[str]:
    return frozenset(options)


ABSENT = (
    Absent(
        _absent("--app"),
        "-A",
        f"the command does not name an app: replace {PLACEHOLDER} with its module.",
        Verdict.BY_HAND,
    ),
    Absent(
        _absent("--hostname"),
        "no -n",
        "a worker is named <pool>@<pod>; Celery's default is celery@<host>.",
    ),
    Absent(
        _absent("--prefetch-multiplier", "--disable-prefetch"),
        "prefetch",
        "prefork and threads prefetch nothing; Celery prefetches 4 messages per process.",
    ),
    Absent(_absent("--without-gossip"), "--without-gossip", "always set: a pool does not use it."),
    Absent(_absent("--without-mingle"), "--without-mingle", "always set: a pool does not use it."),
    # Celery has no option for it: the app's configuration sets it.
    Absent(
        _absent(),
        "acks_late",
        "acknowledge: App, as the app sets it; with Late no task is lost with a pod, but a task may run twice.",
        Verdict.KEPT,
        {"acknowledge": "App"},
    ),
)


def place_absent(draft: Draft, options: Sequence[Option]) -> None:
    """Set the fields and add the notes for options that are not given."""
    given = {option.name for option in options}
    for absent in ABSENT:
        if not absent.options & given:
            draft.spec.update(absent.fields)
            draft.notes.say(absent.verdict, absent.subject, absent.text)
    if len(draft.spec.get("queues", [])) > 1:
        draft.spec["queueOrder"] = "RoundRobin"
        draft.notes.kept("order of queues", "queueOrder: RoundRobin, as in Celery")
