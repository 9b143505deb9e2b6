"""Every kind comes with an example, a page and tests: the list of CONTRIBUTING.md, held."""

import re
from pathlib import Path

import pytest
import yaml

from taskfleet.api import KINDS, KindInfo
from tests.envtest.rules import CASES

REPOSITORY = Path(__file__).parents[2]
kinds = pytest.mark.parametrize("info", KINDS, ids=lambda info: info.kind)


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
def test_a_kind_has_tests_of_its_rules(info: KindInfo) -> None:
    assert [case for case in CASES if case.kind == info.kind], "add a table to tests/envtest/rules"
