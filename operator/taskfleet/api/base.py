"""The models' common ground: a frozen pydantic model in camelCase, and a Kubernetes object around it."""

from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, NamedTuple, Self

from pydantic import (
    AliasGenerator,
    BaseModel,
    ConfigDict,
    GetJsonSchemaHandler,
    PlainSerializer,
    ValidationError,
    model_validator,
)
from pydantic.alias_generators import to_camel
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from taskfleet.api.schema import RULES, Column, Rule, Scale

Object = dict[str, Any]
"""A Kubernetes object, or a part of one, as it travels in JSON."""

GROUP = "taskfleet.dev"
VERSION = "v1alpha1"


def rfc3339(moment: datetime) -> str:
    """In the form of metav1.Time."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


Timestamp = Annotated[datetime, PlainSerializer(rfc3339, return_type=str, when_used="json")]
"""A moment; whole seconds in UTC when written, as Kubernetes writes its own."""


class Model(BaseModel):
    """A part of an object. Unknown fields are ignored: a newer version may have stored them."""

    model_config = ConfigDict(
        alias_generator=AliasGenerator(validation_alias=to_camel, serialization_alias=to_camel),
        populate_by_name=True,
        extra="ignore",
        frozen=True,
        use_attribute_docstrings=True,
    )

    rules: ClassVar[tuple[Rule, ...]] = ()
    """What the API server checks across the fields of this model."""

    switch: ClassVar[bool] = False
    """Whether the part does something without any field, as `beat: {}` does. An apply that empties a map otherwise leaves
    null, which is the same as nothing; one that is atomic it replaces."""

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, raw: Any) -> Any:
        """A field that is null is a field that is left out."""
        if not isinstance(raw, dict) or None not in raw.values():
            return raw
        return {name: value for name, value in raw.items() if value is not None}

    def to_object(self) -> Object:
        """Return the JSON form, without the fields that have no value."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        schema = handler(core_schema)
        if cls.rules:
            handler.resolve_ref_schema(schema)[RULES] = [rule.as_schema() for rule in cls.rules]
        if cls.switch:
            handler.resolve_ref_schema(schema)["x-kubernetes-map-type"] = "atomic"
        return schema


class ObjectMeta(Model):
    """The metadata that the operator reads; the API server owns its schema."""

    name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    generation: int = 0
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    creation_timestamp: Timestamp | None = None
    deletion_timestamp: Timestamp | None = None


class Key(NamedTuple):
    """Names one object of ours in the cluster."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"


class InvalidObject(ValueError):  # noqa: N818 - it names what it reports
    """A stored object that its model cannot read. The text is a sentence for the user."""


class Resource(Model):
    """One of our objects; `kind` is the class's name."""

    # Children carry the name in labels (63 characters) and Services, with up to 23 characters after it.
    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "self.metadata.name.size() <= 40 && self.metadata.name.matches('^[a-z][a-z0-9-]*$')",
            "the name {self.metadata.name} is not valid: use at most 40 characters, lower-case "
            "letters, digits and -, starting with a letter.",
            field="metadata.name",
        ),
    )

    columns: ClassVar[tuple[Column, ...]] = ()
    """The columns of `kubectl get`."""

    scale: ClassVar[Scale | None] = None
    """Set for kinds with a scale subresource."""

    metadata: ObjectMeta = ObjectMeta()

    @property
    def name(self) -> str:
        return self.metadata.name

    @property
    def namespace(self) -> str:
        return self.metadata.namespace

    @property
    def key(self) -> Key:
        return Key(type(self).__name__, self.namespace, self.name)

    @classmethod
    def parse(cls, raw: Object) -> Self:
        """Read an object as the API server returned it.

        Raises InvalidObject when a value cannot be understood at all; one that only breaks a rule is read.
        """
        try:
            return cls.model_validate(raw)
        except ValidationError as error:
            raise InvalidObject(_sentence(error)) from None


def _sentence(error: ValidationError) -> str:
    """Say where the first wrong value stands and what it should be."""
    first, *others = error.errors(include_url=False)
    field = ".".join(str(step) for step in first["loc"])
    seen = "" if first["type"] == "missing" else f" is {first['input']!r:.80}"
    more = f" {len(others)} more problem{'s follow' if len(others) > 1 else ' follows'}." if others else ""
    return f"{field}{seen}: {first['msg'].removeprefix('Value error, ')}. Correct it and apply again.{more}"
