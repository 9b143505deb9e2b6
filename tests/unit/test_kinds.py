"""The lists of CONTRIBUTING.md, held: what a kind comes with, and where its names have to stand."""

import re
import tomllib
from collections.abc import Iterator
from enum import StrEnum
from importlib import import_module
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from pydantic.alias_generators import to_snake

from taskfleet.api import KINDS, KindInfo, Resource, WorkerPoolStatus, reasons
from taskfleet.app import RECONCILERS
from taskfleet.cli.cluster import COMMANDS
from taskfleet.kube.resource_types import OWN_TYPES
from tests.envtest.rules import CASES

REPOSITORY = Path(__file__).parents[2]
CONTRIBUTING = (REPOSITORY / "CONTRIBUTING.md").read_text()
# Of a status, numbers that decide something: they are written at once.
URGENT = {"desired_replicas", "observed_generation"}
CONTROLLERS = REPOSITORY / "operator/taskfleet/controllers"
kinds = pytest.mark.parametrize("info", KINDS, ids=lambda info: info.kind)


def section(title: str) -> str:
    return CONTRIBUTING.split(f"\n## {title}\n")[1].split("\n## ")[0]


def contract(name: str) -> dict[str, list[str]]:
    """The contract of import-linter whose name starts so."""
    settings = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    contracts: list[dict[str, Any]] = settings["tool"]["importlinter"]["contracts"]
    return next(one for one in contracts if one["name"].startswith(name))


def files_of_a_kind() -> list[str]:
    """The paths in the first column of the list, one a file."""
    rows = re.findall(r"^\| (`.+?) \|", section("Add a kind"), re.MULTILINE)
    return [path for row in rows for path in re.findall(r"`([^`]+)`", row)]


@kinds
def test_a_kind_has_every_file_of_the_list(info: KindInfo) -> None:
    for path in files_of_a_kind():
        pattern = re.sub(r"<(?!kind>)\w+>", "*", path).replace("<kind>", to_snake(info.kind))
        assert list(REPOSITORY.glob(pattern)), f"add {path}"


def test_a_kind_takes_as_many_files_as_the_list_says() -> None:
    said = re.search(r"(\d+) files by hand", section("Add a kind"))
    assert said
    assert int(said[1]) == len(files_of_a_kind()) <= 15


def test_a_field_takes_at_most_eight_files() -> None:
    said = re.search(r"(\d+) files by hand", section("Add a field"))
    assert said
    assert int(said[1]) <= 8


def test_every_model_of_an_object_is_a_kind() -> None:
    assert {info.model for info in KINDS} == set(Resource.__subclasses__()), "add it to KINDS in api/kinds.py"
    assert OWN_TYPES.keys() == {info.kind for info in KINDS}


@kinds
def test_the_names_of_a_kind_follow_from_its_model(info: KindInfo) -> None:
    assert info.kind == info.model.__name__
    assert info.plural == f"{info.kind.lower()}s"
    assert info.model.__module__ == f"taskfleet.api.{to_snake(info.kind)}"


@kinds
def test_a_kind_has_an_enum_of_its_reasons(info: KindInfo) -> None:
    enums = [name for name, value in vars(reasons).items() if isinstance(value, type(StrEnum))]
    own = [name for name in enums if name != "Reason" and info.kind.endswith(name.removesuffix("Reason"))]
    assert own, "add an enum to api/reasons.py"


@kinds
def test_a_kind_has_a_reconciler_that_knows_no_other(info: KindInfo) -> None:
    module = f"taskfleet.controllers.{to_snake(info.kind)}"
    assert RECONCILERS.keys() == {each.kind for each in KINDS}, "add it to RECONCILERS in app.py"
    assert RECONCILERS[info.kind] is import_module(module).reconcile
    independent = contract("A reconciler knows")["modules"]
    assert module in independent, "add it to the contract in pyproject.toml"


@pytest.mark.parametrize(
    "module", sorted(CONTROLLERS.glob("*_plan.py")) + sorted(CONTROLLERS.glob("*_report.py"))
)
def test_what_plans_and_reports_is_held_to_be_pure(module: Path) -> None:
    pure = contract("Plans and reports")["source_modules"]
    assert f"taskfleet.controllers.{module.stem}" in pure, "add it to the contract in pyproject.toml"


@kinds
def test_a_kind_has_an_example(info: KindInfo) -> None:
    manifests = (REPOSITORY / "examples").rglob("*.yaml")
    shown = {obj["kind"] for path in manifests for obj in yaml.safe_load_all(path.read_text())}
    assert info.kind in shown, f"add a {info.kind} to a manifest below examples/"


@kinds
def test_a_kind_has_a_page(info: KindInfo) -> None:
    concepts = REPOSITORY / "docs/explanation/concepts.md"
    link = re.search(rf"\[`{info.kind}`\]\((.+?\.md)\)", concepts.read_text())
    assert link, f"link {info.kind}'s page from the table in docs/explanation/concepts.md"
    assert f"`{info.kind}`" in (concepts.parent / link[1]).read_text()


@kinds
def test_the_changelog_names_a_kind(info: KindInfo) -> None:
    assert f"`{info.kind}`" in (REPOSITORY / "CHANGELOG.md").read_text(), "add its line to CHANGELOG.md"


@kinds
def test_a_kind_has_tests_of_its_rules(info: KindInfo) -> None:
    assert [case for case in CASES if case.kind == info.kind], "add a table to tests/envtest/rules"


@pytest.mark.parametrize("file", ["_helpers.tpl", "user-roles.yaml"])
def test_the_rights_to_all_kinds_are_generated(file: str) -> None:
    lists = re.findall(
        r"apiGroups: \[taskfleet\.dev\]\n\s+resources: (.+)",
        (REPOSITORY / "charts/taskfleet/templates" / file).read_text(),
    )
    by_hand = [found for found in lists if "include" not in found]
    # The one Broker that the operator creates.
    assert by_hand == (["[brokers]"] if file == "_helpers.tpl" else [])


def types_in(annotation: Any) -> Iterator[Any]:
    """The type, and those that a union or an annotated type is made of."""
    yield annotation
    for part in get_args(annotation):
        yield from types_in(part)


@kinds
def test_a_number_in_a_status_follows_the_load_or_is_urgent(info: KindInfo) -> None:
    """Else each change of a counter is a write of its own."""
    numbers = {
        field.serialization_alias
        for name, field in info.status.model_fields.items()
        if name not in URGENT and {int, float} & {*types_in(field.annotation)}
    }
    assert numbers <= info.status.counters(), "mark it with FollowsLoad"


def test_numbers_in_a_status_are_found() -> None:
    found = {
        name for name, field in WorkerPoolStatus.model_fields.items() if int in types_in(field.annotation)
    }
    assert {"waiting", "desired_replicas"} <= found


def test_commands_name_a_kind_as_kubectl_does() -> None:
    names = {name for info in KINDS for name in info.short_names}
    taken = {
        (argument.metavar or "").strip("[]").partition("/")[0]
        for command in COMMANDS
        for argument in command.params
        if argument.name == "name"
    }
    assert taken <= names
    assert taken
