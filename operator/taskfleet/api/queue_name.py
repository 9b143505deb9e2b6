"""The name of a queue, wherever one is written."""

from typing import Annotated

from taskfleet.api.schema import PRINTABLE_RULE, Limits, Rule

QueueName = Annotated[
    str,
    Limits(maxLength=200),
    Rule(
        "self == self.trim() && self != '' && !self.contains(',')",
        'the queue name "{self}" is not valid: it must not be empty, contain a comma, or start '
        "or end with a space. Use an item for each queue.",
    ),
    PRINTABLE_RULE,
]
