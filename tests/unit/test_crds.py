"""The generated CRDs and the reference."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from taskfleet import crds
from taskfleet.api import KINDS, KindInfo, Object
from taskfleet.api.names import NAME_PATTERN
from taskfleet.api.schema import RULES
from tests.envtest.mutations.mutation import mutations
from tests.envtest.mutations.properties import properties
from tests.envtest.rules import CASES

GENERATED = crds.generated()
kinds = pytest.mark.parametrize("info", KINDS, ids=lambda info: info.kind)


def walk(schema: Object, path: str = "") -> Iterator[tuple[str, Object]]:
    """Every schema within a schema, with its path; items are written as []."""
    yield path, schema
    for name, part in schema.get("properties", {}).items():
        yield from walk(part, f"{path}.{name}".lstrip("."))
    if "items" in schema:
        yield from walk(schema["items"], f"{path}[]")
    if "additionalProperties" in schema:
        yield from walk(schema["additionalProperties"], f"{path}{{}}")


@kinds
def test_every_field_is_described_in_sentences(info: KindInfo) -> None:
    wanting = [
        path
        for path, part in walk(crds.schema(info))
        if not path.startswith("metadata")
        and not path.endswith(("[]", "{}"))
        and ".template.spec" not in path  # Kubernetes describes it
        and not re.fullmatch(r"\S.+\.", part.get("description", ""))
    ]
    assert wanting == []


@kinds
def test_the_schema_is_structural(info: KindInfo) -> None:
    """Structural schemas have no references, unions or titles, and a type everywhere but for any value."""
    for path, part in walk(crds.schema(info)):
        assert not {"$ref", "$defs", "anyOf", "oneOf", "allOf", "title", "const"} & part.keys(), path
        assert "type" in part or part.keys() & {
            "x-kubernetes-int-or-string",
            "x-kubernetes-preserve-unknown-fields",
        }, path


@kinds
def test_defaults_below_an_object_reach_objects_that_leave_it_out(info: KindInfo) -> None:
    """The API server fills a default in only where the object around it exists or has a default itself."""
    spec = crds.schema(info)["properties"]["spec"]
    required_anyway = "spec" in crds.schema(info).get("required", ())
    assert required_anyway or spec["default"] == {}
    assert crds.schema(info)["properties"]["status"]["default"] == {}


@kinds
def test_every_rule_has_an_object_that_breaks_it(info: KindInfo) -> None:
    """The names' rule has tests of its own."""
    answers = [case.answer for case in CASES if case.kind == info.kind]
    messages = {
        rule["message"]: re.compile(re.sub("<[^>]+>", ".*", re.escape(rule["message"])) + "$")
        for path, part in walk(crds.schema(info))
        if not path.startswith("status")
        for rule in part.get(RULES, ())
        if "self.metadata.name.size()" not in rule["rule"]
    }
    unbroken = [text for text, form in messages.items() if not any(map(form.search, answers))]
    assert unbroken == [], "add cases to tests/envtest/rules"


def test_every_property_has_values_for_the_mutations() -> None:
    assert {str(one) for one in properties()} == {str(one.of) for one in mutations()}


def test_generating_twice_gives_the_same() -> None:
    assert crds.generated() == GENERATED


@pytest.mark.parametrize(("path", "text"), GENERATED.items(), ids=lambda value: getattr(value, "name", ""))
def test_the_committed_file_is_what_the_models_say(path: Path, text: str) -> None:
    assert path.read_text() == text, "run `make generate`"


def test_a_stale_file_is_named_with_the_way_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    changed = crds.REPOSITORY / "crds" / "changed.yaml"
    monkeypatch.setattr(crds, "generated", lambda: {changed: "new"})
    assert crds.main(["--check"]) == 1
    assert capsys.readouterr().out == "crds/changed.yaml is not what the models say: run `make generate`.\n"
    assert not changed.exists()


@kinds
def test_every_reference_holds_the_rule_for_names(info: KindInfo) -> None:
    """A reference without it could lead out of its namespace."""
    unchecked = [
        path
        for path, part in walk(crds.schema(info)["properties"]["spec"])
        if re.search(r"(Ref|Refs\[\])\.name$|ClassName$", path)
        and not any(NAME_PATTERN in rule["rule"] for rule in part.get(RULES, ()))
    ]
    assert unchecked == []
