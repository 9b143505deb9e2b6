"""Who may connect to what the operator runs."""

from typing import Annotated

from taskfleet.api.base import Model
from taskfleet.api.pod import AnyObject
from taskfleet.api.schema import Limits


class NetworkPolicy(Model):
    """Who may connect, beside those who have to. It holds where the cluster's network enforces NetworkPolicies."""

    switch = True

    admit: Annotated[list[AnyObject], Limits(maxItems=50)] = []
    """Whom you admit, such as producers or Prometheus, as the entries of `from` in a NetworkPolicy: podSelector,
    namespaceSelector, ipBlock."""
