"""Where each option of `celery worker` and `celery beat` belongs. A new field is one line here."""

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
    "--exclude-queues": Field("excludeQueues", readers.queues),
    "--loglevel": Field("logLevel", readers.level),
    "--autoscale": Field("processAutoscale", readers.processes),
    "--time-limit": Field("timeLimit", readers.limit),
    "--soft-time-limit": Field("softTimeLimit", readers.limit),
    "--max-tasks-per-child": Field("maxTasksPerChild", readers.positive),
    "--max-memory-per-child": Field("maxMemoryPerChild", readers.kibibytes),
    "--prefetch-multiplier": Field("prefetchMultiplier", readers.number),
    "--disable-prefetch": Dropped("prefork and threads prefetch nothing by default.", Verdict.KEPT),
    "--task-events": Extra(),
    "--include": Extra(),
    "--heartbeat-interval": Extra(),
    "--without-heartbeat": Extra(),
    "--pool-start-method": Extra(),
    "--umask": Extra(),
    "--without-gossip": Dropped("always set.", Verdict.KEPT),
    "--without-mingle": Dropped("always set.", Verdict.KEPT),
    "--hostname": Dropped("a worker is named <pool>@<pod>."),
    "--detach": Dropped("a worker runs in the foreground of its container."),
    "--logfile": Dropped("a worker logs to standard output: use kubectl logs."),
    "--pidfile": Dropped("a container does not need one.", Verdict.KEPT),
    "--executable": Dropped("spec.python names the interpreter."),
    "--no-color": Dropped("a container's output has no colors.", Verdict.KEPT),
    "--no-execv": Dropped("Celery no longer has this option."),
    "--autoreload": Dropped("Celery no longer has this option; a new image replaces the pods."),
    "--purge": Dropped(
        "it would purge the queues whenever a pod starts: set purge of a TaskQueue to do it once."
    ),
    "--statedb": Dropped("on Redis the broker stores revokes; on RabbitMQ a new pod does not know them."),
    "--uid": Missing("set the user as a number in spec.template.spec.securityContext.runAsUser."),
    "--gid": Missing("set the group as a number in spec.template.spec.securityContext.runAsGroup."),
    "--loader": Missing("Taskfleet uses its own loader: configure the app in its module."),
    "--config": Missing("configure the app in its module: app.config_from_object."),
    "--quiet": Extra(),
    "--skip-checks": Extra(),
}

BEAT: Table = {
    "--scheduler": Field("beat.scheduler", readers.scheduler),
    "--schedule": Dropped(
        "PersistentScheduler's file is on a volume that the operator creates; it starts empty. For a scheduler "
        "of your own that keeps such a file, set beat.storage: {}."
    ),
    "--max-interval": Missing("the scheduler's default applies; set beat_max_loop_interval in the app."),
    "--loglevel": Dropped("beat logs at the pool's logLevel."),
    "--app": Dropped("beat starts the pool's app.", Verdict.KEPT),
    "--enable-remote-control": Missing("no field sets it; the condition BeatReady reports beat's health."),
    "--no-enable-remote-control": Dropped("always set.", Verdict.KEPT),
    "--hostname": Dropped("beat is named after its pod."),
    "--detach": WORKER["--detach"],
    "--logfile": WORKER["--logfile"],
    "--pidfile": WORKER["--pidfile"],
    "--umask": Missing("beat's container uses the umask of its image."),
    "--uid": WORKER["--uid"],
    "--gid": WORKER["--gid"],
    "--executable": WORKER["--executable"],
    "--no-color": WORKER["--no-color"],
    "--loader": WORKER["--loader"],
    "--config": WORKER["--config"],
    "--quiet": Missing("no field of beat sets it; it has no effect on tasks."),
    "--skip-checks": Missing("Django's checks run at each start of beat."),
    "--workdir": Dropped("beat starts in the pool's working directory."),
}

# Not in the tables: URLs become a Secret, the directory goes to the pod template.
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
            draft.notes.kept(subject, "auto is Celery's default: the number of the node's CPUs.")
        elif option.name == "--optimization":
            _place_optimization(draft, option)
        elif option.name in WORKER:
            draft.place(WORKER, option.name, option.value, subject=subject)
        else:
            _place_unknown(draft, option)
    if embedded:
        draft.spec.setdefault("beat", {})
        draft.notes.changed("-B", "beat: one beat for the whole pool, not one in each worker.")


def place_beat_options(draft: Draft, options: Sequence[Option]) -> None:
    """Put every option of a beat into its place."""
    draft.spec.setdefault("beat", {})
    for option in options:
        subject = f"beat {short_spelling(option.name)}"
        if option.name in BEAT:
            draft.place(BEAT, option.name, option.value, subject=subject)
        elif option.name not in ELSEWHERE:
            draft.notes.lost(subject, "unknown option of beat: check whether it still matters.")


def _place_optimization(draft: Draft, option: Option) -> None:
    if option.value == "fair":
        draft.notes.kept("-O", "fair is Celery's default.")
    else:
        draft.place({"--optimization": Extra()}, "--optimization", option.value, subject="-O")


def _place_unknown(draft: Draft, option: Option) -> None:
    """An app may add options of its own to its workers."""
    draft.spec.setdefault("extraArgs", []).append(str(option))
    draft.notes.kept(option.name, f"spec.extraArgs: {option}; not an option of Celery, so one of the app.")
