"""What a pool does where a command line leaves the choice to the app or to Celery. A field without a default of its own
needs no line here."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from taskfleet.api import Object
from taskfleet.convert.celery_options import Option
from taskfleet.convert.draft import Draft
from taskfleet.convert.notes import Verdict
from taskfleet.convert.workload import PLACEHOLDER


@dataclass(frozen=True)
class Absent:
    """Options of which none is given, and what is to be said and set then."""

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
        f"the command names no app: write its module for {PLACEHOLDER}.",
        Verdict.BY_HAND,
    ),
    Absent(_absent("--pool"), "no -P", "prefork, also where the app sets worker_pool: set spec.pool then."),
    Absent(
        _absent("--concurrency", "--autoscale"),
        "no -c",
        "the CPU limit rounded up, or 1; Celery takes the app's worker_concurrency, or all CPUs of the node: "
        "set spec.concurrency.",
    ),
    Absent(
        _absent("--queues"),
        "no -Q",
        "the queue celery; Celery takes the app's task_queues or task_default_queue: set spec.queues.",
    ),
    Absent(
        _absent("--hostname"),
        "no -n",
        "a worker is named <pool>@<pod>, where Celery's own name is celery@<host>.",
    ),
    Absent(
        _absent("--loglevel"),
        "no -l",
        "logLevel: WARNING, as Celery without -l",
        Verdict.KEPT,
        {"logLevel": "WARNING"},
    ),
    Absent(
        _absent("--prefetch-multiplier", "--disable-prefetch"),
        "prefetch",
        "prefork and threads fetch nothing ahead; Celery fetches 4 for each process.",
    ),
    Absent(_absent("--without-gossip"), "--without-gossip", "always so: nothing of a pool needs it."),
    Absent(_absent("--without-mingle"), "--without-mingle", "always so: nothing of a pool needs it."),
    # No option of Celery's says it: the app's configuration does.
    Absent(
        _absent(),
        "acks_late",
        "acknowledge: App, the app's own; Late loses no task with a pod, if it may run twice.",
        Verdict.KEPT,
        {"acknowledge": "App"},
    ),
)


def place_absent(draft: Draft, options: Sequence[Option]) -> None:
    """Say and set what holds for the options that are not given."""
    given = {option.name for option in options}
    for absent in ABSENT:
        if not absent.options & given:
            draft.spec.update(absent.fields)
            draft.notes.say(absent.verdict, absent.subject, absent.text)
    if len(draft.spec.get("queues", [])) > 1:
        draft.spec["queueOrder"] = "RoundRobin"
        draft.notes.kept("order of queues", "queueOrder: RoundRobin, as Celery takes turns")
