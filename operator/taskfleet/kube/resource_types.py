"""Where each kind of object that the operator touches lives in the Kubernetes API."""

from dataclasses import dataclass

from taskfleet.api import GROUP, KINDS, VERSION, Key, Object
from taskfleet.api.names import is_object_name
from taskfleet.kube.errors import InvalidNameError


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
        """URL path; without a namespace, that of the whole cluster.

        Raises InvalidNameError for what cannot be a name. Quoting would not do: HTTP clients and servers resolve `..`
        and its encoded forms, and the path of another namespace's object would come out.
        """
        root = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        parts = [root]
        if namespace is not None:
            parts.append(f"namespaces/{_checked(namespace, 'namespaces')}")
        parts.append(self.plural)
        parts += [_checked(part, self.plural) for part in (name, subresource) if part is not None]
        return "/".join(parts)


def service_proxy_path(service: Key, port: str, path: str) -> str:
    """URL path to `path`, one segment, on a port of a Service, by the API server's proxy. Raises InvalidNameError."""
    collection = RESOURCE_TYPES["Service"].path(service.namespace)
    name, port, path = (_checked(part, "services") for part in (service.name, port, path))
    return f"{collection}/{name}:{port}/proxy/{path}"


def token_path(account: Key) -> str:
    """URL path that makes a token of a ServiceAccount. Raises InvalidNameError."""
    return RESOURCE_TYPES["ServiceAccount"].path(account.namespace, account.name, "token")


def _checked(name: str, plural: str) -> str:
    if not is_object_name(name):
        raise InvalidNameError(plural, name)
    return name


# The watched kinds other than our own, each by our `managed-by` label.
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
    "Node": ResourceType("", "v1", "nodes"),
    "Lease": ResourceType("coordination.k8s.io", "v1", "leases"),
    "ServiceAccount": ResourceType("", "v1", "serviceaccounts"),
    "TokenReview": ResourceType("authentication.k8s.io", "v1", "tokenreviews"),
    "SelfSubjectReview": ResourceType("authentication.k8s.io", "v1", "selfsubjectreviews"),
    "SubjectAccessReview": ResourceType("authorization.k8s.io", "v1", "subjectaccessreviews"),
}

RESOURCE_TYPES: dict[str, ResourceType] = {**OWN_TYPES, **CHILD_TYPES, **UNWATCHED_TYPES}

# Served by metrics-server or the like, where a cluster has one. Its plural is that of the pods themselves.
POD_METRICS = ResourceType("metrics.k8s.io", "v1beta1", "pods")


def key_of(obj: Object) -> Key:
    metadata = obj["metadata"]
    return Key(obj["kind"], metadata.get("namespace", ""), metadata["name"])
