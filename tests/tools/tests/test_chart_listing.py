"""What a chart's page on Artifact Hub says about this chart."""

import base64
from pathlib import Path
from typing import Any

import yaml

from taskfleet.api import GROUP, VERSION
from taskfleet.api.kinds import KINDS
from tests.tools.installation import CHART, ROOT

LISTING: dict[str, Any] = yaml.safe_load((CHART / "Chart.yaml").read_text())


def annotation(name: str) -> Any:
    return yaml.safe_load(LISTING["annotations"][f"artifacthub.io/{name}"])


def test_it_lists_every_kind() -> None:
    listed = {(one["kind"], one["name"], one["version"]) for one in annotation("crds")}
    assert listed == {(row.kind, f"{row.plural}.{GROUP}", VERSION) for row in KINDS}, (
        "see artifacthub.io/crds"
    )


def test_its_examples_are_valid() -> None:
    models = {row.kind: row.model for row in KINDS}
    for example in annotation("crdsExamples"):
        assert example["apiVersion"].startswith(f"{GROUP}/")
        models[example["kind"]].model_validate(example)


def test_its_icon_is_the_one_in_the_documentation() -> None:
    kind, _, data = LISTING["icon"].partition(",")
    assert kind == "data:image/svg+xml;base64"
    assert base64.b64decode(data) == Path(ROOT / "docs/images/icon.svg").read_bytes().strip()
