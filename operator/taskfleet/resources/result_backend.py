"""What a pod needs to reach the pool's result backend. worker-image/README.md describes it for the other side."""

from taskfleet.api import Object, ResultBackend, SecretKeyRef
from taskfleet.resources.address_parts import (
    from_secret,
    mounts_of,
    part_files,
    parts_settings,
    sentinel_settings,
    volume_of,
)
from taskfleet.resources.broker_names import REDIS_PORT
from taskfleet.resources.context import BrokerBinding

RESULTS_VOLUME = "taskfleet-results"
RESULTS_PATH = "/taskfleet-results"
RESULT_SENTINEL_PASSWORD = "TASKFLEET_RESULT_SENTINEL_PASSWORD"  # noqa: S105 - the name of the variable
_URL = "CELERY_RESULT_BACKEND"
_PASSWORD = "TASKFLEET_REDIS_PASSWORD"  # noqa: S105 - the name of the variable


def results_settings(backend: ResultBackend | None, broker: BrokerBinding) -> Object:
    """Entries of TASKFLEET_SETTINGS, only those that say something."""
    if backend is None:
        return {}
    settings: Object = {}
    if backend.broker is not None and broker.managed_host is None:
        settings["resultDatabase"] = backend.broker.database
    if backend.scheme is not None:
        settings["results"] = {**parts_settings(backend, RESULTS_PATH), "files": _paths(backend)}
    if backend.sentinel is not None:
        settings["resultSentinel"] = sentinel_settings(backend.sentinel)
    return settings


def results_environment(backend: ResultBackend | None, broker: BrokerBinding) -> list[Object]:
    """The variables: that of the URL, unless the pod makes it, and the Sentinels' password."""
    if backend is None:
        return []
    found = _url(backend, broker)
    sentinel = backend.sentinel
    if sentinel is not None and sentinel.password_secret_ref is not None:
        found.append(from_secret(RESULT_SENTINEL_PASSWORD, sentinel.password_secret_ref))
    return found


def _url(backend: ResultBackend, broker: BrokerBinding) -> list[Object]:
    if backend.url_secret_ref is not None:
        return [from_secret(_URL, backend.url_secret_ref)]
    if backend.broker is None or broker.managed_host is None or broker.url is None:
        return []  # the URL is in no object: the runtime makes it out of the parts, or out of the broker's
    # The kubelet puts the password in, so that no object holds it but its Secret.
    url = f"redis://:$({_PASSWORD})@{broker.managed_host}:{REDIS_PORT}/{backend.broker.database}"
    password = SecretKeyRef(name=broker.url.name, key="password")
    return [from_secret(_PASSWORD, password), {"name": _URL, "value": url}]


def results_volumes(backend: ResultBackend | None) -> list[Object]:
    """The parts that are in Secrets and ConfigMaps.

    Optional, so that a pod starts without them and says what is missing: the operator does not read them.
    """
    files = [] if backend is None else _files(backend)
    return [volume_of(RESULTS_VOLUME, files)] if files else []


def results_volume_mounts(backend: ResultBackend | None) -> list[Object]:
    return mounts_of(results_volumes(backend), {RESULTS_VOLUME: RESULTS_PATH})


def _files(backend: ResultBackend) -> list[Object]:
    return [
        {kind: {**holder, "optional": True}}
        for source in part_files(backend)
        for kind, holder in source.items()
    ]


def _paths(backend: ResultBackend) -> list[str]:
    return [
        item["path"] for source in part_files(backend) for one in source.values() for item in one["items"]
    ]
