"""A plugin for kombu's Redis tests: the channel of this runtime in place of kombu's."""

from taskfleet_worker.broker.redis_link import RedisLink
from taskfleet_worker.deliveries import Deliveries
from taskfleet_worker.messages.gate import Gate
from taskfleet_worker.messages.intake import Intake
from taskfleet_worker.native import monotonic
from taskfleet_worker.patches import redis_channel
from taskfleet_worker.pool.jobs import Jobs

deliveries = Deliveries()
redis_channel.install(
    RedisLink(
        deliveries,
        Gate(),
        Intake(deliveries, Jobs(monotonic)),
        held_key="taskfleet:test:held",
        wake_up_key="taskfleet:test:wake-up",
    )
)
