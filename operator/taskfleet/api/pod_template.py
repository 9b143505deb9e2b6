"""The user's partial pod template. Its schema describes only what the API server is to refuse."""

import json
from collections.abc import Mapping
from typing import Annotated, Any

from taskfleet.api.base import Object
from taskfleet.api.schema import RULES, Limits, Rule
from taskfleet.api.worker_variables import REFUSED_VARIABLES

_OPEN = {"x-kubernetes-preserve-unknown-fields": True}
# What the operator sets in the worker's container and its pod, and what to use instead.
CONTAINER_FIELDS = {
    "command": "use launcher and python",
    "args": "use the fields of the spec and extraArgs",
    "readinessProbe": "the operator's probes know draining and long tasks",
    "livenessProbe": "the operator's probes know draining and long tasks",
    "startupProbe": "the operator's probes wait for the start",
}
POD_FIELDS = {"terminationGracePeriodSeconds": "use terminationGracePeriod"}
_WORKER, SCHEDULES_BEAT = "worker", "beat"


def refusal(field: str, advice: str | None, container: str = _WORKER) -> str:
    """What a user reads who sets a field that is the operator's."""
    more = f"; {advice}" if advice else ""
    return f"{field} of the {container}'s pod is set by the operator: remove it{more}."


def _container_rule(field: str, advice: str | None, container: str = _WORKER) -> Rule:
    return Rule(
        "!has(self.spec) || !has(self.spec.containers) || !self.spec.containers.exists(one,"
        f" has(one.name) && one.name == '{container}' && has(one.{field}))",
        refusal(field, advice, container),
        field="spec.containers",
    )


def _pod_rule(field: str, advice: str | None, container: str = _WORKER) -> Rule:
    return Rule(
        f"!has(self.spec) || !has(self.spec.{field})",
        refusal(field, advice, container),
        field=f"spec.{field}",
    )


def variable_refusal(name: str, advice: str) -> str:
    """What a user reads who sets a variable that `env` refuses."""
    return f"{name} of the worker's container {advice}"


_REFUSED = "has(one.name) && one.name in [" + ", ".join(f"'{name}'" for name in REFUSED_VARIABLES) + "]"
_VARIABLE_RULE = Rule(
    f"!has(self.name) || self.name != '{_WORKER}' || !has(self.env) || !self.env.exists(one, {_REFUSED})",
    variable_refusal("<name>", "<advice>"),
    field="env",
    message_expression=f"[self.env.filter(one, {_REFUSED})[0].name].map(name,"
    f" name + {json.dumps(variable_refusal('', ''))} + {json.dumps(REFUSED_VARIABLES)}[name])[0]",
)

_WORDS: Object = {"type": "array", "maxItems": 1000, "items": {"type": "string"}}
_PROBE: Object = {"type": "object", **_OPEN}
_CONTAINER: Mapping[str, Any] = {
    "name": {"type": "string", "maxLength": 253},
    "command": _WORDS,
    "args": _WORDS,
    "readinessProbe": _PROBE,
    "livenessProbe": _PROBE,
    "startupProbe": _PROBE,
}
_VARIABLE: Object = {
    "type": "object",
    **_OPEN,
    "properties": {"name": {"type": "string", "maxLength": 253}},
}
_ENV: Object = {"type": "array", "nullable": True, "maxItems": 500, "items": _VARIABLE}


def _schema(container: Mapping[str, Any], *rules: Rule) -> Limits:
    """`container`: the fields that rules may read."""
    one: Object = {"type": "object", **_OPEN, "properties": container}
    if rules:
        one[RULES] = [rule.as_schema() for rule in rules]
    spec = {
        "containers": {"type": "array", "nullable": True, "maxItems": 50, "items": one},
        "terminationGracePeriodSeconds": {"type": "integer"},
    }
    return Limits(**_OPEN, properties={"spec": {"type": "object", **_OPEN, "properties": spec}})


PodTemplate = Annotated[
    Object,
    _schema({**_CONTAINER, "env": _ENV}, _VARIABLE_RULE),
    *(_container_rule(field, advice) for field, advice in CONTAINER_FIELDS.items()),
    *(_pod_rule(field, advice) for field, advice in POD_FIELDS.items()),
]
"""A pod template that is merged over the operator's, except for what only the operator sets."""

SchedulesTemplate = Annotated[
    Object,
    _schema(_CONTAINER),
    *(_container_rule(field, None, SCHEDULES_BEAT) for field in CONTAINER_FIELDS),
    *(_pod_rule(field, None, SCHEDULES_BEAT) for field in POD_FIELDS),
]
"""The same for the beat of a Broker's schedules, which has no fields of its own for these."""
