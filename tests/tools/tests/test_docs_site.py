"""The site of the documentation: its navigation, its links to examples, its versions."""

from pathlib import Path

import pytest

from tests.tools.docs_site import ROOT, as_on_site, navigation
from tests.tools.docs_versions import main, versions

DOCS = ROOT / "docs"


def _listed(entries: object) -> set[str]:
    if isinstance(entries, str):
        return {entries}
    if isinstance(entries, dict):
        return set().union(*(_listed(one) for one in entries.values()))
    assert isinstance(entries, list)
    return set().union(*(_listed(one) for one in entries))


def test_every_document_is_in_the_navigation() -> None:
    written = {path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")}
    assert written - _listed(navigation(DOCS)) == set()


def test_navigation_has_the_sections_of_the_index() -> None:
    titles = [next(iter(one)) for one in navigation(DOCS)]
    assert titles == ["Home", "Tutorials", "How-to guides", "Reference", "Explanation", "Examples"]


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        pytest.param("[a](../../examples/x/y.yaml)", "[a](../examples/x/y.yaml)", id="a-file"),
        pytest.param("[a](../../examples/x)", "[a](../examples/x/README.md)", id="a-folder"),
        pytest.param("[a](../../../examples/x/)", "[a](../../examples/x/README.md)", id="deeper"),
        pytest.param("[a](../../docs/reference/queues.md#b)", "[a](../../reference/queues.md#b)", id="back"),
        pytest.param("[a](../reference/queues.md)", "[a](../reference/queues.md)", id="within"),
    ],
)
def test_links_between_documents_and_examples_hold_on_the_site(link: str, expected: str) -> None:
    assert as_on_site(link) == expected


def test_versions_are_listed_newest_first() -> None:
    listed = versions(["0.9.0", "0.10.0", "0.2.0"], "0.10.0")
    assert [one["version"] for one in listed] == ["0.10.0", "0.9.0", "0.2.0"]
    assert [one["aliases"] for one in listed] == [["latest"], [], []]


def test_a_version_that_is_built_beside_another_leaves_it(tmp_path: Path) -> None:
    (tmp_path / "0.1.0").mkdir()
    main(tmp_path, "0.1.0")
    (tmp_path / "0.2.0").mkdir()
    main(tmp_path, "0.2.0")
    assert '"0.1.0"' in (tmp_path / "versions.json").read_text()
    assert "url=0.2.0/" in (tmp_path / "index.html").read_text()
