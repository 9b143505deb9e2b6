"""What Taskfleet changes in the configuration of the user's Celery app, and how.

Defaults are changed where Celery keeps them, before the app is imported: then everything that the app or a task
sets itself wins by Celery's own rules, however and whenever the app is configured (Django namespace, `loader=`,
tasks bound at import). Transport options are merged at the signal `celeryd_init`, which Celery sends to set up
the configuration of one worker: a replaced dict would drop the app's own options.
"""

from __future__ import annotations

import logging
from collections.abc import MutableMapping
from typing import Any, Callable

from taskfleet_worker.messages import room
from taskfleet_worker.settings import Settings

logger = logging.getLogger(__name__)

_CANCEL_ON_LOSS = "worker_cancel_long_running_tasks_on_connection_loss"
_STRATEGIES = {"Strict": "priority", "RoundRobin": "round_robin"}


def default_settings(settings: Settings, *, amqp: bool = False) -> dict[str, Any]:
    """Celery's settings (new names) whose default in this process differs from Celery's own."""
    changed: dict[str, Any] = {"worker_eta_task_limit": room.LIMIT}
    if amqp:
        # After a lost connection it would change the prefetch with each task that ends, and wait for an answer in the
        # middle of other frames: some workers wait for ever. What it saves from, messages ahead of a slot, are few here.
        changed["worker_enable_prefetch_count_reduction"] = False
    if settings.acknowledge != "App":
        late = settings.acknowledge == "Late"
        changed.update(task_acks_late=late, task_reject_on_worker_lost=late)
    return changed


def transport_options(
    app_options: dict[str, Any], settings: Settings, understood: Callable[[str], bool]
) -> tuple[dict[str, Any], list[str]]:
    """The app's transport options with Taskfleet's merged in, and a sentence for each disagreement.

    The operator decides what only workers see, and the visibility timeout, which all users of one database must
    share. What producers use too stays as the app has it: the worker would look for messages in another place.
    """
    ours: dict[str, Any] = {
        "socket_timeout": 10,  # without it a half-open connection blocks for ever
        "socket_keepalive": True,
        "health_check_interval": 10,
        "socket_connect_timeout": 5,
    }
    ours = {name: value for name, value in ours.items() if name not in app_options}
    ours["visibility_timeout"] = settings.visibility_timeout
    ours["queue_order_strategy"] = _STRATEGIES[settings.queue_order]
    notes = _overridden(app_options, ours)
    for name, (value, implied) in _shared_with_producers(settings).items():
        theirs = app_options.get(name)
        if theirs is not None and theirs != (implied if value is None else value):
            notes.append(
                f"The app sets {name} {theirs!r}, which overrides the Broker's {value!r}. The "
                "operator cannot count, requeue or list its messages until the Broker has the "
                "same value."
            )
        elif value is not None:
            ours[name] = value
    understood_ours = {name: value for name, value in ours.items() if understood(name)}
    return {**app_options, **understood_ours}, notes


def _overridden(app_options: dict[str, Any], ours: dict[str, Any]) -> list[str]:
    notes = []
    order = app_options.get("queue_order_strategy")
    if order is not None and order != ours["queue_order_strategy"]:
        notes.append(
            f"The app sets queue_order_strategy {order!r}. The WorkerPool's queueOrder overrides it."
        )
    timeout = app_options.get("visibility_timeout")
    if timeout is not None and timeout != ours["visibility_timeout"]:
        notes.append(
            f"The app sets visibility_timeout {timeout}. The Broker's "
            f"{ours['visibility_timeout']:g} overrides it."
        )
    return notes


def _shared_with_producers(settings: Settings) -> dict[str, tuple[Any, Any]]:
    """What names keys: the Broker's value, None where it says nothing, and kombu's own for that case."""
    steps = settings.priority_steps
    return {
        "global_keyprefix": (settings.global_key_prefix, ""),
        "priority_steps": (list(steps) if steps else None, [0, 3, 6, 9]),
        "sep": (settings.separator, "\x06\x16"),
    }


def configure_worker(
    conf: MutableMapping[str, Any], settings: Settings, understood: Callable[[str], bool]
) -> list[str]:
    """Merge into the app's loaded configuration; returns the notes, which are logged too."""
    options, notes = transport_options(dict(conf["broker_transport_options"] or {}), settings, understood)
    conf["broker_transport_options"] = options
    if conf[_CANCEL_ON_LOSS] and understood("visibility_timeout"):
        conf[_CANCEL_ON_LOSS] = False
        notes.append(
            f"The app sets {_CANCEL_ON_LOSS}. It is ignored, because no task runs twice after a "
            "lost connection."
        )
    for note in notes:
        logger.warning("taskfleet: %s", note)
    return notes
