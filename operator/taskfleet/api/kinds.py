"""The list of kinds. Whatever works on every kind starts from it."""

from dataclasses import dataclass
from typing import TypeVar

from taskfleet.api.base import Model, Resource
from taskfleet.api.broker import Broker
from taskfleet.api.conditions import Status
from taskfleet.api.periodic_schedule import PeriodicSchedule
from taskfleet.api.task_queue import TaskQueue
from taskfleet.api.worker_pool import WorkerPool

P = TypeVar("P", bound=Model)


@dataclass(frozen=True)
class KindInfo:
    """A kind's names in the API, and its model. `changes_broker`: its Broker is reconciled when an object comes or goes."""

    kind: str
    plural: str
    short_names: tuple[str, ...]
    model: type[Resource]
    changes_broker: bool = False

    @property
    def spec(self) -> type[Model]:
        """The model of its spec."""
        return _part(self.model, "spec", Model)

    @property
    def status(self) -> type[Status]:
        """The model of its status."""
        return _part(self.model, "status", Status)

    @property
    def uses_broker(self) -> bool:
        """Whether its spec refers to a Broker, and so its state depends on one."""
        return "broker_ref" in self.spec.model_fields


def _part(model: type[Resource], name: str, of: type[P]) -> type[P]:
    part = model.model_fields[name].annotation
    assert isinstance(part, type)
    assert issubclass(part, of)
    return part


KINDS = (
    KindInfo("WorkerPool", "workerpools", ("wp",), WorkerPool),
    KindInfo("Broker", "brokers", ("brk",), Broker),
    KindInfo("TaskQueue", "taskqueues", ("tq",), TaskQueue),
    KindInfo("PeriodicSchedule", "periodicschedules", ("psched",), PeriodicSchedule, changes_broker=True),
)
