"""The operator's arguments, which know nothing of versions, turned into those of the installed Celery."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from taskfleet_worker.settings import Settings, SettingsError

# Slots are filled from what waits in the worker; at 1, gevent and eventlet wait for a fetch after each task.
_MULTIPLIER = {"prefork": 1, "threads": 1, "gevent": 2, "eventlet": 2, "solo": 1}


def celery_arguments(
    arguments: Sequence[str],
    settings: Settings,
    understood: Collection[str],
    *,
    amqp: bool = False,
    before: Mapping[str, bool] | None = None,
) -> list[str]:
    """`worker -A proj --pool=... ...` as `-A proj worker ...`, with the prefetch that suits pool and version.

    `understood` are the options that the installed `celery worker` has; `amqp`: the broker's kind; `before`: options
    of `celery` itself, which come before the word `worker`, and whether each takes a value.
    """
    if len(arguments) < 3 or arguments[0] != "worker" or arguments[1] != "-A":
        raise SettingsError(
            "The arguments are not valid. Usage: run.py worker -A <app> <flags of celery worker>."
        )
    general, flags = _parted([_pool_flag(flag) for flag in arguments[3:]], before or {})
    prefetch = prefetch_flags(settings, understood, amqp=amqp)
    return ["-A", arguments[2], *general, "worker", *prefetch, *flags]


def _parted(flags: Sequence[str], before: Mapping[str, bool]) -> tuple[list[str], list[str]]:
    """The options of `celery` itself, and those of the worker."""
    general: list[str] = []
    own: list[str] = []
    rest = list(flags)
    while rest:
        flag = rest.pop(0)
        name, has_value, _ = flag.partition("=")
        part = general if name in before else own
        part.append(flag)
        if before.get(name) and not has_value and rest:
            part.append(rest.pop(0))
    return general, own


def _pool_flag(flag: str) -> str:
    # `--pool=prefork` is Celery's own default, so there a `worker_pool` set by the app would win; this alias is not.
    return "--pool=processes" if flag == "--pool=prefork" else flag


def prefetch_flags(settings: Settings, understood: Collection[str], *, amqp: bool = False) -> list[str]:
    """As few messages in the worker as its pool can live with: what waits in the broker any pod can take."""
    if settings.prefetch_multiplier is not None:
        return [f"--prefetch-multiplier={settings.prefetch_multiplier}"]
    pool = settings.pool_type or "prefork"
    flags = [f"--prefetch-multiplier={_MULTIPLIER[pool]}"]
    # On AMQP Celery has no such thing, and says so in a warning at each start.
    if pool == "prefork" and "--disable-prefetch" in understood and not amqp:
        flags.append("--disable-prefetch")
    return flags
