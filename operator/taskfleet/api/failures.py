"""What a WorkerPool keeps of its failed tasks."""

from datetime import timedelta
from typing import Annotated

from taskfleet.api.base import Model
from taskfleet.api.quantities import PositiveDuration
from taskfleet.api.schema import Limits, Rule

MAX_LIMIT = 10_000


class Failures(Model):
    """The records of failed tasks, kept in the pool's Redis and listed by `kubectl taskfleet failed`."""

    rules = (
        Rule(
            "!has(self.messages) || !self.messages || !has(self.enabled) || self.enabled",
            "messages is set, but enabled is false, so nothing is kept: set enabled to true, or remove messages.",
            field="messages",
        ),
        Rule(
            "!has(self.arguments) || !self.arguments || !has(self.enabled) || self.enabled",
            "arguments is set, but enabled is false, so nothing is kept: set enabled to true, or remove arguments.",
            field="arguments",
        ),
    )

    enabled: bool = True
    """Whether workers record failed tasks. A record has the text and the traceback of the exception, which may contain
    personal data."""

    limit: Annotated[int, Limits(minimum=1, maximum=MAX_LIMIT)] = 1000
    """The number of records to keep. The oldest are removed first."""

    retention: PositiveDuration = timedelta(hours=168)
    """The age above which a record is removed."""

    arguments: bool = False
    """Whether a record has the arguments of the task, as Celery shows them in its logs. They may contain personal
    data."""

    messages: bool = False
    """Whether the message of the task is kept, up to 64 KiB, so that the task can be sent again with
    `kubectl taskfleet failed --retry`. It contains the arguments."""
