"""The flags of `celery worker` that extraArgs may not hold, each with what to do instead."""

from taskfleet.api.schema import Rule

# The field that sets a flag, and the flag's spellings.
OWNED = {
    "app": ("-A", "--app"),
    "brokerRef": ("-b", "--broker"),
    "resultBackend": ("--result-backend",),
    "pool": ("-P", "--pool"),
    "concurrency": ("-c", "--concurrency"),
    "queues": ("-Q", "--queues", "-X", "--exclude-queues"),
    "processAutoscale": ("--autoscale",),
    "timeLimit": ("--time-limit",),
    "softTimeLimit": ("--soft-time-limit",),
    "prefetchMultiplier": ("--prefetch-multiplier", "--disable-prefetch"),
    "maxTasksPerChild": ("--max-tasks-per-child",),
    "maxMemoryPerChild": ("--max-memory-per-child",),
    "logLevel": ("-l", "--loglevel"),
}
# Flags that do harm in a pod, and what to use instead.
HARMFUL = {
    ("--purge", "--discard"): (
        "purges the queues whenever a pod starts: remove it, and set purge of a TaskQueue to "
        "purge a queue once."
    ),
    ("-B", "--beat"): (
        "makes every pod send every periodic task: remove it, and set beat or create a PeriodicSchedule."
    ),
    ("-n", "--hostname"): "is not supported: remove it. A worker is named after its pool and its pod.",
    (
        "--config",
        "--loader",
    ): "replaces how the app is configured: remove it, and configure the app in its module.",
    ("-D", "--detach"): "ends the container at once: remove it. A worker must run in the foreground.",
}


def _pattern(flags: tuple[str, ...]) -> str:
    """Match an argument that gives one of the flags: -c, -c4, -Ec4, --concurrency, --concurrency=4.

    -E is the only harmless short flag without a value, so it is the only one that others can follow.
    """
    short = "".join(flag[1] for flag in flags if not flag.startswith("--"))
    long = "|".join(flag[2:] for flag in flags if flag.startswith("--"))
    choices = [f"-E*[{short}]"] * bool(short) + [f"--({long})($|[= ])"] * bool(long)
    return f"^({'|'.join(choices)})"


def _rule(flags: tuple[str, ...], advice: str) -> Rule:
    return Rule(f"!self.matches('{_pattern(flags)}')", f"{{self}} {advice}")


ARGUMENT_RULES = (
    *(_rule(flags, f"is set by a field: remove it, and set {field}.") for field, flags in OWNED.items()),
    *(_rule(flags, advice) for flags, advice in HARMFUL.items()),
)
