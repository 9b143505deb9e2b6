"""Settings of the app's that do not hold in this worker, named for the report. None is replaced without a word.

What the WorkerPool says reaches Celery as options of its command line, which win over the app's configuration
(celery/worker/worker.py, `setup_defaults`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from taskfleet_worker.address_parts import BROKER_VARIABLES, RESULT_VARIABLE
from taskfleet_worker.report import MAX_NOTE
from taskfleet_worker.settings import Settings

_BY_OPTION = {
    "concurrency": "worker_concurrency",
    "prefetch_multiplier": "worker_prefetch_multiplier",
    "time_limit": "task_time_limit",
    "soft_time_limit": "task_soft_time_limit",
    "max_tasks_per_child": "worker_max_tasks_per_child",
    "max_memory_per_child": "worker_max_memory_per_child",
}
_BY_VARIABLE = {
    **dict(zip(BROKER_VARIABLES, ("broker_url", "broker_read_url", "broker_write_url"))),
    RESULT_VARIABLE: "result_backend",
}
_POOLS = {"processes": "prefork"}  # another name of Celery's
_LEAD = "Settings of the app that are overridden: "


def overridden(
    conf: Any, settings: Settings, options: Mapping[str, Any], environment: Mapping[str, str]
) -> list[str]:
    """Sentences, to be asked for before anything is merged into `conf`. `options`: of the command line."""
    found = [*_options(conf, settings, options), *_urls(conf, environment)]
    return [*_sentences(found), *_acknowledgement(conf, settings)]


def _options(conf: Any, settings: Settings, options: Mapping[str, Any]) -> list[str]:
    held = {setting: options.get(option) for option, setting in _BY_OPTION.items()}
    if options.get("autoscale"):
        held["worker_concurrency"] = f"autoscale {options['autoscale']}"
    held["worker_pool"] = settings.pool_type
    theirs = {name: conf.get(name) for name in held if is_set(conf, name)}
    return [
        f"{name} {theirs[name]!r} ({value} here)"
        for name, value in held.items()
        if value is not None and name in theirs and not _same(theirs[name], value)
    ]


def _urls(conf: Any, environment: Mapping[str, str]) -> list[str]:
    """Without their values, which have passwords."""
    return [
        f"{name} (by the {'Broker' if name.startswith('broker') else 'WorkerPool'})"
        for variable, name in _BY_VARIABLE.items()
        # Its properties answer with the variable.
        if environment.get(variable) and is_set(conf, name) and conf[name] != environment[variable]
    ]


def _acknowledgement(conf: Any, settings: Settings) -> list[str]:
    """The one that goes the other way round: it is a default, so the app's setting holds."""
    if settings.acknowledge == "App" or not is_set(conf, "task_acks_late"):
        return []
    late = settings.acknowledge == "Late"
    if bool(conf["task_acks_late"]) == late:
        return []
    return [
        (
            f"The app sets task_acks_late {conf['task_acks_late']!r}, which overrides the "
            f"WorkerPool's acknowledge {settings.acknowledge}."
        )
    ]


def is_set(conf: Any, name: str) -> bool:
    """Whether the app names it, by its new name or its old one, whatever the value."""
    conf.get(name)  # it is read when it is first asked for
    keys = [*conf._to_keys(name), *(rename(name) for rename in conf._keys or ())]
    return any(key in names for names in conf.maps[:-1] for key in keys)


def _same(theirs: Any, ours: Any) -> bool:
    return _POOLS.get(theirs, theirs) == ours or str(theirs) == str(ours)


def _sentences(found: Iterable[str]) -> list[str]:
    """As few as there is room for in notes."""
    sentences: list[str] = []
    for item in found:
        if sentences and len(sentences[-1]) + len(item) + 3 <= MAX_NOTE:
            sentences[-1] += f", {item}"
        else:
            sentences.append(_LEAD + item)
    return [f"{sentence}."[:MAX_NOTE] for sentence in sentences]
