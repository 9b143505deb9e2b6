"""What a pod needs for an external broker in addition to its URL: certificate files, the Sentinels' password, settings.

worker-image/README.md describes the settings for the other side.
"""

from taskfleet.api import GROUP, External, Object
from taskfleet.resources.context import BrokerBinding

TLS_VOLUME = "taskfleet-tls"
TLS_PATH = "/taskfleet-tls"
SENTINEL_PASSWORD = "TASKFLEET_SENTINEL_PASSWORD"  # noqa: S105 - the name of the variable
_CREDENTIALS = f"{GROUP}/credentials"
_CA, _CERTIFICATE, _KEY = "ca.crt", "tls.crt", "tls.key"


def connection_settings(broker: BrokerBinding) -> Object:
    """Entries of TASKFLEET_SETTINGS, only those that say something."""
    external = broker.spec.external
    if external is None:
        return {}
    settings: Object = {}
    if external.sentinel is not None:
        settings["sentinel"] = {"masterName": external.sentinel.master_name, "tls": external.sentinel.tls}
    if _has_files(external) or external.insecure_skip_verify:
        client = external.client_certificate_secret_ref is not None
        settings["tls"] = {
            "ca": f"{TLS_PATH}/{_CA}" if external.ca_secret_ref is not None else None,
            "certificate": f"{TLS_PATH}/{_CERTIFICATE}" if client else None,
            "key": f"{TLS_PATH}/{_KEY}" if client else None,
            "verify": not external.insecure_skip_verify,
        }
    return settings


def connection_environment(broker: BrokerBinding) -> list[Object]:
    """Variables in addition to the URL."""
    external = broker.spec.external
    if external is None or external.sentinel is None or external.sentinel.password_secret_ref is None:
        return []
    reference = external.sentinel.password_secret_ref.to_object()
    return [{"name": SENTINEL_PASSWORD, "valueFrom": {"secretKeyRef": reference}}]


def connection_volumes(broker: BrokerBinding) -> list[Object]:
    """The certificates, readable for whatever user the image has."""
    external = broker.spec.external
    if external is None or not _has_files(external):
        return []
    sources: list[Object] = []
    if (ca := external.ca_secret_ref) is not None:
        sources.append(_source(ca.name, {ca.key: _CA}))
    if (client := external.client_certificate_secret_ref) is not None:
        sources.append(_source(client.name, {_CERTIFICATE: _CERTIFICATE, _KEY: _KEY}))
    return [{"name": TLS_VOLUME, "projected": {"defaultMode": 0o444, "sources": sources}}]


def connection_volume_mounts(broker: BrokerBinding) -> list[Object]:
    if not connection_volumes(broker):
        return []
    return [{"name": TLS_VOLUME, "mountPath": TLS_PATH, "readOnly": True}]


def connection_metadata(broker: BrokerBinding) -> Object:
    """Of pods: when this changes they roll, because a process keeps the variables that it was started with."""
    return {"annotations": {_CREDENTIALS: broker.credentials}} if broker.credentials is not None else {}


def _has_files(external: External) -> bool:
    return external.ca_secret_ref is not None or external.client_certificate_secret_ref is not None


def _source(secret: str, items: dict[str, str]) -> Object:
    paths = [{"key": key, "path": path} for key, path in items.items()]
    return {"secret": {"name": secret, "items": paths}}
