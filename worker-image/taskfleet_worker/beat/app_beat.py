"""The app's own beat: Celery's, behind a lock, because Kubernetes alone can have two of them alive for a while."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Sequence
from threading import Thread
from typing import Any, Callable
from uuid import uuid4

from taskfleet_worker import native, probes
from taskfleet_worker.beat.app_lock import EXPIRES, AppLock
from taskfleet_worker.patches import defaults, persistent_scheduler
from taskfleet_worker.settings import Settings, SettingsError, read_settings
from taskfleet_worker.shutdown import hang_up
from taskfleet_worker.start.celery_main import (
    ignored_variables,
    keep_brokers_apart,
    run_celery,
    understood_option,
)
from taskfleet_worker.start.configuration import configure_worker
from taskfleet_worker.start.connection import configure_connection, name_results, refuse_several_addresses
from taskfleet_worker.start.setup import call_setup

logger = logging.getLogger(__name__)

_ASK_EVERY = 1.0
_RENEW_EVERY = 3.0
# Without an answer for so long the lock may soon be another's: EXPIRES less what a call can take.
_PATIENCE = 10.0
LOCK_LOST = 75


class AppBeatHealth:
    """Written by this module, read by the probes."""

    def __init__(self) -> None:
        self.standing = "beat is starting"
        self.ready = False

    def readiness(self) -> tuple[bool, str]:
        """Ready once Celery's beat has loaded its schedule."""
        return self.ready, "ready" if self.ready else self.standing

    def liveness(self) -> tuple[bool, str]:
        """What can hang ends the process instead."""
        return True, "running"


def main(arguments: Sequence[str]) -> int:
    """Run `celery -A <app> beat <flags>` for `-A <app> <flags>`; the exit code."""
    if len(arguments) < 2 or arguments[0] != "-A":
        raise SettingsError(
            "The arguments are not valid. Usage: run.py beat -A <app> <flags of celery beat>."
        )
    hang_up.refuse()
    settings = read_settings(os.environ)
    refuse_several_addresses(os.environ)
    health = AppBeatHealth()
    probes.start(health, os.environ)
    name_results(os.environ, settings)
    keep_brokers_apart(arguments[1:2])
    # When each task was last sent is kept at once, so that a beat that is killed sends none of them again.
    defaults.change({"beat_sync_every": 1})
    persistent_scheduler.install()
    call_setup(settings.setup)
    app = _configured(arguments[1], settings)
    lock = _lock_of(app, arguments[1], settings)
    if lock is not None:
        _wait_for(lock, health)
        Thread(target=_hold, args=(lock,), daemon=True).start()
    try:
        return _run(arguments, health)
    finally:
        if lock is not None:
            lock.release()


def _configured(name: str, settings: Settings) -> Any:
    """The app, imported and configured as in a worker. Celery's command line finds the same object again."""
    from celery.app.utils import find_app

    app = find_app(name)
    configure_connection(app.conf, settings, os.environ)
    configure_worker(app.conf, settings, understood_option(app))
    return app


def _lock_of(app: Any, name: str, settings: Settings) -> AppLock | None:
    """The lock on the broker; None where the broker is no Redis."""
    pool = getattr(app.connection_for_write().default_channel, "pool", None)
    if pool is None:
        logger.warning(
            "taskfleet: this broker does not support the beat lock: two beats at once send every task twice"
        )
        return None
    prefix = settings.global_key_prefix or ""
    key = f"{prefix}taskfleet:{settings.cluster_id}:{settings.namespace}:appbeat:{name}"
    return AppLock.on(pool, key, f"{os.environ['POD_NAME']}/{uuid4().hex}")


def _wait_for(lock: AppLock, health: AppBeatHealth) -> None:
    import redis

    while True:
        try:
            holder = lock.take()
            if holder is None:
                return
            health.standing = f"another beat of this app is running: {holder.split('/')[0]}"
        except redis.RedisError as error:
            health.standing = f"the broker does not answer ({type(error).__name__})"
        time.sleep(_ASK_EVERY)


def _hold(lock: AppLock, clock: Callable[[], float] = native.monotonic) -> None:
    """Renew until the lock is lost, which ends the process: another beat may send from then on."""
    import redis

    renewed = clock()
    Thread(target=_end_without_renewal, args=(lambda: clock() - renewed,), daemon=True).start()
    while True:
        time.sleep(_RENEW_EVERY)
        asked = clock()
        try:
            if not lock.renew():
                _end("another beat holds the lock")
            renewed = asked
        except redis.RedisError as error:
            logger.warning("taskfleet: cannot renew the lock (%s), retrying", type(error).__name__)


def _end_without_renewal(age: Callable[[], float]) -> None:
    """In a thread of its own: a call that hangs cannot tell the time."""
    while age() < _PATIENCE:
        time.sleep(0.5)
    _end(f"the lock was not renewed for {_PATIENCE:.0f} s and expires after {EXPIRES:.0f} s")


def _end(why: str) -> None:
    native.complain(f"taskfleet: {why}; this beat exits")
    os._exit(LOCK_LOST)


def _run(arguments: Sequence[str], health: AppBeatHealth) -> int:
    from celery import signals

    def begun(**_: Any) -> None:
        health.ready = True

    signals.beat_init.connect(begun, weak=False)
    words = ["-A", arguments[1], "beat", *arguments[2:]]
    for sentence in ignored_variables(words):
        logger.warning("taskfleet: %s", sentence)
    return run_celery(words)
