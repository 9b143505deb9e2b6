"""How fast an HPA changes a size, as fields of a pool. Pure."""

from datetime import timedelta
from typing import Any

from taskfleet.api import Object, format_duration
from taskfleet.convert.draft import Unreadable
from taskfleet.convert.workload import entries, part, whole

_DIRECTIONS = ("scaleUp", "scaleDown")


def read_behavior(given: Any) -> Object:
    """scaleUp and scaleDown as a pool has them; what is left out stays out. Raises Unreadable."""
    read = {name: _read_rules(part(given, name)) for name in _DIRECTIONS}
    return {name: rules for name, rules in read.items() if rules}


def unknown_settings(given: Any) -> list[str]:
    """Settings that no field of a pool has, such as scaleUp.tolerance."""
    known = {"stabilizationWindowSeconds", "policies", "selectPolicy"}
    return [f"{name}.{field}" for name in _DIRECTIONS for field in part(given, name) if field not in known]


def duration(seconds: int) -> str:
    return format_duration(timedelta(seconds=seconds))


def _read_rules(rules: Object) -> Object:
    read: Object = {}
    if rules.get("stabilizationWindowSeconds") is not None:
        read["stabilizationWindow"] = duration(whole(rules["stabilizationWindowSeconds"], 0))
    if policies := entries(rules, "policies"):
        read["policies"] = [_read_policy(policy) for policy in policies]
    if rules.get("selectPolicy") is not None:
        read["selectPolicy"] = rules["selectPolicy"]
    return read


def _read_policy(policy: Object) -> Object:
    value, seconds = whole(policy.get("value"), 0), whole(policy.get("periodSeconds"), 0)
    if policy.get("type") not in ("Pods", "Percent") or value < 1 or not 1 <= seconds <= 1800:
        raise Unreadable(f"{policy!r} is not a policy of an HPA.")
    return {"type": policy["type"], "value": value, "period": duration(seconds)}
