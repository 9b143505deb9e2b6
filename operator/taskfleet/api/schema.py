"""What a model says about its CRD beyond types: limits, CEL rules and columns.

The API server enforces these when an object is applied. The operator does not enforce them again when it
reads one, so that an object stored before a rule existed can still be looked at and deleted.
"""

from dataclasses import dataclass
from typing import Any

from pydantic import GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

RULES = "x-kubernetes-validations"


@dataclass(frozen=True)
class Rule:
    """A CEL rule and the sentence that a user reads when an object breaks it.

    Put it into `Annotated` for one field, or into a model's `rules` for several fields together.
    `optional_old_self` also runs a rule that names oldSelf when the object is created.
    """

    expression: str
    message: str
    optional_old_self: bool = False

    def as_schema(self) -> dict[str, Any]:
        """Return the entry of x-kubernetes-validations."""
        entry: dict[str, Any] = {"rule": self.expression, "message": self.message}
        if self.optional_old_self:
            entry["optionalOldSelf"] = True
        return entry

    def __get_pydantic_json_schema__(
        self, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        schema = handler(core_schema)
        return {**schema, RULES: [*schema.get(RULES, ()), self.as_schema()]}


class Limits:
    """Keywords of the field's OpenAPI schema, such as `minimum` or `maxLength`, for `Annotated`."""

    def __init__(self, **keywords: Any) -> None:
        self.keywords = keywords

    def __get_pydantic_json_schema__(
        self, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {**handler(core_schema), **self.keywords}


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
