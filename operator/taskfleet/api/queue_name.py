"""The name of a queue, wherever one is written."""

from typing import Annotated

from taskfleet.api.schema import PRINTABLE_RULE, Limits, Rule

QueueName = Annotated[
    str,
    Limits(maxLength=200),
    Rule(
        "self == self.trim() && self != '' && !self.contains(',')",
        'the queue name "{self}" cannot be used: it must not be empty, hold a comma, or begin or end with a '
        "space. Write each queue as an item of its own.",
    ),
    PRINTABLE_RULE,
]
