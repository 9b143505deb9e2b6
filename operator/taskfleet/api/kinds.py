"""The list of kinds. Whatever works on every kind starts from it."""

from dataclasses import dataclass

from taskfleet.api.base import Resource
from taskfleet.api.broker import Broker
from taskfleet.api.periodic_schedule import PeriodicSchedule
from taskfleet.api.task_queue import TaskQueue
from taskfleet.api.worker_pool import WorkerPool


@dataclass(frozen=True)
class KindInfo:
    """A kind's names in the API, and its model."""

    kind: str
    plural: str
    short_names: tuple[str, ...]
    model: type[Resource]


KINDS = (
    KindInfo("WorkerPool", "workerpools", ("wp",), WorkerPool),
    KindInfo("Broker", "brokers", ("brk",), Broker),
    KindInfo("TaskQueue", "taskqueues", ("tq",), TaskQueue),
    KindInfo("PeriodicSchedule", "periodicschedules", ("psched",), PeriodicSchedule),
)
