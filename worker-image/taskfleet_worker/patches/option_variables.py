"""Options of Celery's command line that a variable of the environment would set, past the fields of the WorkerPool.

Every option has such a variable (`auto_envvar_prefix="CELERY"` in celery/bin/celery.py): CELERY_WORKER_PURGE=1 would
empty the queues. Some have a second one of a common name (`envvar="BROKER_URL"`, `"RESULT_BACKEND"`, `"APP"`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_PREFIX = "CELERY"
# Celery reads these itself as well, so they hold without the option: celery/app/base.py, celery/app/utils.py,
# celery/fixups/django.py. Colors are no matter of a log without a terminal.
_ALSO_READ = frozenset({"CELERY_RESULT_BACKEND", "CELERY_LOADER", "CELERY_SKIP_CHECKS"})
_WITHOUT_EFFECT = frozenset({"no_color"})


def ignored(group: Any, arguments: Sequence[str], environment: Mapping[str, str]) -> list[str]:
    """The variables that would set an option if click were let, in order; to be asked before `switch_off`.

    `arguments`: Celery's, `["-A", "proj", "worker", ...]`; what they name, no variable changes.
    """
    name = arguments[2]
    levels = ((group, _PREFIX), (group.commands[name], f"{_PREFIX}_{name.upper()}"))
    found = {
        variable
        for command, prefix in levels
        for option in command.params
        if option.name not in _WITHOUT_EFFECT and not _is_given(option, arguments)
        for variable in _variables(option, prefix)
        if environment.get(variable) and variable not in _ALSO_READ
    }
    return sorted(found)


def switch_off(command: Any) -> None:
    """From now on no variable sets an option of the command or of its subcommands, which is called without a prefix."""
    for option in command.params:
        option.envvar = None
    for subcommand in getattr(command, "commands", {}).values():
        switch_off(subcommand)


def _variables(option: Any, prefix: str) -> Iterator[str]:
    own = option.envvar
    yield from [own] if isinstance(own, str) else own or ()
    yield f"{prefix}_{option.name.upper()}"


def _is_given(option: Any, arguments: Sequence[str]) -> bool:
    return any(word == name or word.startswith(f"{name}=") for name in option.opts for word in arguments)
