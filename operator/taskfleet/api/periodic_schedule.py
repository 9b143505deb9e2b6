"""PeriodicSchedule: one periodic task, sent by the broker's singleton beat."""

from typing import Annotated, Any, Literal

from taskfleet.api.base import Model, Resource, Timestamp
from taskfleet.api.conditions import READY_MESSAGE, READY_REASON, Status
from taskfleet.api.pod import AnyObject
from taskfleet.api.quantities import Count, PositiveDuration
from taskfleet.api.queue_name import QueueName
from taskfleet.api.references import BrokerRef
from taskfleet.api.requests import UserName
from taskfleet.api.schema import Column, FollowsLoad, Limits, Rule

SolarEvent = Literal[
    "dawn_astronomical",
    "dawn_nautical",
    "dawn_civil",
    "sunrise",
    "solar_noon",
    "sunset",
    "dusk_civil",
    "dusk_nautical",
    "dusk_astronomical",
]
MAX_TOKEN = 64
AnyValue = Annotated[Any, Limits(**{"x-kubernetes-preserve-unknown-fields": True, "nullable": True})]
"""Any JSON value, null included."""


CRON_RULE = Rule(
    r"self.matches('^@(yearly|annually|monthly|weekly|daily|midnight|hourly)$')"
    r" || self.matches('^\\s*([0-9A-Za-z*,/#-]+\\s+){4}[0-9A-Za-z*,/#-]+\\s*$')",
    '"{self}" is not a valid cron schedule: use five fields, minute hour day month weekday, '
    "such as 30 6 * * 1-5, or @yearly, @monthly, @weekly, @daily or @hourly.",
)
# CEL has no function that only asks whether a zone exists; reading a time in an unknown one is an error. The
# API server carries the list of zones itself. It would also take offsets and Local.
TIME_ZONE_RULE = Rule(
    "self.matches('^[A-Z]') && self != 'Local' && timestamp('2000-01-01T00:00:00Z').getFullYear(self) > 0",
    "the time zone is not valid: use an IANA time zone, such as Europe/Berlin.",
)


class Solar(Model):
    """A time of day that depends on the sun."""

    event: SolarEvent
    """The event, as in celery.schedules.solar."""

    latitude: Annotated[float, Limits(minimum=-90, maximum=90)]
    """Degrees north of the equator; negative south of it."""

    longitude: Annotated[float, Limits(minimum=-180, maximum=180)]
    """Degrees east of Greenwich; negative west of it."""


class PeriodicScheduleSpec(Model):
    """What to send and when: exactly one of schedule, interval, solar and clocked."""

    rules = (
        Rule(
            "[has(self.schedule), has(self.interval), has(self.solar), has(self.clocked)].exists_one(x, x)",
            "exactly one of schedule, interval, solar and clocked must be set: set one, and "
            "remove the others.",
        ),
    )

    broker_ref: BrokerRef = BrokerRef()
    """The Broker that holds the queue."""

    task: Annotated[str, Limits(minLength=1, maxLength=500)]
    """The task's name, such as shop.tasks.send_report."""

    args: Annotated[list[AnyValue], Limits(maxItems=1000)] = []
    """Positional arguments, as JSON."""

    kwargs: AnyObject = {}
    """Keyword arguments, as JSON. Client-side `kubectl apply` drops nulls in them; --server-side keeps them."""

    queue: QueueName | None = None
    """The queue to send to. Defaults to celery."""

    priority: Annotated[int, Limits(minimum=0, maximum=255)] | None = None
    """The message's priority. 0 is the highest on Redis and the lowest on RabbitMQ."""

    expires: PositiveDuration | None = None
    """A run that waits in its queue for longer than this is discarded."""

    headers: AnyObject = {}
    """Message headers, as JSON."""

    schedule: Annotated[str, Limits(maxLength=200), CRON_RULE] | None = None
    """Five cron fields, minute hour day month weekday, such as 30 6 * * 1-5, or @yearly, @monthly, @weekly, @daily
    or @hourly. Fields and daylight saving time work as in Kubernetes CronJobs."""

    interval: PositiveDuration | None = None
    """The time between two runs, counted from the creation of this object."""

    solar: Solar | None = None
    """One run a day, at a time that depends on the sun."""

    clocked: Timestamp | None = None
    """The time of a single run, such as 2030-01-31T08:00:00Z."""

    time_zone: Annotated[str, Limits(maxLength=100), TIME_ZONE_RULE] = "UTC"
    """The IANA time zone of schedule, such as Europe/Berlin."""

    suspend: bool = False
    """Sends no runs while true. Runs that are due in that time are skipped."""

    starting_deadline: PositiveDuration | None = None
    """A run that is late by more than this is skipped and counted as missed. By default there is no deadline."""

    catch_up: Literal["Latest", "None"] = "Latest"
    """How missed runs are handled. Latest sends the latest of them. None sends none."""


class Trigger(Model):
    """The last run that was requested in addition to the schedule."""

    token: Annotated[str, Limits(maxLength=MAX_TOKEN)]
    """The value of the annotation taskfleet.dev/trigger."""

    task_id: str
    """The id of the task that was sent."""

    requested_by: UserName | None = None
    """Who requested it, as the annotation taskfleet.dev/requested-by says."""


class PeriodicScheduleStatus(Status):
    """The runs that were sent, and the next one."""

    last_schedule_time: Annotated[Timestamp | None, FollowsLoad()] = None
    """The scheduled time of the last run that was sent."""

    next_schedule_time: Annotated[Timestamp | None, FollowsLoad()] = None
    """The scheduled time of the next run."""

    total_run_count: Annotated[Count, FollowsLoad()] = 0
    """Runs that were sent."""

    missed_run_count: Annotated[Count, FollowsLoad()] = 0
    """Scheduled runs that were skipped."""

    last_task_id: Annotated[str | None, FollowsLoad()] = None
    """The task id of the last run."""

    last_trigger: Trigger | None = None
    """The last run that was requested, as by `kubectl taskfleet trigger`."""


class PeriodicSchedule(Resource):
    """One periodic task, sent to a queue by the broker's beat."""

    columns = (
        Column("Schedule", ".spec['schedule','interval','clocked']"),
        Column("TZ", ".spec.timeZone"),
        Column("Suspend", ".spec.suspend", "boolean"),
        Column("Last", ".status.lastScheduleTime", "date"),
        Column("Next", ".status.nextScheduleTime"),
        Column("Runs", ".status.totalRunCount", "integer"),
        Column("Status", READY_REASON),
        Column("Solar", ".spec.solar.event", wide=True),
        Column("Missed", ".status.missedRunCount", "integer", wide=True),
        Column("Task", ".spec.task", wide=True),
        Column("Queue", ".spec.queue", wide=True),
        Column("Broker", ".spec.brokerRef.name", wide=True),
        Column("Message", READY_MESSAGE, wide=True),
    )

    spec: PeriodicScheduleSpec
    """What to send and when."""

    status: PeriodicScheduleStatus = PeriodicScheduleStatus()
    """The observed state, written by the operator."""
