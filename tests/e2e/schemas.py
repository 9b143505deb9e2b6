"""JSON schemas of a cluster's API for kubeconform, which would fetch them from the internet otherwise."""

import json
from pathlib import Path
from typing import Any

from taskfleet.api import Object
from tests.tools.kube import Kube

LOCATION = "{{.ResourceKind}}{{.KindSuffix}}.json"


def write_schemas(kube: Kube, folder: Path) -> str:
    """Write a schema for every kind that the API server knows; kubeconform's `-schema-location`."""
    for path in kube.request("GET", "/openapi/v3")["paths"]:
        if path.startswith(("api/", "apis/")):
            schemas = kube.request("GET", f"/openapi/v3/{path}").get("components", {}).get("schemas", {})
            _write({name: _strict(schema) for name, schema in schemas.items()}, folder)
    return f"{folder}/{LOCATION}"


def _write(schemas: Object, folder: Path) -> None:
    for name, schema in schemas.items():
        for kind in schema.get("x-kubernetes-group-version-kind", []):
            parts = [kind["kind"], *([kind["group"].split(".")[0]] if kind["group"] else []), kind["version"]]
            whole = {"$ref": f"#/components/schemas/{name}", "components": {"schemas": schemas}}
            (folder / f"{'-'.join(parts).lower()}.json").write_text(json.dumps(whole))


def _strict(node: Any) -> Any:
    """The schema, with no field allowed that it does not name."""
    if isinstance(node, list):
        return [_strict(part) for part in node]
    if not isinstance(node, dict):
        return node
    strict = {word: _strict(part) for word, part in node.items()}
    if isinstance(strict.get("properties"), dict) and "additionalProperties" not in strict:
        strict["additionalProperties"] = strict.get("x-kubernetes-preserve-unknown-fields", False)
    return strict
