"""A pod's main program. A worker: settings, probes, patches, then Celery's own command line."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Sequence
from typing import Any, Callable
from uuid import uuid4

from taskfleet_worker import native, probes, termination
from taskfleet_worker.arguments import celery_arguments
from taskfleet_worker.configuration import change_defaults, configure_worker, default_settings
from taskfleet_worker.connection import BROKER_VARIABLE, configure_connection, is_amqp, name_results
from taskfleet_worker.health import Health
from taskfleet_worker.keys import keys
from taskfleet_worker.runtime import Runtime
from taskfleet_worker.settings import Settings, SettingsError, read_settings


def main(arguments: Sequence[str]) -> int:
    """Run a worker or a beat; the exit code. An error of the start is in the log in full, in the termination log in short."""
    try:
        return _program(arguments)
    except SettingsError as error:
        termination.write(str(error), os.environ)
        print(f"taskfleet: {error}", file=sys.stderr)  # noqa: T201 - logging is not set up
        return 2
    except Exception as error:
        termination.write(termination.describe(error), os.environ)
        raise


def _program(arguments: Sequence[str]) -> int:
    if arguments[:1] != ["beat"]:
        settings = read_settings(os.environ)
        health = Health(settings.pool_type, settings.capacity, native.monotonic)
        probes.start(health, os.environ)
        return run_worker(arguments, settings, health)
    if arguments[1:]:
        from taskfleet_worker.app_beat import main as run_app_beat

        return run_app_beat(arguments[1:])
    from taskfleet_worker.beat import run_beat

    return run_beat(os.environ)


def run_worker(arguments: Sequence[str], settings: Settings, health: Health) -> int:
    """Patch as Celery does for this pool, change what must be before the app is imported, start."""
    from celery import maybe_patch_concurrency

    maybe_patch_concurrency([*arguments])
    name_results(os.environ, settings)
    from celery.bin.worker import worker as worker_command

    understood = {name for option in worker_command.params for name in option.opts}
    amqp = is_amqp(os.environ.get(BROKER_VARIABLE, ""))
    sys.argv = ["celery", *celery_arguments(arguments, settings, understood, amqp=amqp)]
    change_defaults(default_settings(settings, amqp=amqp))
    start = keys(settings, os.environ["POD_NAME"], uuid4().hex[:12])
    runtime = Runtime(settings, health, start, native.monotonic, amqp=amqp)
    connect_signals(runtime)
    return run_celery(sys.argv[1:])


def connect_signals(runtime: Runtime) -> None:
    """What Celery announces of a worker's life."""
    from celery import signals
    from celery.worker import state

    runtime.attach(state)

    def on_init(instance: Any, conf: Any, **_: Any) -> None:
        runtime.notes += configure_connection(conf, runtime.settings, os.environ)
        runtime.notes += configure_worker(conf, runtime.settings, understood_option(instance.app))
        addresses = broker_addresses(instance.app)
        runtime.health.broker_reachable = lambda: native.reachable(addresses)

    def on_setup(**_: Any) -> None:
        logging.getLogger("celery.worker").addHandler(termination.CriticalToTerminationLog(os.environ))

    signals.celeryd_init.connect(on_init, weak=False)
    signals.celeryd_after_setup.connect(on_setup, weak=False)
    signals.worker_ready.connect(lambda sender, **_: runtime.consumer_ready(sender), weak=False)
    signals.worker_shutting_down.connect(lambda **_: runtime.shutting_down(), weak=False)
    signals.worker_shutdown.connect(lambda **_: runtime.shut_down(), weak=False)


def understood_option(app: Any) -> Callable[[str], bool]:
    """Whether the app's transport takes an option of that name. AMQP's passes unknown ones to its socket."""
    channel = getattr(app.connection_for_read().get_transport_cls(), "Channel", None)
    names = getattr(channel, "from_transport_options", ())
    return lambda name: name in names


def broker_addresses(app: Any) -> list[tuple[str, int]]:
    """Host and port of every broker that the app may read from; none for brokers without (SQS, a file)."""
    connection = app.connection_for_read()
    addresses = []
    for broker in [connection.clone(hostname=url) for url in connection.alt] or [connection]:
        port = broker.port or broker.get_transport_cls().default_port
        if broker.hostname and port:
            addresses.append((broker.hostname, port))
    return addresses


def run_celery(arguments: list[str]) -> int:
    """Celery's main, except that errors of the command line come back to be reported."""
    import click
    from celery.bin.celery import celery

    try:
        code = celery.main(
            args=arguments, prog_name="celery", auto_envvar_prefix="CELERY", standalone_mode=False
        )
    except click.ClickException as error:
        error.show()
        # Celery puts the whole traceback of a failed import into its message: the exception itself is the context.
        cause = error.__context__
        text = termination.describe(cause) if cause is not None else error.format_message()
        termination.write(text, os.environ)
        return error.exit_code
    except click.Abort:
        return 1
    return code or 0
