"""When Celery's own beat would run a crontab or a solar schedule. Runs with the Python that has Celery.

Standard input: JSON, a list of {cron: five fields} or {solar: event, latitude, longitude}, each with {zone, start,
end, step}: times as in ISO 8601, the step in seconds between two looks. Standard output: {celery: its version, runs:
for each the times at which it was due, in the zone}.
"""

import json
import sys
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import celery
from celery.schedules import crontab, solar


def schedule(case: dict[str, Any], clock: Any, app: Any) -> Any:
    if "solar" in case:
        return solar(case["solar"], case["latitude"], case["longitude"], nowfun=clock, app=app)
    minute, hour, day, month, weekday = case["cron"].split()
    return crontab(minute, hour, weekday, day, month, nowfun=clock, app=app)


def runs(case: dict[str, Any]) -> list[str]:
    """As beat asks: is it due now, when it last ran then?"""
    app = celery.Celery("schedules")
    app.conf.timezone = case["zone"]
    zone = ZoneInfo(case["zone"])
    moment, end = (datetime.fromisoformat(case[name]).astimezone(zone) for name in ("start", "end"))
    now = last = moment
    asked = schedule(case, lambda: now, app)
    found = []
    for instant in range(int(moment.timestamp()), int(end.timestamp()) + 1, case["step"]):
        now = datetime.fromtimestamp(instant, zone)
        if asked.is_due(last).is_due:
            found.append(now.isoformat(timespec="minutes"))
            last = now
    return found


if __name__ == "__main__":
    json.dump(
        {"celery": celery.__version__, "runs": [runs(case) for case in json.load(sys.stdin)]}, sys.stdout
    )
