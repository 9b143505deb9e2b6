"""Where each kind of object that the operator touches lives in the Kubernetes API."""

from dataclasses import dataclass

from taskfleet.api import GROUP, KINDS, VERSION, Key, Object


@dataclass(frozen=True)
class ResourceType:
    """A resource of the Kubernetes API; `group` is empty for the core group."""

    group: str
    version: str
    plural: str

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, namespace: str | None, name: str | None = None, subresource: str | None = None) -> str:
        """URL path; without a namespace, that of the whole cluster."""
        root = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        parts = [root]
        if namespace is not None:
            parts.append(f"namespaces/{namespace}")
        parts += [part for part in (self.plural, name, subresource) if part is not None]
        return "/".join(parts)


# The kinds that are watched beside our own, each by our `managed-by` label.
CHILD_TYPES: dict[str, ResourceType] = {
    "Deployment": ResourceType("apps", "v1", "deployments"),
    "StatefulSet": ResourceType("apps", "v1", "statefulsets"),
    "PodDisruptionBudget": ResourceType("policy", "v1", "poddisruptionbudgets"),
    "NetworkPolicy": ResourceType("networking.k8s.io", "v1", "networkpolicies"),
    "Service": ResourceType("", "v1", "services"),
    "ConfigMap": ResourceType("", "v1", "configmaps"),
    "Pod": ResourceType("", "v1", "pods"),
}

OWN_TYPES: dict[str, ResourceType] = {info.kind: ResourceType(GROUP, VERSION, info.plural) for info in KINDS}

# Read and written by name only.
UNWATCHED_TYPES: dict[str, ResourceType] = {
    "Secret": ResourceType("", "v1", "secrets"),
    "PersistentVolumeClaim": ResourceType("", "v1", "persistentvolumeclaims"),
    "Event": ResourceType("", "v1", "events"),
    "Namespace": ResourceType("", "v1", "namespaces"),
    "Lease": ResourceType("coordination.k8s.io", "v1", "leases"),
}

RESOURCE_TYPES: dict[str, ResourceType] = {**OWN_TYPES, **CHILD_TYPES, **UNWATCHED_TYPES}


def key_of(obj: Object) -> Key:
    metadata = obj["metadata"]
    return Key(obj["kind"], metadata.get("namespace", ""), metadata["name"])
