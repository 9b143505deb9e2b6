"""A broker's beat, which sends its PeriodicSchedules. Two alive at once send every run once; one is enough."""

import json
from dataclasses import replace

from taskfleet.api import Broker, Object
from taskfleet.api.pod import Resources
from taskfleet.api.pod_template import SCHEDULES_BEAT
from taskfleet.resources.broker_connection import (
    connection_environment,
    connection_metadata,
    connection_settings,
)
from taskfleet.resources.context import BrokerBinding, Installation
from taskfleet.resources.labels import child_labels, selector_labels
from taskfleet.resources.lost_node import with_prompt_eviction
from taskfleet.resources.metadata import child_metadata
from taskfleet.resources.pod_template import OWNED
from taskfleet.resources.probes import liveness_probe, probe_port, readiness_probe
from taskfleet.resources.pull_policy import with_pull_policies
from taskfleet.resources.refusals import Written
from taskfleet.resources.runtime_init_container import runtime_init_container
from taskfleet.resources.security import locked_down_container, restricted_pod
from taskfleet.resources.user_template import with_user_template
from taskfleet.resources.volumes import RUNTIME_PATH, SAFE_TO_EVICT, safe_to_evict
from taskfleet.resources.volumes import worker_volume_mounts as mounts
from taskfleet.resources.volumes import worker_volumes as volumes
from taskfleet.resources.worker_container import POD_NAME, SETTINGS, literal

COMPONENT = "schedules"
CONTAINER = SCHEDULES_BEAT
# 10,000 schedules take less than 150 MB.
_RESOURCES: Object = {"requests": {"cpu": "10m", "memory": "96Mi"}, "limits": {"memory": "384Mi"}}


def schedules_name(broker: str) -> str:
    return f"{broker}-schedules"


def schedules_deployment(broker: Broker, installation: Installation) -> Object:
    """The Deployment. Raises SpecError for a user's template that cannot be merged."""
    binding = BrokerBinding.of(broker)
    template = _with_users_template(_template(broker, binding, installation), broker, binding)
    spec = {
        "replicas": 1,
        "revisionHistoryLimit": 2,
        "selector": {"matchLabels": selector_labels(broker, COMPONENT)},
        "strategy": {"type": "Recreate"},
        "template": with_pull_policies(with_prompt_eviction(template)),
    }
    metadata = child_metadata(broker, name=schedules_name(broker.name), component=COMPONENT)
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}


def written_of(broker: Broker) -> Written:
    """Where the user wrote what the pod is made of."""
    fields = {"resources": "resources"}
    return Written(broker.spec.schedules.to_object(), "spec.schedules", CONTAINER, fields, {})


def _with_users_template(built: Object, broker: Broker, binding: BrokerBinding) -> Object:
    """Its variables stay ours, because all of them are for our program."""
    (container,) = built["spec"]["containers"]
    variables = frozenset(variable["name"] for variable in container["env"])
    owned = replace(
        OWNED, container=CONTAINER, container_entries={**OWNED.container_entries, "env": variables}
    )
    users = broker.spec.schedules.template
    template = with_user_template(built, users, owned=owned, path="spec.schedules.template")
    annotations = template["metadata"].get("annotations") or {}
    safe = safe_to_evict(annotations.get(SAFE_TO_EVICT), volumes(binding))
    metadata = {**template["metadata"], "annotations": {**annotations, SAFE_TO_EVICT: safe}}
    return {**template, "metadata": metadata}


def _template(broker: Broker, binding: BrokerBinding, installation: Installation) -> Object:
    return {
        "metadata": {"labels": child_labels(broker, COMPONENT), **connection_metadata(binding)},
        "spec": {
            **installation.pull_secrets,
            "initContainers": [runtime_init_container(installation)],
            "containers": [_container(broker, binding, installation)],
            "volumes": volumes(binding),
            "securityContext": restricted_pod(),
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "terminationGracePeriodSeconds": 10,
        },
    }


def _container(broker: Broker, binding: BrokerBinding, installation: Installation) -> Object:
    resources = broker.spec.schedules.resources
    settings = json.dumps(_settings(broker, binding, installation), sort_keys=True)
    return {
        "name": CONTAINER,
        "image": installation.celery_image,
        "imagePullPolicy": installation.image_pull_policy,
        "command": ["/opt/venv/bin/python", f"{RUNTIME_PATH}/run.py", "beat"],
        "env": [
            {"name": POD_NAME, "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
            {"name": SETTINGS, "value": literal(settings)},
            *connection_environment(binding, "CELERY_BROKER_URL"),
        ],
        "ports": [probe_port()],
        "readinessProbe": readiness_probe(),
        "livenessProbe": liveness_probe(),
        "resources": _RESOURCES if resources == Resources() else resources.to_object(),
        "securityContext": locked_down_container(),
        "volumeMounts": mounts(binding),
    }


def _settings(broker: Broker, binding: BrokerBinding, installation: Installation) -> Object:
    shared = broker.spec
    return {
        "v": 1,
        "namespace": broker.namespace,
        "clusterId": installation.cluster_id,
        "globalKeyPrefix": shared.global_key_prefix or None,
        "prioritySteps": shared.priority_steps,
        "separator": shared.separator,
        **connection_settings(binding),
    }
