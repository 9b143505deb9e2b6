"""Pod templates for a property whose schema is open: one field each, so that each is added and taken away alone."""

from typing import Any

from taskfleet.api import Object

_PROXY = {"name": "proxy", "image": "registry.example/proxy:1"}
_AGENT = {"name": "agent", "image": "registry.example/agent:1", "restartPolicy": "Always"}
_SPOT = {"key": "spot", "operator": "Exists", "effect": "NoSchedule"}
_GPU = {"key": "gpu", "operator": "Exists"}
_CACHE = {"name": "cache", "emptyDir": {"sizeLimit": "1Gi"}}
_ZONES = {
    "maxSkew": 1,
    "topologyKey": "topology.kubernetes.io/zone",
    "whenUnsatisfiable": "ScheduleAnyway",
    "labelSelector": {"matchLabels": {"app": "x"}},
}
_NODES = {"nodeSelectorTerms": [{"matchExpressions": [{"key": "gpu", "operator": "Exists"}]}]}

_POD_FIELDS: tuple[Object, ...] = (
    {"serviceAccountName": "powerful"},
    {"serviceAccount": "powerful"},
    {"automountServiceAccountToken": True},
    {"nodeSelector": {"disk": "ssd", "arch": "arm"}},
    {"nodeName": "one"},
    {"tolerations": [_SPOT, _GPU]},
    {"tolerations": [_GPU, _SPOT]},
    {"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": _NODES}}},
    {"topologySpreadConstraints": [_ZONES]},
    {"imagePullSecrets": [{"name": "registry"}, {"name": "mirror"}]},
    {"imagePullSecrets": [{"name": "mirror"}, {"name": "registry"}]},
    {"hostAliases": [{"ip": "10.0.0.1", "hostnames": ["legacy"]}]},
    {"hostNetwork": True},
    {"hostPID": True},
    {"hostIPC": True},
    {"hostUsers": False},
    {"hostname": "fixed", "subdomain": "fixed"},
    {"setHostnameAsFQDN": True},
    {"shareProcessNamespace": True},
    {"dnsPolicy": "Default"},
    {"dnsConfig": {"options": [{"name": "ndots", "value": "1"}]}},
    {"enableServiceLinks": True},
    {"priorityClassName": "system-cluster-critical"},
    {"preemptionPolicy": "Never"},
    {"schedulerName": "other"},
    {"runtimeClassName": "gvisor"},
    {"readinessGates": [{"conditionType": "example.com/ready"}]},
    {"os": {"name": "linux"}},
    {"overhead": {"cpu": "10m"}},
    {"restartPolicy": "Always"},
    {"securityContext": {"fsGroup": 2000, "runAsUser": 0}},
    {"securityContext": {"seccompProfile": None}},
    {"volumes": [_CACHE]},
    {"volumes": [_CACHE, {"name": "plan", "configMap": {"name": "settings", "defaultMode": 0o400}}]},
    {"initContainers": [_AGENT]},
    {"containers": [_PROXY]},
    {"containers": [_PROXY, {"name": "second", "image": "x"}]},
    {"containers": []},
    {"containers": None},
)
TEMPLATES: tuple[Object, ...] = (
    {},
    {"metadata": {"labels": {"team": "shop", "tier": "x"}}},
    {"metadata": {"labels": {"tier": "x", "team": "shop"}, "annotations": {"example.com/a": ""}}},
    {"metadata": {"labels": {"app.kubernetes.io/name": "mine", "app.kubernetes.io/managed-by": "me"}}},
    {"metadata": {"annotations": None}},
    {"metadata": None},
    {"spec": None},
    {"spec": {}},
    *({"spec": fields} for fields in _POD_FIELDS),
)
INVALID_TEMPLATES: tuple[Any, ...] = (
    {"color": "red"},
    {"spec": {"color": "red"}},
    {"spec": {"nodeSelector": "ssd"}},
    {"spec": {"tolerations": {"key": "spot"}}},
    {"spec": {"containers": [{"image": "x"}]}},
    {"spec": {"containers": [{"name": None, "image": "x"}]}},
    {"spec": {"containers": ["proxy"]}},
    {"spec": {"containers": [{"name": "proxy"}]}},
    {"spec": {"volumes": [{"name": "v", "color": {}}]}},
    {"spec": {"priority": "high"}},
    {"metadata": {"annotations": ["a"]}},
    {"metadata": {"annotations": {"a": 1}}},
    {"metadata": {"labels": {"a b": "c"}}},
    {"metadata": {"labels": {"a": "not a label"}}},
)
