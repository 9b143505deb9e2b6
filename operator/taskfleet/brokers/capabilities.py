"""What a kind of broker can do in addition to queues."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Capabilities:
    """`strict_order`: several queues strictly one after the other; `lease_renewal`: a task may take as long as it likes;
    `taskfleet_state`: it keeps schedules, dead letters and the locks of beats; `result_databases`: results in another database.
    """

    name: str
    strict_order: bool
    lease_renewal: bool
    taskfleet_state: bool
    result_databases: bool


REDIS = Capabilities(
    "Redis", strict_order=True, lease_renewal=True, taskfleet_state=True, result_databases=True
)
RABBITMQ = Capabilities(
    "RabbitMQ", strict_order=False, lease_renewal=False, taskfleet_state=False, result_databases=False
)
