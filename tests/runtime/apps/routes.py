"""proj's tasks, reached by every kind of queue that kombu has on Redis."""

import importlib
import os

from kombu import Exchange, Queue
from kombu.common import Broadcast

# Beside it on the path of a worker, which does not know this package.
app = importlib.import_module("proj").app
topic, direct = Exchange("events", type="topic"), Exchange("pair", type="direct")
app.conf.task_queues = [
    Queue("celery"),
    Queue("mail", topic, routing_key="user.#"),
    Queue("audit", topic, routing_key="*.new"),
    Queue("left", direct, routing_key="both"),
    Queue("right", direct, routing_key="both"),
    Queue("quick", no_ack=True),
    Broadcast("everyone"),
]
app.conf.worker_direct = True
if os.environ.get("TEST_WITHOUT_ACK_EMULATION"):
    app.conf.broker_transport_options = {"ack_emulation": False}
