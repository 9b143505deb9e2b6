"""What a pod needs to reach its broker: its URL, or the parts of it, certificate files, the Sentinels' password.

worker-image/README.md describes the settings for the other side.
"""

from taskfleet.api import GROUP, External, KeySource, Object, SecretKeyRef
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
        settings["broker"] = _parts(external)
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


def connection_environment(broker: BrokerBinding, *urls: str) -> list[Object]:
    """The variables: those of the URL, unless the pod makes it out of parts, and the Sentinels' password."""
    found = [] if broker.url is None else [from_secret(name, broker.url) for name in urls]
    external = broker.spec.external
    sentinel = external.sentinel if external is not None else None
    if sentinel is not None and sentinel.password_secret_ref is not None:
        found.append(from_secret(SENTINEL_PASSWORD, sentinel.password_secret_ref))
    return found


def from_secret(name: str, ref: SecretKeyRef) -> Object:
    """A variable with the value of a Secret's key."""
    return {"name": name, "valueFrom": {"secretKeyRef": ref.to_object()}}


def connection_volumes(broker: BrokerBinding) -> list[Object]:
    """The certificates, and the parts that are in Secrets and ConfigMaps, readable for whatever user the image has.

    Files and not variables: the kubelet renews them, so that a pod reads a renewed password without a restart.
    """
    external = broker.spec.external
    if external is None:
        return []
    sources = {TLS_VOLUME: _certificates(external), PARTS_VOLUME: _part_files(external)}
    return [
        {"name": name, "projected": {"defaultMode": 0o444, "sources": files}}
        for name, files in sources.items()
        if files
    ]


def connection_volume_mounts(broker: BrokerBinding) -> list[Object]:
    paths = {TLS_VOLUME: TLS_PATH, PARTS_VOLUME: PARTS_PATH}
    return [
        {"name": volume["name"], "mountPath": paths[volume["name"]], "readOnly": True}
        for volume in connection_volumes(broker)
    ]


def connection_metadata(broker: BrokerBinding) -> Object:
    """Of pods: when this changes they roll, because a process keeps the variables that it was started with."""
    return {"annotations": {_CREDENTIALS: broker.credentials}} if broker.credentials is not None else {}


def _has_files(external: External) -> bool:
    return external.ca_secret_ref is not None or external.client_certificate_secret_ref is not None


def _certificates(external: External) -> list[Object]:
    sources: list[Object] = []
    if (ca := external.ca_secret_ref) is not None:
        sources.append(_source("secret", ca.name, {ca.key: _CA}))
    if (client := external.client_certificate_secret_ref) is not None:
        sources.append(_source("secret", client.name, {_CERTIFICATE: _CERTIFICATE, _KEY: _KEY}))
    return sources


def _parts(external: External) -> Object:
    """What the spec says itself; the rest is in files of these names."""
    database = str(external.database) if external.database is not None else None
    return {
        "scheme": external.scheme,
        "folder": PARTS_PATH if _part_files(external) else None,
        "host": external.host,
        "port": str(external.port) if external.port is not None else None,
        "username": external.username,
        "path": external.virtual_host or database,
    }


_FILES = {
    "hostFrom": "host",
    "portFrom": "port",
    "usernameFrom": "username",
    "databaseFrom": "path",
    "virtualHostFrom": "path",
}


def _part_files(external: External) -> list[Object]:
    if external.scheme is None:
        return []
    sources = [_key_file(source, _FILES[field]) for field, source in external.sources().items()]
    if (password := external.password_secret_ref) is not None:
        sources.append(_source("secret", password.name, {password.key: "password"}))
    return sources


def _key_file(source: KeySource, path: str) -> Object:
    if (secret := source.secret_key_ref) is not None:
        return _source("secret", secret.name, {secret.key: path})
    config_map = source.config_map_key_ref
    assert config_map is not None
    return _source("configMap", config_map.name, {config_map.key: path})


def _source(kind: str, name: str, items: dict[str, str]) -> Object:
    paths = [{"key": key, "path": path} for key, path in items.items()]
    return {kind: {"name": name, "items": paths}}
