"""redis.conf of a managed Broker. The password is not in it but in a file of its own, from the Secret."""

from taskfleet.api import Broker, Object, Redis, parse_quantity
from taskfleet.resources.broker_names import REDIS_PORT, broker_name
from taskfleet.resources.metadata import child_metadata

COMPONENT = "broker"
CONFIG_FILE = "redis.conf"
CONFIG_PATH = "/etc/redis"
PASSWORD_FILE = "password.conf"  # noqa: S105 - the name of a file
DATA_PATH = "/data"


def broker_config_map(broker: Broker) -> Object:
    metadata = child_metadata(broker, name=broker_name(broker.name), component=COMPONENT)
    data = {CONFIG_FILE: redis_conf(broker.spec.effective_redis)}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def redis_conf(redis: Redis) -> str:
    """A queue that keeps what it has accepted: every write in a file, and no key dropped for lack of memory."""
    return f"""\
include {CONFIG_PATH}/{PASSWORD_FILE}
port {REDIS_PORT}
dir {DATA_PATH}
appendonly yes
# The append-only file is the record; snapshots beside it would fork for nothing.
save ""
maxmemory {max_memory(redis)}
maxmemory-policy noeviction
# About six connections a worker process.
maxclients 10000
"""


def max_memory(redis: Redis) -> int:
    """Bytes. At most three quarters of the memory limit: Redis refuses a write before the kernel kills it."""
    wanted = parse_quantity(redis.max_memory)
    limit = redis.resources.limits.get("memory")
    return int(wanted if limit is None else min(wanted, parse_quantity(limit) * 3 / 4))
