"""What a pod needs to reach its broker: its URL, or the parts of it, certificate files, the Sentinels' password.

worker-image/README.md describes the settings for the other side.
"""

from taskfleet.api import GROUP, External, Object
from taskfleet.resources.address_parts import (
    from_secret,
    mounts_of,
    part_files,
    parts_settings,
    secret_files,
    sentinel_settings,
    volume_of,
)
from taskfleet.resources.context import BrokerBinding

TLS_VOLUME = "taskfleet-tls"
TLS_PATH = "/taskfleet-tls"
SENTINEL_PASSWORD = "TASKFLEET_SENTINEL_PASSWORD"  # noqa: S105 - the name of the variable
PARTS_VOLUME = "taskfleet-broker"
PARTS_PATH = "/taskfleet-broker"
_CREDENTIALS = f"{GROUP}/credentials"
_CA, _CERTIFICATE, _KEY = "ca.crt", "tls.crt", "tls.key"


def connection_settings(broker: BrokerBinding) -> Object:
    """Entries of TASKFLEET_SETTINGS, only those that say something."""
    external = broker.spec.external
    if external is None:
        return {}
    settings: Object = {}
    if external.scheme is not None:
        settings["broker"] = parts_settings(external, PARTS_PATH)
    if external.sentinel is not None:
        settings["sentinel"] = sentinel_settings(external.sentinel)
    if _has_files(external) or external.insecure_skip_verify:
        client = external.client_certificate_secret_ref is not None
        settings["tls"] = {
            "ca": f"{TLS_PATH}/{_CA}" if external.ca_secret_ref is not None else None,
            "certificate": f"{TLS_PATH}/{_CERTIFICATE}" if client else None,
            "key": f"{TLS_PATH}/{_KEY}" if client else None,
            "verify": not external.insecure_skip_verify,
        }
    return settings


def connection_environment(broker: BrokerBinding, *urls: str) -> list[Object]:
    """The variables: those of the URL, unless the pod makes it out of parts, and the Sentinels' password."""
    found = [] if broker.url is None else [from_secret(name, broker.url) for name in urls]
    external = broker.spec.external
    sentinel = external.sentinel if external is not None else None
    if sentinel is not None and sentinel.password_secret_ref is not None:
        found.append(from_secret(SENTINEL_PASSWORD, sentinel.password_secret_ref))
    return found


def connection_volumes(broker: BrokerBinding) -> list[Object]:
    """The certificates, and the parts that are in Secrets and ConfigMaps, readable for whatever user the image has.

    Files and not variables: the kubelet renews them, so that a pod reads a renewed password without a restart.
    """
    external = broker.spec.external
    if external is None:
        return []
    sources = {TLS_VOLUME: _certificates(external), PARTS_VOLUME: part_files(external)}
    return [volume_of(name, files) for name, files in sources.items() if files]


def connection_volume_mounts(broker: BrokerBinding) -> list[Object]:
    return mounts_of(connection_volumes(broker), {TLS_VOLUME: TLS_PATH, PARTS_VOLUME: PARTS_PATH})


def connection_metadata(broker: BrokerBinding) -> Object:
    """Of pods: when this changes they roll, because a process keeps the variables that it was started with."""
    return {"annotations": {_CREDENTIALS: broker.credentials}} if broker.credentials is not None else {}


def _has_files(external: External) -> bool:
    return external.ca_secret_ref is not None or external.client_certificate_secret_ref is not None


def _certificates(external: External) -> list[Object]:
    sources: list[Object] = []
    if (ca := external.ca_secret_ref) is not None:
        sources.append(secret_files(ca.name, {ca.key: _CA}))
    if (client := external.client_certificate_secret_ref) is not None:
        sources.append(secret_files(client.name, {_CERTIFICATE: _CERTIFICATE, _KEY: _KEY}))
    return sources
