"""WorkerPool.extraArgs: which flags of Celery are let in."""

from functools import partial

from tests.envtest.rules.case import Case

STRING = 'Invalid value: "string": '

_case = partial(Case, "WorkerPool")


def _flag(argument: str, advice: str) -> Case:
    answer = f"{STRING}{argument} {advice}"
    accepted = {
        "extraArgs": ["-E", "--statedb=/tmp/state", "--heartbeat-interval", "5", "--workdir=/srv", "-q"]
    }
    return _case(
        f"extra-argument {argument}", accepted, {"extraArgs": ["-E", argument]}, "extraArgs[1]", answer
    )


def _owned(argument: str, field: str) -> Case:
    return _flag(argument, f"is set by a field: remove it, and set {field}.")


BEAT_ADVICE = (
    "makes every pod send every periodic task: remove it, and set beat or create a PeriodicSchedule."
)
PURGE_ADVICE = (
    "purges the queues whenever a pod starts: remove it, and set purge of a TaskQueue to purge a queue once."
)
NAME_ADVICE = "is not supported: remove it. A worker is named after its pool and its pod."
CONFIG_ADVICE = "replaces how the app is configured: remove it, and configure the app in its module."
DETACH_ADVICE = "ends the container at once: remove it. A worker must run in the foreground."

CASES = (
    *(
        _owned(argument, "concurrency")
        for argument in ("-c", "-c4", "-c 4", "-Ec4", "--concurrency", "--concurrency=4", "--concurrency 4")
    ),
    _owned("-A", "app"),
    _owned("--app=proj", "app"),
    _owned("-b", "brokerRef"),
    _owned("--broker=memory", "brokerRef"),
    _owned("--result-backend=rpc", "resultBackend"),
    _owned("-Psolo", "pool"),
    _owned("--pool=solo", "pool"),
    _owned("-Qa", "queues"),
    _owned("--queues=a", "queues"),
    _owned("-X", "queues"),
    _owned("--exclude-queues=a", "queues"),
    _owned("--autoscale=10,3", "processAutoscale"),
    _owned("--time-limit=5", "timeLimit"),
    _owned("--soft-time-limit", "softTimeLimit"),
    _owned("--prefetch-multiplier=4", "prefetchMultiplier"),
    _owned("--disable-prefetch", "prefetchMultiplier"),
    _owned("--max-tasks-per-child=5", "maxTasksPerChild"),
    _owned("--max-memory-per-child=5", "maxMemoryPerChild"),
    _owned("-lDEBUG", "logLevel"),
    _owned("--loglevel=DEBUG", "logLevel"),
    _flag("--purge", PURGE_ADVICE),
    _flag("--discard", PURGE_ADVICE),
    _flag("-B", BEAT_ADVICE),
    _flag("-EB", BEAT_ADVICE),
    _flag("--beat", BEAT_ADVICE),
    _flag("-nme@%h", NAME_ADVICE),
    _flag("--hostname=me", NAME_ADVICE),
    _flag("--config=proj.celeryconfig", CONFIG_ADVICE),
    _flag("--loader", CONFIG_ADVICE),
    _flag("-D", DETACH_ADVICE),
    _flag("--detach", DETACH_ADVICE),
)
