"""The user's partial pod template. Its schema describes only what the API server is to refuse."""

import json
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


def refusal(field: str, advice: str) -> str:
    """What a user reads who sets a field that is the operator's."""
    return f"{field} of the worker's pod is set by the operator: remove it; {advice}."


def _container_rule(field: str, advice: str) -> Rule:
    return Rule(
        "!has(self.spec) || !has(self.spec.containers) || !self.spec.containers.exists(one,"
        f" has(one.name) && one.name == 'worker' && has(one.{field}))",
        refusal(field, advice),
        field="spec.containers",
    )


def _pod_rule(field: str, advice: str) -> Rule:
    return Rule(f"!has(self.spec) || !has(self.spec.{field})", refusal(field, advice), field=f"spec.{field}")


def variable_refusal(name: str, advice: str) -> str:
    """What a user reads who sets a variable that `env` refuses."""
    return f"{name} of the worker's container {advice}"


_REFUSED = "has(one.name) && one.name in [" + ", ".join(f"'{name}'" for name in REFUSED_VARIABLES) + "]"
_VARIABLE_RULE = Rule(
    f"!has(self.name) || self.name != 'worker' || !has(self.env) || !self.env.exists(one, {_REFUSED})",
    variable_refusal("<name>", "<advice>"),
    field="env",
    message_expression=f"[self.env.filter(one, {_REFUSED})[0].name].map(name,"
    f" name + {json.dumps(variable_refusal('', ''))} + {json.dumps(REFUSED_VARIABLES)}[name])[0]",
)

_WORDS: Object = {"type": "array", "maxItems": 1000, "items": {"type": "string"}}
_PROBE: Object = {"type": "object", **_OPEN}
_VARIABLE: Object = {
    "type": "object",
    **_OPEN,
    "properties": {"name": {"type": "string", "maxLength": 253}},
}
_CONTAINER: dict[str, Any] = {
    "type": "object",
    **_OPEN,
    RULES: [_VARIABLE_RULE.as_schema()],
    "properties": {
        "name": {"type": "string", "maxLength": 253},
        "command": _WORDS,
        "args": _WORDS,
        "env": {"type": "array", "nullable": True, "maxItems": 500, "items": _VARIABLE},
        "readinessProbe": _PROBE,
        "livenessProbe": _PROBE,
        "startupProbe": _PROBE,
    },
}
_SPEC: Object = {
    "type": "object",
    **_OPEN,
    "properties": {
        "containers": {"type": "array", "maxItems": 50, "items": _CONTAINER},
        "terminationGracePeriodSeconds": {"type": "integer"},
    },
}

PodTemplate = Annotated[
    Object,
    Limits(**_OPEN, properties={"spec": _SPEC}),
    *(_container_rule(field, advice) for field, advice in CONTAINER_FIELDS.items()),
    *(_pod_rule(field, advice) for field, advice in POD_FIELDS.items()),
]
"""A pod template that is merged over the operator's, except for what only the operator sets."""
