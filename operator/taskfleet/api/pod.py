"""Parts of a pod that users write and the operator passes on."""

from typing import Annotated

from taskfleet.api.base import Model, Object
from taskfleet.api.quantities import Quantity
from taskfleet.api.references import ObjectName
from taskfleet.api.schema import Limits, Rule
from taskfleet.api.worker_variables import VARIABLE_RULES

AnyObject = Annotated[Object, Limits(**{"x-kubernetes-preserve-unknown-fields": True})]
"""An object whose fields this API does not describe; unknown ones are kept."""


VARIABLE_RULE = Rule(
    "self.matches('^[ -<>-~]+$')",
    '"{self}" is not a valid variable name: use printable ASCII characters without =.',
)
IMAGE_RULE = Rule(
    "!self.matches('^[[:space:]]|[[:space:]]$')",
    '"{self}" starts or ends with a space: remove the space.',
)


class EnvVar(Model):
    """An environment variable, as in a container."""

    rules = (
        Rule(
            "!has(self.value) || !has(self.valueFrom)", "value and valueFrom cannot both be set: remove one."
        ),
    )

    name: Annotated[str, Limits(minLength=1, maxLength=253), VARIABLE_RULE, *VARIABLE_RULES]
    """The variable's name."""

    value: str | None = None
    """The value. $(NAME) expands to a variable that is defined before it."""

    value_from: AnyObject | None = None
    """The source of the value: secretKeyRef, configMapKeyRef, fieldRef or resourceFieldRef."""


class EnvSource(Model):
    """The ConfigMap or Secret of an entry of envFrom."""

    name: ObjectName
    """The object's name."""

    optional: bool | None = None
    """Whether pods start if it does not exist."""


class EnvFrom(Model):
    """All keys of a ConfigMap or Secret as environment variables, as in a container."""

    rules = (
        Rule(
            "has(self.configMapRef) != has(self.secretRef)",
            "an entry of envFrom must have exactly one of configMapRef and secretRef: use an entry for each.",
        ),
    )

    prefix: str | None = None
    """A prefix for every key."""

    config_map_ref: EnvSource | None = None
    """The ConfigMap."""

    secret_ref: EnvSource | None = None
    """The Secret."""


Amounts = Annotated[
    dict[str, Quantity],
    Limits(maxProperties=50),
    Rule(
        "self.all(name, name.matches('^([a-z0-9.-]{1,253}/)?[A-Za-z0-9][A-Za-z0-9._-]{0,62}$'))",
        "a resource name is not valid: use cpu, memory, or a name such as nvidia.com/gpu.",
    ),
]


class Resources(Model):
    """The resource requests and limits, as in a container."""

    rules = (
        Rule(
            "!has(self.requests) || !has(self.limits) || self.requests.all(name, !(name in self.limits) ||"
            " quantity(string(self.requests[name])).compareTo(quantity(string(self.limits[name]))) <= 0)",
            "a request exceeds its limit: lower the request or raise the limit.",
            field="requests",
        ),
    )

    requests: Amounts = {}
    """Resources that are reserved for the container, such as cpu: 500m and memory: 512Mi."""

    limits: Amounts = {}
    """Resources that the container can use at most."""
