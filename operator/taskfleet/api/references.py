"""References to other objects. They never leave the namespace."""

from typing import Annotated

from taskfleet.api.base import Model
from taskfleet.api.schema import Limits

ObjectName = Annotated[str, Limits(minLength=1, maxLength=253)]


class BrokerRef(Model):
    """Names a Broker of the same namespace."""

    name: ObjectName = "default"
    """The Broker's name. A Broker named default is made when it does not exist."""


class SecretKeyRef(Model):
    """Names one key of a Secret of the same namespace."""

    name: ObjectName
    """The Secret's name."""

    key: Annotated[str, Limits(minLength=1, maxLength=253)]
    """The key in the Secret's data."""
