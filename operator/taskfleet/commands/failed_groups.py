"""Failed tasks by task and cause. Pure."""

import re
from collections.abc import Sequence

from taskfleet.api import Object

# What differs between two failures of the same cause: numbers, ids, addresses.
_VARIABLE = re.compile(r"0x[0-9a-fA-F]+|[0-9a-fA-F]{8}-[0-9a-fA-F-]{27}|\d+")


def grouped(tasks: Sequence[Object]) -> list[Object]:
    """The largest group first. `tasks` are as they are printed, the newest first; a group has its newest message."""
    groups: dict[tuple[str, str, str], Object] = {}
    for task in tasks:
        cause = _VARIABLE.sub("#", task["message"])
        known = groups.get((task["name"], task["exception"], cause))
        if known is None:
            groups[task["name"], task["exception"], cause] = {
                "count": 1,
                "name": task["name"],
                "exception": task["exception"],
                "message": task["message"],
                "first": task["time"],
                "last": task["time"],
            }
        else:
            known["count"] += 1
            known["first"] = task["time"]
    return sorted(groups.values(), key=lambda group: -group["count"])
