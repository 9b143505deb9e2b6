"""A pod's main program. A worker: settings, probes, patches, then Celery's own command line."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Sequence
from typing import Any
from uuid import uuid4

from taskfleet_worker import native, probes
from taskfleet_worker.address_parts import RESULT_VARIABLE, Parts, name_broker, name_result_backend
from taskfleet_worker.context import WorkerContext
from taskfleet_worker.health import Health
from taskfleet_worker.keys import keys
from taskfleet_worker.patches import defaults, reload, renewed_login, shutdown_signal
from taskfleet_worker.pool import own_groups
from taskfleet_worker.runtime import Runtime
from taskfleet_worker.settings import Settings, SettingsError, read_settings
from taskfleet_worker.shutdown import stopping, termination_log
from taskfleet_worker.start import ancestors
from taskfleet_worker.start.app_pool import app_pool, notes_on
from taskfleet_worker.start.arguments import celery_arguments
from taskfleet_worker.start.celery_main import (
    ignored_variables,
    keep_brokers_apart,
    options_before,
    run_celery,
    understood_option,
)
from taskfleet_worker.start.configuration import configure_worker, default_settings
from taskfleet_worker.start.connection import (
    BROKER_VARIABLE,
    configure_connection,
    drop_understood_parameters,
    is_amqp,
    name_results,
    refuse_several_addresses,
)
from taskfleet_worker.start.overridden import overridden
from taskfleet_worker.start.setup import call_setup
from taskfleet_worker.transports.choose import transport_of


def main(arguments: Sequence[str]) -> int:
    """Run a worker or a beat; the exit code. An error of the start is in the log in full, in the termination log in short."""
    try:
        return _program(arguments)
    except SettingsError as error:
        termination_log.write(str(error), os.environ)
        print(f"taskfleet: {error}", file=sys.stderr)  # noqa: T201 - logging is not set up
        return 2
    except Exception as error:
        termination_log.write(termination_log.describe(error), os.environ)
        raise


def _program(arguments: Sequence[str]) -> int:
    parts, results = name_broker(os.environ), name_result_backend(os.environ)
    drop_understood_parameters(os.environ)
    if arguments[:1] != ["beat"]:
        settings = read_settings(os.environ)
        refuse_several_addresses(os.environ)
        health = Health(settings.pool_type or "prefork", settings.capacity or 1, native.monotonic)
        probes.start(health, os.environ)
        return run_worker(arguments, settings, health, parts, results)
    renew_logins(parts, results)
    if arguments[1:]:
        from taskfleet_worker.beat.app_beat import main as run_app_beat

        return run_app_beat(arguments[1:])
    from taskfleet_worker.beat.broker_beat import run_beat

    return run_beat(os.environ)


def renew_logins(parts: Parts | None, results: Parts | None) -> None:
    """Of a broker and of a result backend by parts."""
    if parts is not None:
        renewed_login.install(parts, os.environ[BROKER_VARIABLE])
    if results is not None:
        renewed_login.install_on_results(results, os.environ[RESULT_VARIABLE])


def run_worker(
    arguments: Sequence[str],
    settings: Settings,
    health: Health,
    parts: Parts | None = None,
    results: Parts | None = None,
) -> int:
    """Patch as Celery does for this pool, change what must be before the app is imported, start."""
    from celery import maybe_patch_concurrency

    maybe_patch_concurrency([*arguments])
    name_results(os.environ, settings)
    keep_brokers_apart(arguments[2:3])
    from celery.bin.worker import worker as worker_command

    understood = {name for option in worker_command.params for name in option.opts}
    amqp = is_amqp(os.environ.get(BROKER_VARIABLE, ""))
    started_with = [*sys.argv]
    defaults.change(default_settings(settings, amqp=amqp))
    renew_logins(parts, results)
    start = keys(settings, os.environ["POD_NAME"], uuid4().hex[:12])
    context = WorkerContext(settings, health, start, native.monotonic)
    runtime = Runtime(context, transport_of(context, amqp=amqp))
    connect_signals(runtime)
    runtime.reporter.notes += look_at_launcher()
    sys.argv = ["celery", *arguments[1:3], "worker", *arguments[3:]]
    call_setup(settings.setup)
    if settings.pool_type is None and (pool := app_pool(arguments[2])) is not None:
        context.use_pool(pool)
        runtime.reporter.notes += notes_on(pool, arguments)
    # Only now: Celery's commands import what takes functions of `celery.worker.state` that the runtime has to wrap first.
    before = options_before(worker_command)
    words = celery_arguments(arguments, context.settings, understood, amqp=amqp, before=before)
    sys.argv = ["celery", *words]
    runtime.reporter.notes += ignored_variables(sys.argv[1:])
    reload.install(started_with)
    try:
        return run_celery(sys.argv[1:])
    finally:
        runtime.end.ended()
        stopping.ignore_signals()


def look_at_launcher() -> list[str]:
    """Sentences about processes that run around this one."""
    names = ancestors.ancestors()
    if ancestors.signals_all(names):
        own_groups.install()
    note = ancestors.unreached(names)
    if note is not None:
        native.complain(f"taskfleet: {note}")
    return [note] if note is not None else []


def connect_signals(runtime: Runtime) -> None:
    """What Celery announces of a worker's life."""
    from celery import signals
    from celery.worker import state

    runtime.attach(state)

    settings, health, notes = runtime.context.settings, runtime.context.health, runtime.reporter.notes

    def on_init(instance: Any, conf: Any, options: Any = None, **_: Any) -> None:
        notes.extend(overridden(conf, settings, options or {}, os.environ))
        notes.extend(configure_connection(conf, settings, os.environ))
        notes.extend(configure_worker(conf, settings, understood_option(instance.app)))
        addresses = broker_addresses(instance.app)
        health.broker_reachable = lambda: native.reachable(addresses)
        runtime.configured()

    def on_setup(**_: Any) -> None:
        logging.getLogger("celery.worker").addHandler(termination_log.CriticalToTerminationLog(os.environ))

    signals.celeryd_init.connect(on_init, weak=False)
    signals.celeryd_after_setup.connect(on_setup, weak=False)
    signals.worker_ready.connect(lambda sender, **_: runtime.consumer_ready(sender), weak=False)
    shutdown_signal.install()
    signals.worker_shutting_down.connect(lambda **_: runtime.end.begin(), weak=False)
    signals.worker_shutdown.connect(lambda **_: runtime.end.finish(), weak=False)


def broker_addresses(app: Any) -> list[tuple[str, int]]:
    """Host and port of every broker that the app may read from; none for brokers without (SQS, a file)."""
    connection = app.connection_for_read()
    addresses = []
    for broker in [connection.clone(hostname=url) for url in connection.alt] or [connection]:
        port = broker.port or broker.get_transport_cls().default_port
        if broker.hostname and port:
            addresses.append((broker.hostname, port))
    return addresses
