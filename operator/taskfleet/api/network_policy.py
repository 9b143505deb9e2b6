"""Who may connect to what the operator runs."""

from typing import Annotated

from taskfleet.api.base import Model
from taskfleet.api.pod import AnyObject
from taskfleet.api.schema import Limits


class NetworkPolicy(Model):
    """Who may connect, in addition to the clients that Taskfleet needs. It takes effect if the cluster's network
    plugin enforces NetworkPolicies."""

    switch = True

    admit: Annotated[list[AnyObject], Limits(maxItems=50)] = []
    """Additional peers, such as producers or Prometheus, as in `from` of a NetworkPolicy: podSelector,
    namespaceSelector, ipBlock."""
