"""The broker's beat: Celery's beat service with a scheduler that keeps its schedules and their state in Redis.

docs/explanation/design/schedules.md is the contract with the operator.
"""

from __future__ import annotations

import gc
import logging
import os
import signal
from collections.abc import Mapping
from functools import partial
from time import time
from typing import Any

import celery
import celery.beat
import redis
from celery import signals

from taskfleet_worker import native, probes
from taskfleet_worker.beat.health import BeatHealth
from taskfleet_worker.beat.loop import ScheduleLoop
from taskfleet_worker.beat.message import MessageBuilder, capturing_channel
from taskfleet_worker.beat.settings import BeatSettings, read_beat_settings
from taskfleet_worker.beat.store import RedisStore
from taskfleet_worker.shutdown import hang_up
from taskfleet_worker.start.connection import configure_connection

logger = logging.getLogger(__name__)

FIRST_RETRY, LAST_RETRY = 0.2, 5.0


def run_beat(environment: Mapping[str, str]) -> int:
    """Run until TERM, which ends the process at once: every step is done in Redis as a whole or not at all."""
    hang_up.refuse()
    settings = read_beat_settings(environment)
    health = BeatHealth(native.monotonic)
    probes.start(health, environment)
    app = celery.Celery("taskfleet-schedules", broker=settings.url)
    app.conf.update(broker_transport_options=settings.transport_options, task_serializer="json")
    configure_connection(app.conf, settings, environment)
    # Celery's service has set a handler of its own by then.
    signals.beat_init.connect(lambda **_: _end_at_once(), weak=False)
    scheduler = partial(Scheduler, settings=settings, health=health)
    app.Beat(scheduler=scheduler, loglevel=settings.log_level, quiet=True, socket_timeout=0).run()
    return 0


def _end_at_once() -> None:
    signal.signal(signal.SIGTERM, lambda _signum, _frame: os._exit(0))


class Scheduler(celery.beat.Scheduler):  # type: ignore[misc] # Celery has no types
    """Celery's service calls `tick`; Celery's own schedule is not used."""

    def __init__(self, app: Any, *, settings: BeatSettings, health: BeatHealth, **options: Any) -> None:
        self._settings = settings
        self._health = health
        self._loop: ScheduleLoop | None = None
        self._retry = 0.0
        self._frozen = False
        super().__init__(app, **options)

    def setup_schedule(self) -> None:
        """Nothing: entries are read in the first tick, and again whenever the broker was away."""

    def should_sync(self) -> bool:
        """Never: what is to be kept is written with each run."""
        return False

    def close(self) -> None:
        """Nothing is open that the end of the process does not close."""

    def tick(self, *_: Any, **__: Any) -> float:
        """One turn of the loop; the seconds until the next."""
        self._health.turned()
        try:
            if self._loop is None:
                self._loop = self._connect()
            rest = self._loop.turn()
        except Exception as error:
            return self._failed(error)
        if self._retry:
            logger.warning("taskfleet: the broker is reachable again")
        self._retry = 0.0
        if self._loop.ready:
            if not self._frozen:
                # Ten thousand schedules are no garbage: looking through them stops the loop for 0.1 s.
                gc.freeze()
                self._frozen = True
            self._health.worked()
        return rest

    def _connect(self) -> ScheduleLoop:
        channel = capturing_channel(self.app)
        store = RedisStore(redis.Redis(connection_pool=channel.pool), self._settings.keys)
        build = MessageBuilder(self.app, channel).build
        return ScheduleLoop(store, build=build, clock=time, pod=self._settings.pod)

    def _failed(self, error: Exception) -> float:
        """Told once in short; what is no matter of the connection with its traceback."""
        if self._loop is not None:
            self._loop.forget()
        if not isinstance(
            error, (OSError, redis.RedisError, *self.app.connection_for_write().connection_errors)
        ):
            logger.error("taskfleet: beat failed, retrying", exc_info=error)
        elif not self._retry:
            logger.warning(
                "taskfleet: a request to the broker failed with %s, retrying", type(error).__name__
            )
        self._retry = min(LAST_RETRY, 2 * self._retry or FIRST_RETRY)
        return self._retry
