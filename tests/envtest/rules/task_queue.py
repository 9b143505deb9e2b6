"""TaskQueue: what is let in and what is refused."""

from functools import partial

from taskfleet.api import Object
from tests.envtest.rules.case import Case

OBJECT, STRING = (f'Invalid value: "{kind}": ' for kind in ("object", "string"))
RENAMED = (
    f"{OBJECT}queueName cannot change: create another TaskQueue for the other queue, and delete this one."
)


_case = partial(Case, "TaskQueue")


VALID_SPEC: Object = {}
CASES = (
    _case(
        "queue-name-changes",
        {"queueName": "emails", "alertAbove": {"waiting": 5}},
        {"queueName": "letters"},
        "queueName",
        RENAMED,
        before={"queueName": "emails"},
    ),
    _case(
        "queue-name-is-taken-away",
        {"queueName": "emails"},
        {},
        "queueName",
        RENAMED,
        before={"queueName": "emails"},
    ),
    _case(
        "the-name-may-be-written-out-as-queue-name",
        {"queueName": "subject"},
        {"queueName": "emails"},
        "queueName",
        RENAMED,
        before={},
    ),
    _case(
        "queue-name-with-a-comma",
        {"queueName": "emails.v2"},
        {"queueName": "emails,letters"},
        "queueName",
        f'{STRING}the queue name "emails,letters" is not valid: it must not be empty, contain a '
        "comma, or start or end with a space. Use an item for each queue.",
    ),
    _case(
        "alert-above-nothing",
        {"alertAbove": {"age": "10m"}},
        {"alertAbove": {}},
        "alertAbove",
        f"{OBJECT}alertAbove is empty: set waiting, age or both, or remove it.",
    ),
    _case(
        "alert-age-of-zero",
        {"alertAbove": {"waiting": 0, "age": "1s"}},
        {"alertAbove": {"age": "0s"}},
        "alertAbove.age",
        f"{STRING}0s is too short: use at least 1s, or remove the field.",
    ),
    _case(
        "alert-age-in-words",
        {"alertAbove": {"age": "1h"}},
        {"alertAbove": {"age": "an hour"}},
        "alertAbove.age",
        f'{STRING}"an hour" is not a valid duration: use hours, minutes and seconds, such as '
        "30s, 5m or 1h30m.",
    ),
)
