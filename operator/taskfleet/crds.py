"""CRDs from the models. `python -m taskfleet.crds` writes all that is generated; `--check` only compares."""

import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import yaml
from pydantic.json_schema import GenerateJsonSchema

from taskfleet.api import GROUP, KINDS, VERSION, KindInfo, Object, format_duration
from taskfleet.chart_kinds import chart_kinds
from taskfleet.chart_readme import chart_readme
from taskfleet.plain_yaml import PlainDumper
from taskfleet.reference import reference, shown

REPOSITORY = Path(__file__).parents[2]
HEADER = "# Generated from operator/taskfleet/api by `make generate`; do not edit.\n"
AGE = {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}

_DROPPED = {"title", "$defs", "default"}


class _Generator(GenerateJsonSchema):
    """pydantic's generator, with durations in our form instead of ISO 8601."""

    def encode_default(self, dft: Any) -> Any:
        return format_duration(dft) if isinstance(dft, timedelta) else super().encode_default(dft)


def crd(info: KindInfo) -> Object:
    """Build the CustomResourceDefinition of a kind."""
    names = {
        "kind": info.kind,
        "listKind": f"{info.kind}List",
        "plural": info.plural,
        "singular": info.kind.lower(),
        "shortNames": list(info.short_names),
        "categories": ["taskfleet"],
    }
    subresources: Object = {"status": {}}
    if info.model.scale is not None:
        subresources["scale"] = info.model.scale.as_schema()
    explained = schema(info)
    explained["properties"]["spec"] = _telling_defaults(explained["properties"]["spec"])
    version = {
        "name": VERSION,
        "served": True,
        "storage": True,
        "additionalPrinterColumns": _columns(info),
        "subresources": subresources,
        "schema": {"openAPIV3Schema": explained},
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{info.plural}.{GROUP}"},
        "spec": {"group": GROUP, "names": names, "scope": "Namespaced", "versions": [version]},
    }


def _columns(info: KindInfo) -> list[Object]:
    """AGE follows the columns that are always shown, as kubectl's own tables have it."""
    narrow = [column.as_schema() for column in info.model.columns if not column.wide]
    wide = [column.as_schema() for column in info.model.columns if column.wide]
    return [*narrow, AGE, *wide]


def schema(info: KindInfo) -> Object:
    """Build the structural OpenAPI schema of a kind."""
    raw = info.model.model_json_schema(by_alias=True, schema_generator=_Generator)
    root = _structural(raw, raw.get("$defs", {}))
    _let_be_null(root["properties"]["spec"])
    root["properties"] = {
        "apiVersion": {"type": "string", "description": f"Always {GROUP}/{VERSION}."},
        "kind": {"type": "string", "description": f"Always {info.kind}."},
        **root["properties"],
        # Only what rules name; the API server knows the rest.
        "metadata": {"type": "object", "properties": {"name": {"type": "string"}}},
    }
    return root


def _structural(node: Object, definitions: Object) -> Object:
    """Turn pydantic's JSON schema into what a CRD may hold: no references, null types or titles."""
    node = _resolved(node, definitions)
    description = " ".join(node.pop("description", "").split())
    result: Object = {"description": description} if description else {}
    result |= {word: node[word] for word in ("type", *sorted(node)) if word in node and word not in _DROPPED}
    if result.get("x-kubernetes-preserve-unknown-fields"):
        result.pop("additionalProperties", None)
    if "properties" in result:
        result["properties"] = {
            name: _structural(part, definitions) for name, part in result["properties"].items()
        }
    for word in ("items", "additionalProperties"):
        if word in result:
            result[word] = _structural(result[word], definitions)
    default = _default(node.get("default"), result)
    return result if default is None else {**result, "default": default}


def _let_be_null(node: Object) -> None:
    """Let each object be null that may be left out and has no default.

    A server-side apply that empties a map which it has filled before makes a null of it. Where there is a default, the
    API server takes the null away by itself:
    https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#defaulting-and-nullable
    """
    for name, part in node.get("properties", {}).items():
        if part.get("type") == "object" and "default" not in part and name not in node.get("required", ()):
            part["nullable"] = True
        _let_be_null(part)
    for word in ("items", "additionalProperties"):
        if isinstance(node.get(word), dict):
            _let_be_null(node[word])


def _resolved(node: Object, definitions: Object) -> Object:
    """Replace a reference, or a union with null, by its target; the field's own description wins."""
    if "$ref" in node:
        target = definitions[node["$ref"].removeprefix("#/$defs/")]
    elif "anyOf" in node:
        (target,) = (part for part in node["anyOf"] if part != {"type": "null"})
    else:
        return dict(node)
    rest = {word: value for word, value in node.items() if word not in {"$ref", "anyOf"}}
    return {**_resolved(target, definitions), **rest}


def _default(default: Any, result: Object) -> Any:
    """An object defaults as a whole only to let the defaults below it in; an empty value is left out."""
    if "properties" in result:
        below = (part for part in result["properties"].values() if "default" in part)
        return {} if default is not None and any(below) else None
    return None if default in ("", [], {}) else default


def _telling_defaults(node: Object) -> Object:
    """End descriptions with the default, which `kubectl explain` does not show by itself."""
    result = dict(node)
    if node.get("default", {}) != {} and "description" in node:
        result["description"] += f" Default: {shown(node['default'])}."
    if "properties" in node:
        result["properties"] = {name: _telling_defaults(part) for name, part in node["properties"].items()}
    if "items" in node:
        result["items"] = _telling_defaults(node["items"])
    return result


class _Dumper(PlainDumper):
    """Indents lists below their key."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002
        super().increase_indent(flow, False)


def generated() -> dict[Path, str]:
    """Return every generated file of the repository with its text."""
    files = {}
    for info in KINDS:
        name = f"{GROUP}_{info.plural}.yaml"
        text = HEADER + yaml.dump(crd(info), Dumper=_Dumper, sort_keys=False, width=105)
        files[REPOSITORY / "crds" / name] = text
        files[REPOSITORY / "charts/taskfleet/files/crds" / name] = text  # a chart holds only what lies in it
    files[REPOSITORY / "charts/taskfleet/templates/_kinds.tpl"] = chart_kinds()
    values = (REPOSITORY / "charts/taskfleet/values.yaml").read_text()
    files[REPOSITORY / "charts/taskfleet/README.md"] = chart_readme(values)
    files[REPOSITORY / "docs" / "reference" / "api.md"] = reference({info: schema(info) for info in KINDS})
    return files


def main(arguments: list[str]) -> int:
    """Write the generated files, or with --check name those that differ."""
    files = generated()
    stale = [path for path, text in files.items() if not path.exists() or path.read_text() != text]
    if "--check" in arguments:
        for path in stale:
            print(f"{path.relative_to(REPOSITORY)} is not what the models say: run `make generate`.")  # noqa: T201
        return 1 if stale else 0
    for path in stale:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(files[path])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
