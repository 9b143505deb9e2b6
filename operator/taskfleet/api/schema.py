"""What a model says about its CRD beyond types: limits, CEL rules and columns.

The API server enforces these when an object is applied. The operator does not enforce them again when it
reads one, so that an object stored before a rule existed can still be read and deleted.
"""

import json
import re
from dataclasses import dataclass
from typing import Any

from pydantic import GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

RULES = "x-kubernetes-validations"


_VALUE = re.compile(r"\{([^{}]+)\}")


@dataclass(frozen=True)
class Rule:
    """A CEL rule and the sentence that a user reads when an object breaks it.

    Put it into `Annotated` for one field, or into a model's `rules` for several fields together. The message
    may hold CEL in braces, such as {self.pool}, which shows the value seen. `field` is the one of the model's
    fields that the API server names in its answer. `optional_old_self` runs a rule that asks for oldSelf
    when the object is created, too. `message_expression` is the message in CEL, for one that braces cannot hold.
    """

    expression: str
    message: str
    field: str | None = None
    optional_old_self: bool = False
    message_expression: str | None = None

    def as_schema(self) -> dict[str, Any]:
        """Return the entry of x-kubernetes-validations."""
        entry: dict[str, Any] = {"rule": self.expression, "message": _VALUE.sub(_placeholder, self.message)}
        if self.message_expression is not None:
            entry["messageExpression"] = self.message_expression
        elif _VALUE.search(self.message):
            entry["messageExpression"] = self._values_shown()
        if self.field is not None:
            entry["fieldPath"] = f".{self.field}"
        if self.optional_old_self:
            entry["optionalOldSelf"] = True
        return entry

    def _values_shown(self) -> str:
        """Write the message as a CEL string that takes its values by %s."""
        text = json.dumps(_VALUE.sub("%s", self.message.replace("%", "%%")))
        return f"{text}.format([{', '.join(_VALUE.findall(self.message))}])"

    def __get_pydantic_json_schema__(
        self, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        schema = handler(core_schema)
        return {**schema, RULES: [*schema.get(RULES, ()), self.as_schema()]}


def _placeholder(match: re.Match[str]) -> str:
    return "<" + match[1].removeprefix("self.").replace("self", "value") + ">"


PRINTABLE_RULE = Rule(
    r"!self.matches('[\\x00-\\x1f\\x7f]')",
    "control characters, such as line breaks, are not allowed here: remove them.",
)
"""For texts that the operator sends to servers which are not its own."""


class Limits:
    """Keywords of the field's OpenAPI schema, such as `minimum` or `maxLength`, for `Annotated`."""

    def __init__(self, **keywords: Any) -> None:
        self.keywords = keywords

    def __get_pydantic_json_schema__(
        self, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {**handler(core_schema), **self.keywords}


class FollowsLoad:
    """Marks a field of a status, for `Annotated`: it follows the load, so that a change of it alone is written later."""


@dataclass(frozen=True)
class Column:
    """A column of `kubectl get`; `wide` ones appear with `-o wide` only."""

    name: str
    path: str
    type: str = "string"
    wide: bool = False

    def as_schema(self) -> dict[str, Any]:
        """Return the entry of additionalPrinterColumns."""
        entry: dict[str, Any] = {"name": self.name, "type": self.type, "jsonPath": self.path}
        if self.wide:
            entry["priority"] = 1
        return entry


@dataclass(frozen=True)
class Scale:
    """Where `kubectl scale` and autoscalers find a kind's numbers."""

    replicas: str
    status_replicas: str
    selector: str

    def as_schema(self) -> dict[str, Any]:
        """Return the scale subresource."""
        return {
            "specReplicasPath": self.replicas,
            "statusReplicasPath": self.status_replicas,
            "labelSelectorPath": self.selector,
        }
