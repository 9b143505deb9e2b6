"""What a request to the API server asks for, read from its method and path."""

from collections.abc import Mapping
from dataclasses import dataclass

_WRITES = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


@dataclass(frozen=True)
class ApiCall:
    """One request. `resource` is the plural, with subresource: `workerpools/status`; empty for `/version`."""

    verb: str  # get, list, watch, create, update, patch or delete
    resource: str
    namespace: str = ""
    name: str = ""
    dry_run: bool = False

    @property
    def is_write(self) -> bool:
        return self.verb in _WRITES.values() and not self.dry_run

    @property
    def is_lease(self) -> bool:
        return self.resource == "leases"

    def __str__(self) -> str:
        return f"{self.verb} {self.resource} {self.namespace}/{self.name}"


def parse(method: str, path: str, query: Mapping[str, str]) -> ApiCall:
    parts = path.strip("/").split("/")
    # /api/<version>/... is the core group, /apis/<group>/<version>/... any other.
    rest = parts[2:] if parts[0] == "api" else parts[3:] if parts[0] == "apis" else []
    namespace = ""
    if rest[:1] == ["namespaces"] and len(rest) > 2:
        namespace, rest = rest[1], rest[2:]
    plural, name, subresource = (*rest, "", "", "")[:3]
    return ApiCall(
        verb=_verb(method, bool(name), query),
        resource=f"{plural}/{subresource}" if subresource else plural,
        namespace=namespace,
        name=name,
        dry_run="dryRun" in query,
    )


def _verb(method: str, named: bool, query: Mapping[str, str]) -> str:
    if method in _WRITES:
        return _WRITES[method]
    if query.get("watch") in ("1", "true", "True"):
        return "watch"
    return "get" if named else "list"
