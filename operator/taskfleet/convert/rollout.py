"""A Deployment's strategy and a PodDisruptionBudget's limits as fields of a pool. Pure."""

import re
from typing import Any

from taskfleet.api import Object
from taskfleet.convert.draft import MeansNone, Unreadable

# What the API server fills in beside a value that is given.
_KUBERNETES_DEFAULT = "25%"
_PERCENT = re.compile("(100|[0-9]{1,2})%")


def read_strategy(given: Any) -> Object:
    """As Kubernetes means it: a limit that is left out is 25% there, also for maxUnavailable."""
    if not isinstance(given, dict) or given.get("type", "RollingUpdate") not in ("RollingUpdate", "Recreate"):
        raise Unreadable(f"{given!r} is not a strategy of a Deployment.")
    if given.get("type") == "Recreate":
        return {"type": "Recreate"}
    update = given.get("rollingUpdate") or {}
    limits = {name: update.get(name, _KUBERNETES_DEFAULT) for name in ("maxSurge", "maxUnavailable")}
    return {"type": "RollingUpdate", "rollingUpdate": limits}


def read_budget(given: Any) -> Object:
    """A number of pods that must stay has no counterpart where the size changes: that is for the user to decide."""
    if "maxUnavailable" in given:
        return {"maxUnavailable": given["maxUnavailable"]}
    least = given.get("minAvailable")
    if least is None:
        raise MeansNone("it limits nothing.")
    if (percent := _PERCENT.fullmatch(str(least))) is None:
        raise Unreadable(f"minAvailable {least} has no counterpart where the number of pods changes.")
    return {"maxUnavailable": f"{100 - int(percent[1])}%"}
