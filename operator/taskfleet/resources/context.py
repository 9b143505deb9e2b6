"""What builders need in addition to the object's own spec."""

from dataclasses import dataclass
from typing import Self

from taskfleet.api import Broker, BrokerSpec, Object, SecretKeyRef
from taskfleet.resources.broker_names import broker_host, connection_secret_name


@dataclass(frozen=True)
class Installation:
    """This operator as it was installed."""

    runtime_image: str  # of the init container that brings the worker runtime
    celery_image: str  # of the beat that sends a broker's schedules
    redis_image: str  # of managed Brokers that name none
    image_pull_policy: str  # of the images above
    cluster_id: str  # uid of kube-system, in a namespaced installation of the operator's namespace
    version: str  # of the operator and of the runtime that it brings
    namespace: str = ""  # where the operator's own pod runs; empty outside of a cluster
    image_pull_secrets: tuple[str, ...] = ()  # names, in each namespace, for the images above

    @property
    def pull_secrets(self) -> Object:
        """The field of a pod that names them; none where there are none, so that no pod changes."""
        names = [{"name": name} for name in self.image_pull_secrets]
        return {"imagePullSecrets": names} if names else {}


@dataclass(frozen=True)
class BrokerBinding:
    """A Broker as worker pods see it: where its URL is, and what all users of it share."""

    name: str
    url: SecretKeyRef | None  # None: a broker by parts, whose URL is in no object
    spec: BrokerSpec
    managed_host: str | None  # host of the managed Redis; None for an external Broker
    credentials: str | None = None  # external: says when its Secrets last changed

    @classmethod
    def of(cls, broker: Broker) -> Self:
        """The binding of a Broker; its Secret may not exist yet."""
        external = broker.spec.external
        if external is not None:
            known = broker.status.credentials
            version = known.version if known is not None else None
            return cls(broker.name, external.url_secret_ref, broker.spec, None, credentials=version)
        url = SecretKeyRef(name=connection_secret_name(broker.name), key="url")
        return cls(broker.name, url, broker.spec, broker_host(broker.name, broker.namespace))
