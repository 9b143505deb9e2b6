"""A CRD may add to the last release's, and take nothing away."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from taskfleet.api import KINDS, Object
from taskfleet.crds import crd
from tests.tools.schema_diff import breaking_changes

POOL = next(crd(info) for info in KINDS if info.kind == "WorkerPool")
Change = Callable[[Object], Any]


def schema(definition: Object) -> Object:
    found: Object = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return found


def spec(definition: Object) -> Object:
    found: Object = schema(definition)["properties"]["spec"]
    return found


def field(definition: Object, name: str) -> Object:
    found: Object = spec(definition)["properties"][name]
    return found


def changed(*changes: Change) -> Object:
    definition = copy.deepcopy(POOL)
    for change in changes:
        change(definition)
    return definition


def version(name: str, **options: Any) -> Change:
    def add(definition: Object) -> None:
        first = definition["spec"]["versions"][0]
        if options.get("storage"):
            first["storage"] = False
        definition["spec"]["versions"].append({**first, "name": name, "storage": False, **options})

    return add


BREAKING = {
    "a-field-is-gone": (lambda one: spec(one)["properties"].pop("image"), "spec.image is gone"),
    "a-field-below-a-list-is-gone": (
        lambda one: field(one, "env")["items"]["properties"].pop("value"),
        "spec.env[].value is gone",
    ),
    "a-status-is-gone": (
        lambda one: schema(one)["properties"]["status"]["properties"].pop("replicas"),
        "status.replicas is gone",
    ),
    "another-type": (lambda one: field(one, "concurrency").update(type="string"), "spec.concurrency: type changed"),
    "required": (lambda one: spec(one).setdefault("required", []).append("concurrency"), "concurrency became required"),
    "another-default": (lambda one: field(one, "queueOrder").update(default="X"), "spec.queueOrder: the default changed"),
    "a-new-default": (lambda one: field(one, "concurrency").update(default=8), "spec.concurrency: the default changed"),
    "a-value-is-gone": (lambda one: field(one, "pool")["enum"].pop(), "spec.pool: the values"),
    "values-of-a-free-field": (lambda one: field(one, "app").update(enum=["a"]), "spec.app: enum is new"),
    "a-bound-rises": (lambda one: field(one, "concurrency").update(minimum=3), "spec.concurrency: minimum rose"),
    "a-bound-falls": (lambda one: field(one, "concurrency").update(maximum=3), "spec.concurrency: maximum fell"),
    "a-new-bound": (lambda one: field(one, "template").update(maxProperties=1), "spec.template: maxProperties fell"),
    "a-pattern": (lambda one: field(one, "app").update(pattern="a"), "spec.app: pattern changed"),
    "a-rule": (
        lambda one: spec(one).setdefault("x-kubernetes-validations", []).append({"rule": "false", "message": "No."}),
        "spec: a rule is new: No.",
    ),
    "null-is-refused": (lambda one: field(one, "template").pop("nullable"), "spec.template: nullable is gone"),
    "merged-otherwise": (
        lambda one: field(one, "beat").pop("x-kubernetes-map-type"),
        "spec.beat: x-kubernetes-map-type changed",
    ),
    "another-scope": (lambda one: one["spec"].update(scope="Cluster"), "scope changed"),
    "a-short-name-is-gone": (lambda one: one["spec"]["names"].update(shortNames=[]), "names changed"),
    "a-version-is-gone": (
        lambda one: one["spec"]["versions"][0].update(name="v1"),
        "version v1alpha1 is gone",
    ),
    "a-version-is-not-served": (
        lambda one: one["spec"]["versions"][0].update(served=False),
        "version v1alpha1 is not served",
    ),
    "a-version-is-stored-at-once": (version("v1beta1", storage=True), "version v1beta1 is stored"),
}  # fmt: skip


@pytest.mark.parametrize(("change", "sentence"), BREAKING.values(), ids=BREAKING)
def test_what_breaks_is_named_with_its_path(change: Change, sentence: str) -> None:
    found = breaking_changes(POOL, changed(change))
    assert [one for one in found if sentence in one], found


ALLOWED: dict[str, Change] = {
    "nothing": lambda _: None,
    "a-field": lambda one: spec(one)["properties"].update(more={"type": "string"}),
    "a-value": lambda one: field(one, "pool")["enum"].append("processes"),
    "a-wider-bound": lambda one: field(one, "concurrency").update(minimum=0),
    "a-pattern-less": lambda one: field(one, "app").pop("pattern", None),
    "a-rule-less": lambda one: spec(one)["x-kubernetes-validations"].pop(),
    "another-description": lambda one: field(one, "app").update(description="Other words."),
    "a-column": lambda one: one["spec"]["versions"][0]["additionalPrinterColumns"].pop(),
    "a-short-name": lambda one: one["spec"]["names"]["shortNames"].append("pool"),
    "a-version-that-is-served": version("v1beta1"),
    "deprecation": lambda one: one["spec"]["versions"][0].update(
        deprecated=True, deprecationWarning="Use v1."
    ),
}


@pytest.mark.parametrize("change", ALLOWED.values(), ids=ALLOWED)
def test_what_adds_is_allowed(change: Change) -> None:
    assert breaking_changes(POOL, changed(change)) == []


def test_a_version_is_stored_one_release_after_it_is_first_served() -> None:
    served = changed(version("v1beta1"))

    def store(definition: Object) -> None:
        first, second = definition["spec"]["versions"]
        first["storage"], second["storage"] = False, True

    stored = copy.deepcopy(served)
    store(stored)
    assert breaking_changes(served, stored) == []
