"""PeriodicSchedule: what is let in and what is refused."""

from functools import partial

from taskfleet.api import Object
from tests.envtest.rules.case import Case

OBJECT, STRING = (f'Invalid value: "{kind}": ' for kind in ("object", "string"))
SUNRISE = {"event": "sunrise", "latitude": 52.5, "longitude": 13.4}


_case = partial(Case, "PeriodicSchedule")


def _cron(good: str, bad: str) -> Case:
    answer = (
        f'{STRING}"{bad}" is not a valid cron schedule: use five fields, minute hour day month '
        "weekday, such as 30 6 * * 1-5, or @yearly, @monthly, @weekly, @daily or @hourly."
    )
    accepted, rejected = ({"interval": None, "schedule": text} for text in (good, bad))
    return _case(f"cron {bad!r}", accepted, rejected, "schedule", answer)


def _too_short(field: str) -> Case:
    answer = f"{STRING}0s is too short: use at least 1s, or remove the field."
    return _case(f"{field}-of-zero", {field: "1s"}, {field: "0s"}, f"{field}", answer)


VALID_SPEC: Object = {"task": "proj.tasks.report", "interval": "10s"}
CASES = (
    *(
        _case(
            f"{name}-kinds-of-schedule",
            accepted,
            rejected,
            "",
            f"{OBJECT}exactly one of schedule, interval, solar and clocked must be set: set one, "
            "and remove the others.",
        )
        for name, accepted, rejected in (
            ("no", {"interval": "2s"}, {"interval": None}),
            ("two", {"interval": None, "schedule": "@daily"}, {"schedule": "@daily"}),
            (
                "three",
                {"interval": None, "clocked": "2030-01-31T08:00:00Z"},
                {"clocked": "2030-01-31T08:00:00Z", "solar": SUNRISE},
            ),
            ("four", {"interval": None, "solar": SUNRISE}, {"schedule": "@daily", "solar": SUNRISE}),
        )
    ),
    _cron("30 6 * * 1-5", "30 6 * *"),
    _cron("*/5 0-12/2 1,15 jan-mar SUN", "* * * * * *"),
    _cron("@hourly", "@reboot"),
    _cron("0 12 L * 5#3", "every day"),
    _too_short("interval"),
    _too_short("expires"),
    _too_short("startingDeadline"),
    _case(
        "interval-in-words",
        {"interval": "1h30m"},
        {"interval": "90 min"},
        "interval",
        f'{STRING}"90 min" is not a valid duration: use hours, minutes and seconds, such as '
        "30s, 5m or 1h30m.",
    ),
    _case(
        "unknown-time-zone",
        {"timeZone": "America/Argentina/Buenos_Aires"},
        {"timeZone": "Mars/Base"},
        "timeZone",
        f"{STRING}unknown time zone Mars/Base evaluating rule: the time zone is not valid: use an "
        "IANA time zone, such as Europe/Berlin.",
    ),
    *(
        _case(
            f"{zone or 'no'}-is-no-zone",
            {"timeZone": "Europe/Berlin"},
            {"timeZone": zone},
            "timeZone",
            f"{STRING}the time zone is not valid: use an IANA time zone, such as Europe/Berlin.",
        )
        for zone in ("", "Local", "+02:00")
    ),
    _case(
        "queue-with-a-comma",
        {"queue": "reports"},
        {"queue": "a,b"},
        "queue",
        f'{STRING}the queue name "a,b" is not valid: it must not be empty, contain a comma, or '
        "start or end with a space. Use an item for each queue.",
    ),
    _case(
        "unknown-solar-event",
        {"interval": None, "solar": SUNRISE},
        {"interval": None, "solar": {**SUNRISE, "event": "eclipse"}},
        "solar.event",
        'Unsupported value: "eclipse": supported values: "dawn_astronomical", "dawn_nautical", "dawn_civil", '
        '"sunrise", "solar_noon", "sunset", "dusk_civil", "dusk_nautical", "dusk_astronomical"',
    ),
    _case(
        "arguments-that-are-no-list",
        {"args": [None, 1, "two", {"three": [4.5]}, [True]]},
        {"args": "one"},
        "args",
        'Invalid value: "string": spec.args in body must be of type array: "string"',
    ),
    _case(
        "a-moment-without-a-time",
        {"interval": None, "clocked": "2030-01-31T08:00:00+01:00"},
        {"interval": None, "clocked": "2030-01-31"},
        "clocked",
        'Invalid value: "2030-01-31": spec.clocked in body must be of type date-time: "2030-01-31"',
    ),
)
