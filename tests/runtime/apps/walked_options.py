"""Prints, as JSON, the options of Celery's command line that a variable sets: with Celery's way to call it, and with ours."""

import json
import os
from collections.abc import Iterator
from typing import Any

import click
from celery.bin.celery import celery

from taskfleet_worker.patches.option_variables import switch_off


def levels() -> Iterator[tuple[str, Any, str]]:
    yield "celery", celery, "CELERY"
    for name in ("worker", "beat"):
        yield name, celery.commands[name], f"CELERY_{name.upper()}"


def variables(option: Any, prefix: str) -> list[str]:
    own = option.envvar
    return [*([own] if isinstance(own, str) else own or ()), f"{prefix}_{option.name.upper()}"]


NAMES = {
    (level, option.name): variables(option, prefix)
    for level, command, prefix in levels()
    for option in command.params
}


def seen(*, with_prefix: bool) -> list[str]:
    found = []
    for level, command, prefix in levels():
        context = click.Context(command, info_name=level, auto_envvar_prefix=prefix if with_prefix else None)
        for option in command.params:
            for name in NAMES[level, option.name]:
                os.environ[name] = "7"
                if option.resolve_envvar_value(context) is not None:
                    found.append(f"{level} {name}")
                del os.environ[name]
    return found


celerys = seen(with_prefix=True)
switch_off(celery)
print(json.dumps({"options": len(NAMES), "celerys": celerys, "ours": seen(with_prefix=False)}))
