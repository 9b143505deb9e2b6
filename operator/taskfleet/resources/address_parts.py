"""An address by parts as a pod gets it: what the spec says in the settings, what is under keys as files.

Files and not variables: the kubelet renews them, so that a pod reads a renewed password without a restart.
worker-image/README.md describes both for the other side.
"""

from taskfleet.api import Address, KeySource, Object, SecretKeyRef, Sentinel

_FILES = {
    "hostFrom": "host",
    "portFrom": "port",
    "usernameFrom": "username",
    "databaseFrom": "path",
    "virtualHostFrom": "path",
}


def parts_settings(address: Address, folder: str) -> Object:
    """What the spec says itself; the rest is in files of these names."""
    several = {} if address.hosts is None else {"hosts": address.hosts}
    return {
        "scheme": address.scheme,
        "folder": folder if part_files(address) else None,
        "host": address.host,
        **several,
        "port": str(address.port) if address.port is not None else None,
        "username": address.username,
        "path": address.path,
    }


def sentinel_settings(sentinel: Sentinel) -> Object:
    return {"masterName": sentinel.master_name, "tls": sentinel.tls}


def part_files(address: Address) -> list[Object]:
    """The sources of a projected volume."""
    if address.scheme is None:
        return []
    sources = [_key_file(source, _FILES[field]) for field, source in address.sources().items()]
    if (password := address.password_secret_ref) is not None:
        sources.append(secret_files(password.name, {password.key: "password"}))
    return sources


def _key_file(source: KeySource, path: str) -> Object:
    if (secret := source.secret_key_ref) is not None:
        return secret_files(secret.name, {secret.key: path})
    config_map = source.config_map_key_ref
    assert config_map is not None
    return {"configMap": _items(config_map.name, {config_map.key: path})}


def secret_files(name: str, items: dict[str, str]) -> Object:
    """The source of files from a Secret. `items`: key and path of each."""
    return {"secret": _items(name, items)}


def _items(name: str, items: dict[str, str]) -> Object:
    return {"name": name, "items": [{"key": key, "path": path} for key, path in items.items()]}


def volume_of(name: str, files: list[Object]) -> Object:
    """Readable for whatever user the image has."""
    return {"name": name, "projected": {"defaultMode": 0o444, "sources": files}}


def mounts_of(volumes: list[Object], paths: dict[str, str]) -> list[Object]:
    """The mounts of volumes, by the volumes' names."""
    return [
        {"name": volume["name"], "mountPath": paths[volume["name"]], "readOnly": True} for volume in volumes
    ]


def from_secret(name: str, ref: SecretKeyRef) -> Object:
    """A variable with the value of a Secret's key."""
    return {"name": name, "valueFrom": {"secretKeyRef": ref.to_object()}}
