"""docs/reference/api.md from the schemas: every field and every rule, in the words of `kubectl explain`."""

import re
from collections.abc import Iterator, Mapping

import yaml

from taskfleet.api import KindInfo, Object
from taskfleet.api.quantities import DURATION_RULE, SIZE_RULE
from taskfleet.api.result_backend import DATABASE_PATTERN
from taskfleet.api.schema import RULES

INTRODUCTION = (
    "<!-- Generated from operator/taskfleet/api by `make generate`; do not edit. -->\n# "
    "API reference\n\nEvery field of every kind, as `kubectl explain` shows it. A field without a "
    "default is optional unless it is\nmarked as required. Durations are hours, minutes and seconds "
    "in this order: `30s`, `5m`, `1h30m`. Sizes are whole\nnumbers with a unit: `256Mi`, `1Gi`.\n"
)
TYPE_BY_RULE = {DURATION_RULE.expression: "duration", SIZE_RULE.expression: "size"}


def reference(schemas: Mapping[KindInfo, Object]) -> str:
    """Write the page for the schemas of all kinds."""
    return INTRODUCTION + "".join(_kind(info, schema) for info, schema in schemas.items())


def _kind(info: KindInfo, schema: Object) -> str:
    parts = [f"\n## {info.kind}\n\n{schema['description']} Short name: `{', '.join(info.short_names)}`.\n"]
    for part in ("spec", "status"):
        rows = "".join(_row(path, field, required) for path, field, required in _fields(schema, part))
        parts.append(
            f"\n### {info.kind} {part}\n\n| field | type | default | meaning |\n|---|---|---|---|\n{rows}"
        )
    rules = "".join(f"- `{path}`: {message}\n" for path, message in _rules(schema, ""))
    return "".join(parts) + f"\n### {info.kind}: what is rejected\n\n{rules}"


def _fields(schema: Object, start: str) -> Iterator[tuple[str, Object, bool]]:
    """Walk the fields below `start`, each with its path and whether it is required."""
    parent = schema["properties"][start]
    for name, field in parent.get("properties", {}).items():
        if "description" not in field:  # of a pod template, which Kubernetes describes
            continue
        path = f"{start}.{name}"
        yield path, field, name in parent.get("required", ())
        inner = field.get("items", field)
        below = path + ("[]" if "items" in field else "")
        if "properties" in inner:
            yield from _fields({"properties": {below: inner}}, below)


def _row(path: str, field: Object, required: bool) -> str:
    has_default = field.get("default", {}) != {}
    default = "required" if required else f"`{shown(field['default'])}`" if has_default else ""
    return f"| `{path}` | {_type(field)} | {default} | {_cell(field['description'])} |\n"


def shown(default: object) -> str:
    """Write a default on one line, as YAML has it."""
    return yaml.safe_dump(default, default_flow_style=True, width=1000).removesuffix("...\n").strip()


def _type(field: Object) -> str:
    """Name a field's type for people, with its bounds."""
    if "enum" in field:
        return _cell(" | ".join(f"`{value}`" for value in field["enum"]))
    if "items" in field:
        return f"list of {_type(field['items'])}"
    if "additionalProperties" in field:
        return f"map of {_type(field['additionalProperties'])}"
    if "x-kubernetes-int-or-string" in field:
        return "integer or string" if field.get("pattern") == DATABASE_PATTERN else "quantity"
    for rule in field.get(RULES, ()):
        if rule["rule"] in TYPE_BY_RULE:
            return TYPE_BY_RULE[rule["rule"]]
    name: str = field.get("format") or field.get("type") or "any value"
    return " ".join([name, *_bounds(field)])


def _bounds(field: Object) -> list[str]:
    if "minimum" in field and "maximum" in field:
        return [f"{field['minimum']} to {field['maximum']}"]
    return [f"from {field['minimum']}"] if field.get("minimum") else []


def _rules(schema: Object, path: str) -> Iterator[tuple[str, str]]:
    """Walk the rules beyond types with the field that each speaks of; seen values are shown as <field>."""
    for rule in (rule for rule in schema.get(RULES, ()) if rule["rule"] not in TYPE_BY_RULE):
        yield f"{path}{rule.get('fieldPath', '')}".lstrip("."), rule["message"].replace("<", r"\<")
    for name, field in schema.get("properties", {}).items():
        yield from _rules(field, f"{path}.{name}")
    if "items" in schema:
        yield from _rules(schema["items"], f"{path}[]")


def _cell(text: str) -> str:
    """Keep a text inside its table cell, and what stands between < and > visible."""
    return re.sub(r"([|<])", r"\\\1", text)
