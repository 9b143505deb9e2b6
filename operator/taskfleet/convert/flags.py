"""Where each option of `celery worker` and `celery beat` has its place. A field of its own is one line here."""

from collections.abc import Sequence

from taskfleet.convert import readers
from taskfleet.convert.celery_options import Option, short_spelling
from taskfleet.convert.draft import Draft, Dropped, Extra, Field, Missing, Table
from taskfleet.convert.notes import Verdict

WORKER: Table = {
    "--app": Field("app"),
    "--pool": Field("pool", readers.pool_type),
    "--concurrency": Field("concurrency", readers.positive),
    "--queues": Field("queues", readers.queues),
    "--exclude-queues": Missing(
        "no field excludes queues: list in spec.queues those that are to be consumed."
    ),
    "--loglevel": Field("logLevel", readers.level),
    "--autoscale": Field("processAutoscale", readers.processes),
    "--time-limit": Field("timeLimit", readers.limit),
    "--soft-time-limit": Field("softTimeLimit", readers.limit),
    "--max-tasks-per-child": Field("maxTasksPerChild", readers.positive),
    "--max-memory-per-child": Field("maxMemoryPerChild", readers.kibibytes),
    "--prefetch-multiplier": Field("prefetchMultiplier", readers.number),
    "--disable-prefetch": Dropped("prefork and threads fetch nothing ahead by default.", Verdict.KEPT),
    "--task-events": Extra(),
    "--include": Extra(),
    "--heartbeat-interval": Extra(),
    "--without-heartbeat": Extra(),
    "--pool-start-method": Extra(),
    "--umask": Extra(),
    "--without-gossip": Dropped("always so.", Verdict.KEPT),
    "--without-mingle": Dropped("always so.", Verdict.KEPT),
    "--hostname": Dropped("a worker is named <pool>@<pod>."),
    "--detach": Dropped("a worker stays in the foreground of its container."),
    "--logfile": Dropped("a worker logs to its container's output: kubectl logs."),
    "--pidfile": Dropped("a container needs none.", Verdict.KEPT),
    "--executable": Dropped("spec.python names the interpreter."),
    "--no-color": Dropped("a container's output has no colours.", Verdict.KEPT),
    "--no-execv": Dropped("Celery has no such option any more."),
    "--autoreload": Dropped("Celery has no such option any more; another image replaces the pods."),
    "--purge": Dropped("it would empty the queues whenever a pod starts: purge of a TaskQueue does it once."),
    "--statedb": Dropped(
        "on Redis revokes are kept in the broker; on RabbitMQ a new pod does not know them."
    ),
    "--uid": Missing("a container's user is spec.template.spec.securityContext.runAsUser, a number."),
    "--gid": Missing("a container's group is spec.template.spec.securityContext.runAsGroup, a number."),
    "--loader": Missing("the loader is Taskfleet's: configure the app in its own module."),
    "--config": Missing("let the app read its configuration itself: app.config_from_object."),
    "--quiet": Missing("no field takes it; it has no effect on tasks."),
    "--skip-checks": Missing("Django's checks run at each start."),
}

BEAT: Table = {
    "--scheduler": Field("beat.scheduler", readers.scheduler),
    "--schedule": Dropped("PersistentScheduler's file is on a volume of the operator's, and starts empty."),
    "--max-interval": Missing(
        "beat looks as often as its scheduler does; set beat_max_loop_interval in the app."
    ),
    "--loglevel": Dropped("beat logs at the pool's logLevel."),
    "--app": Dropped("beat starts the pool's app.", Verdict.KEPT),
    "--enable-remote-control": Missing("no field takes it; beat's health is in the condition BeatReady."),
    "--no-enable-remote-control": Dropped("always so.", Verdict.KEPT),
    "--hostname": Dropped("beat is named after its pod."),
    "--detach": WORKER["--detach"],
    "--logfile": WORKER["--logfile"],
    "--pidfile": WORKER["--pidfile"],
    "--umask": Missing("beat's container has the umask of its image."),
    "--uid": WORKER["--uid"],
    "--gid": WORKER["--gid"],
    "--executable": WORKER["--executable"],
    "--no-color": WORKER["--no-color"],
    "--loader": WORKER["--loader"],
    "--config": WORKER["--config"],
    "--quiet": WORKER["--quiet"],
    "--skip-checks": WORKER["--skip-checks"],
    "--workdir": Dropped("beat starts in the pool's working directory."),
}

# Handled beside the tables: URLs lead to a Secret, the folder to the pod template.
ELSEWHERE = frozenset({"--broker", "--result-backend", "--workdir"})
_EMBEDDED_BEAT = frozenset({"--beat", "--schedule", "--scheduler"})


def place_worker_options(draft: Draft, options: Sequence[Option]) -> None:
    """Put every option of a worker into its place."""
    embedded = any(option.name == "--beat" for option in options)
    for option in options:
        subject = short_spelling(option.name)
        if option.name in ELSEWHERE:
            continue
        if option.name in _EMBEDDED_BEAT:
            if option.name != "--beat" and embedded:
                draft.place(BEAT, option.name, option.value, subject=subject)
        elif option.name == "--concurrency" and option.value == "auto":
            draft.notes.kept(subject, "auto is the default of prefork: the CPU limit rounded up.")
        elif option.name == "--optimization":
            _place_optimization(draft, option)
        elif option.name in WORKER:
            draft.place(WORKER, option.name, option.value, subject=subject)
        else:
            _place_unknown(draft, option)
    if embedded:
        draft.spec.setdefault("beat", {})
        draft.notes.changed("-B", "beat: one beat for the whole pool, not one in each worker.")
        _name_scheduler(draft)


def place_beat_options(draft: Draft, options: Sequence[Option]) -> None:
    """Put every option of a beat into its place."""
    draft.spec.setdefault("beat", {})
    for option in options:
        subject = f"beat {short_spelling(option.name)}"
        if option.name in BEAT:
            draft.place(BEAT, option.name, option.value, subject=subject)
        elif option.name not in ELSEWHERE:
            draft.notes.lost(subject, "no option of beat that is known.")
    _name_scheduler(draft)


def _name_scheduler(draft: Draft) -> None:
    if "scheduler" not in draft.spec["beat"]:
        draft.notes.changed(
            "beat -S",
            "celery.beat:PersistentScheduler, also where the app sets beat_scheduler: set beat.scheduler then.",
        )


def _place_optimization(draft: Draft, option: Option) -> None:
    if option.value == "fair":
        draft.notes.kept("-O", "fair is Celery's default.")
    else:
        draft.place({"--optimization": Extra()}, "--optimization", option.value, subject="-O")


def _place_unknown(draft: Draft, option: Option) -> None:
    """An app may add options of its own to its workers."""
    draft.spec.setdefault("extraArgs", []).append(str(option))
    draft.notes.kept(
        option.name, f"spec.extraArgs: {option}; no option of Celery's, so one of the app's own."
    )
