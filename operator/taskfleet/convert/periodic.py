"""CronJobs that send a task by `celery call`, as PeriodicSchedules."""

import json
from datetime import timedelta
from typing import Any

from taskfleet.api import Object, format_duration
from taskfleet.convert import readers
from taskfleet.convert.celery_options import Option
from taskfleet.convert.command_line import Invocation
from taskfleet.convert.draft import Draft, Dropped, Field, Missing, Table, Unreadable
from taskfleet.convert.notes import Verdict
from taskfleet.convert.workload import part, whole


def _json(value: Any) -> Any:
    try:
        return json.loads(str(value))
    except ValueError:
        raise Unreadable(f"{value!r} is not valid JSON.") from None


OPTIONS: Table = {
    "--args": Field("args", _json),
    "--kwargs": Field("kwargs", _json),
    "--queue": Field("queue"),
    "--expires": Field("expires", readers.limit),
    "--app": Dropped("the Broker's beat sends the task without the app.", Verdict.KEPT),
    "--broker": Dropped("the Broker has the URL."),
    "--countdown": Missing("a run is sent at its scheduled time: add the delay to the schedule."),
    "--eta": Missing("a run is sent at its scheduled time."),
    "--serializer": Missing("messages are JSON."),
    "--exchange": Missing("a task is routed by the queue name: set spec.queue."),
    "--routing-key": Missing("a task is routed by the queue name: set spec.queue."),
}


def place_schedule(draft: Draft, cron_job: Object, invocation: Invocation) -> None:
    """Put a CronJob and its `celery call` into the spec of a PeriodicSchedule."""
    spec = part(cron_job, "spec")
    draft.spec["task"] = invocation.arguments[0]
    draft.notes.kept("task", invocation.arguments[0])
    for option in invocation.options:
        _place_option(draft, option)
    _place_schedule(draft, str(spec.get("schedule", "")), str(spec.get("timeZone") or ""))
    if spec.get("suspend"):
        draft.spec["suspend"] = True
        draft.notes.kept("suspend", "suspend: true")
    if deadline := whole(spec.get("startingDeadlineSeconds"), 0):
        draft.spec["startingDeadline"] = format_duration(timedelta(seconds=deadline))
        draft.notes.kept("startingDeadlineSeconds", f"startingDeadline: {draft.spec['startingDeadline']}")
    draft.notes.changed("pod", "not needed: the Broker's beat sends the task.")
    draft.notes.by_hand(
        "broker", "check that Broker default is the one that the CronJob sends to, or set brokerRef."
    )
    draft.notes.by_hand("object", "delete the CronJob; otherwise its task is sent twice.")
    if spec.get("concurrencyPolicy") in ("Forbid", "Replace"):
        draft.notes.lost("concurrencyPolicy", "it limited the sending only: use a lock in the task.")


def _place_option(draft: Draft, option: Option) -> None:
    if option.name in OPTIONS:
        draft.place(OPTIONS, option.name, option.value)
    else:
        draft.notes.lost(option.name, "unknown option of celery call: check whether it still matters.")


def _place_schedule(draft: Draft, schedule: str, zone: str) -> None:
    """A schedule may begin with its zone, as in CRON_TZ=Europe/Berlin 0 4 * * *."""
    first, _, rest = schedule.partition(" ")
    if first.startswith(("TZ=", "CRON_TZ=")):
        zone, schedule = zone or first.partition("=")[2], rest
    draft.spec["schedule"] = schedule
    draft.notes.kept("schedule", schedule)
    if zone:
        draft.spec["timeZone"] = zone
        draft.notes.kept("timeZone", zone)
    else:
        draft.notes.changed("timeZone", "UTC; a CronJob without a time zone uses that of the control plane.")
