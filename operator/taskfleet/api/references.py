"""References to other objects. They never leave the namespace."""

from typing import Annotated

from taskfleet.api.base import Model
from taskfleet.api.names import KEY_PATTERN, NAME_PATTERN
from taskfleet.api.schema import Limits, Rule

ObjectName = Annotated[
    str,
    Limits(minLength=1, maxLength=253),
    Rule(
        f"self.matches('{NAME_PATTERN}')",
        'the name "{self}" is not valid: use the name of an object in this namespace, with '
        "lower-case letters, digits, - and . only, starting and ending with a letter or digit.",
    ),
]
"""The name of an object: a DNS subdomain. The operator puts it into paths of the API server."""

DataKey = Annotated[
    str,
    Limits(minLength=1, maxLength=253),
    Rule(
        f"self.matches('{KEY_PATTERN}') && !self.startsWith('..') && self != '.'",
        'the key "{self}" is not valid: use a key of the object\'s data, with letters, digits, '
        "-, _ and . only.",
    ),
]
"""A key of a Secret's or ConfigMap's data."""


class BrokerRef(Model):
    """Names a Broker of the same namespace."""

    name: ObjectName = "default"
    """The Broker's name. A Broker named default is created if it does not exist."""


class SecretKeyRef(Model):
    """Names one key of a Secret of the same namespace."""

    name: ObjectName
    """The Secret's name."""

    key: DataKey
    """The key in the Secret's data."""


class ConfigMapKeyRef(Model):
    """Names one key of a ConfigMap of the same namespace."""

    name: ObjectName
    """The ConfigMap's name."""

    key: DataKey
    """The key in the ConfigMap's data."""


class KeySource(Model):
    """One key of a Secret or of a ConfigMap."""

    rules = (
        Rule(
            "has(self.secretKeyRef) != has(self.configMapKeyRef)",
            "a value must come from exactly one of secretKeyRef and configMapKeyRef: set one.",
        ),
    )

    secret_key_ref: SecretKeyRef | None = None
    """The key of a Secret."""

    config_map_key_ref: ConfigMapKeyRef | None = None
    """The key of a ConfigMap."""
