"""The timing of an entry, by what its `schedule` says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from taskfleet_worker.beat.cron import Cron
from taskfleet_worker.beat.plan import Every, Once, PlanError, Timing
from taskfleet_worker.beat.sun import Sun


def timing(schedule: Mapping[str, Any]) -> Timing:
    """Read an entry's `schedule`: docs/explanation/design/schedules.md. Raises PlanError."""
    if "cron" in schedule:
        return Cron(schedule["cron"], schedule["timeZone"])
    if "every" in schedule:
        return Every(schedule["every"], schedule["anchor"])
    if "solar" in schedule:
        return Sun(schedule["solar"], schedule["latitude"], schedule["longitude"])
    if "clocked" in schedule:
        return Once(schedule["clocked"])
    raise PlanError(
        f"beat does not support a schedule of {', '.join(schedule) or 'nothing'}: use images of "
        "the same release."
    )
