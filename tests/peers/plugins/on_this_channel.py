"""A plugin for kombu's Redis tests: the channel of this runtime in place of kombu's."""

from taskfleet_worker import redis_channel
from taskfleet_worker.deliveries import Deliveries
from taskfleet_worker.gate import Gate
from taskfleet_worker.intake import Intake
from taskfleet_worker.jobs import Jobs
from taskfleet_worker.native import monotonic
from taskfleet_worker.redis_link import Link

deliveries = Deliveries()
redis_channel.install(Link(deliveries, Gate(), Intake(deliveries, Jobs(monotonic)), "taskfleet:test:held"))
