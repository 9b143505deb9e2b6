"""What every controller gets: the cache to read, and the writers to act with."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from taskfleet.api import Key
from taskfleet.brokers.brokers import Brokers
from taskfleet.brokers.schedules.sync import ScheduleKeeper
from taskfleet.config import Settings
from taskfleet.controllers.broker_credentials import Followed
from taskfleet.controllers.children import Children
from taskfleet.controllers.claims import Claims
from taskfleet.controllers.nodes import Nodes
from taskfleet.kube.cache import Cache
from taskfleet.kube.events import EventRecorder
from taskfleet.kube.gateway import Gateway
from taskfleet.kube.status import StatusWriter
from taskfleet.resources.context import Installation
from taskfleet.scaling.loop import ScalingLoop
from taskfleet.scaling.writer import ReplicaWriter


@dataclass
class RollingUpgrade:
    """The pool that was let roll last."""

    pool: Key | None = None


@dataclass(frozen=True)
class Context:
    cache: Cache
    gateway: Gateway
    children: Children
    replicas: ReplicaWriter
    scaling: ScalingLoop
    status: StatusWriter
    events: EventRecorder
    brokers: Brokers
    schedules: ScheduleKeeper
    nodes: Nodes
    claims: Claims
    installation: Installation
    settings: Settings
    now: Callable[[], datetime]
    epoch: datetime  # when the clock of the brokers' readings stood at 0
    rolling_upgrade: RollingUpgrade = field(default_factory=RollingUpgrade)
    followed: dict[Key, Followed] = field(default_factory=dict)  # of external brokers
