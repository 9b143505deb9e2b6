"""Celery's own command line, for workers and beats alike: what has to be around it, and what it says when it fails."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, Callable

from taskfleet_worker.patches import app_settings, option_variables
from taskfleet_worker.report import MAX_NOTE
from taskfleet_worker.shutdown import termination_log

# The operator finds the note by these words (controllers/pool_variables.py).
IGNORED = "Environment variables of Celery options that are ignored; use the fields of the WorkerPool: "


def keep_brokers_apart(app: Sequence[str]) -> None:
    """The broker's variables hold for the pool's app only, here and in what it starts."""
    from celery.app.utils import Settings as CelerySettings

    for name in app:
        app_settings.install(CelerySettings, name)
        app_settings.announce(name)


def understood_option(app: Any) -> Callable[[str], bool]:
    """Whether the app's transport takes an option of that name. AMQP's passes unknown ones to its socket."""
    channel = getattr(app.connection_for_read().get_transport_cls(), "Channel", None)
    names = getattr(channel, "from_transport_options", ())
    return lambda name: name in names


def options_before(command: Any) -> dict[str, bool]:
    """The options of `celery` that its `command` does not have, and whether each takes a value."""
    from celery.bin.celery import celery

    theirs = {name for option in command.params for name in option.opts}
    return {
        name: not getattr(option, "is_flag", False)
        for option in celery.params
        for name in (*option.opts, *option.secondary_opts)
        if name not in theirs
    }


def ignored_variables(arguments: Sequence[str]) -> list[str]:
    """Sentences about variables that would set options of Celery's command line, which `run_celery` does not let them."""
    from celery.bin.celery import celery

    names = option_variables.ignored(celery, arguments, os.environ)
    return [(IGNORED + ", ".join(names) + ".")[:MAX_NOTE]] if names else []


def run_celery(arguments: list[str]) -> int:
    """Celery's main, except that errors of the command line come back to be reported, and no variable sets an option."""
    import click
    from celery.bin.celery import celery

    option_variables.switch_off(celery)
    try:
        code = celery.main(args=arguments, prog_name="celery", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        # Celery puts the whole traceback of a failed import into its message: the exception itself is the context.
        cause = error.__context__
        text = termination_log.describe(cause) if cause is not None else error.format_message()
        termination_log.write(text, os.environ)
        return error.exit_code
    except click.Abort:
        return 1
    return code or 0
