"""Names of a managed Broker's children, from the Broker's name."""

REDIS_PORT = 6379
DATA_VOLUME = "data"


def broker_name(broker: str) -> str:
    """The StatefulSet, its Service and its ConfigMap."""
    return f"{broker}-broker"


def broker_host(broker: str, namespace: str) -> str:
    """Host name of the Service, from every namespace and whatever the cluster's domain."""
    return f"{broker_name(broker)}.{namespace}.svc"


def auth_secret_name(broker: str) -> str:
    """The Secret that holds the password."""
    return f"{broker_name(broker)}-auth"


def connection_secret_name(broker: str) -> str:
    """The Secret that workers and producers connect with."""
    return f"{broker_name(broker)}-connection"


def data_claim_name(broker: str) -> str:
    """The claim of the volume that holds the data, as the StatefulSet names it."""
    return f"{DATA_VOLUME}-{broker_name(broker)}-0"
