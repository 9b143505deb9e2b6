"""Valid objects for the builders' tests; a test gives only what it is about."""

from typing import Any

from taskfleet.api import Broker, Object, WorkerPool
from taskfleet.resources.context import BrokerBinding, Installation
from taskfleet.resources.worker_deployment import worker_deployment

INSTALLATION = Installation(
    runtime_image="registry.test/taskfleet-worker:1",
    celery_image="registry.test/taskfleet-celery:1",
    redis_image="registry.test/redis:7",
    image_pull_policy="IfNotPresent",
    cluster_id="11111111-1111-1111-1111-111111111111",
    version="1.0.0",
)


def metadata(name: str, **changes: Any) -> Object:
    return {"name": name, "namespace": "shop", "uid": "22222222-2222-2222-2222-222222222222"} | changes


def worker_pool(meta: Object | None = None, **spec: Any) -> WorkerPool:
    """A pool by the fields of its spec, as a user writes them."""
    minimal = {"app": "proj", "image": "registry.test/app:1"}
    return WorkerPool.parse({"metadata": metadata("mail", **(meta or {})), "spec": minimal | spec})


def managed_broker(**redis: Any) -> Broker:
    spec = {"redis": redis} if redis else {}
    return Broker.parse({"metadata": metadata("default"), "spec": spec})


def external_broker(**shared: Any) -> Broker:
    reference = {"urlSecretRef": {"name": "company-redis", "key": "broker-url"}}
    return Broker.parse({"metadata": metadata("company"), "spec": {"external": reference} | shared})


def deployment(pool: WorkerPool, broker: Broker | None = None) -> Object:
    return worker_deployment(pool, BrokerBinding.of(broker or managed_broker()), INSTALLATION)


def pod_spec(pool: WorkerPool, broker: Broker | None = None) -> Any:
    return deployment(pool, broker)["spec"]["template"]["spec"]


def worker(pool: WorkerPool, broker: Broker | None = None) -> Any:
    """The worker container."""
    return pod_spec(pool, broker)["containers"][0]


def by_name(entries: list[Object]) -> dict[str, Object]:
    return {entry["name"]: entry for entry in entries}
