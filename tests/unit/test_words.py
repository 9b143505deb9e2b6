"""What the documents promise about the repository: links lead somewhere, and one version is told everywhere."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

REPOSITORY = Path(__file__).parents[2]
PAGES = [
    path
    for folder in (".", "docs", "docs/design", "examples", "worker-image")
    for path in (REPOSITORY / folder).glob("*.md" if folder != "examples" else "*/*.md")
]
VERSION = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["version"]


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_links_lead_somewhere(page: Path) -> None:
    dead = [link for link in _links(page) if not _leads_somewhere(page, link)]
    assert not dead


def test_the_chart_is_of_the_version_that_it_installs() -> None:
    chart = yaml.safe_load((REPOSITORY / "charts/taskfleet/Chart.yaml").read_text())
    assert (chart["version"], chart["appVersion"]) == (VERSION, VERSION)


def test_examples_name_images_of_this_version() -> None:
    files = [*(REPOSITORY / "examples").rglob("*.yaml"), *(REPOSITORY / "examples").rglob("Dockerfile")]
    named = {tag for path in files for tag in re.findall(r"taskfleet-\w+:(\S+)", path.read_text())}
    assert named == {VERSION}


def test_the_changelog_knows_this_version() -> None:
    assert f"## {VERSION}" in (REPOSITORY / "CHANGELOG.md").read_text()


def test_a_fleet_takes_fifteen_lines() -> None:
    manifest = (REPOSITORY / "examples/quickstart/workerpool.yaml").read_text()
    assert len(manifest.splitlines()) <= 15
    assert yaml.safe_load(manifest)["kind"] == "WorkerPool"


def _links(page: Path) -> Iterator[str]:
    """Links into the repository; a block of code has none."""
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" not in link:
            yield link


def _leads_somewhere(page: Path, link: str) -> bool:
    path, _, anchor = link.partition("#")
    target = page.parent / path if path else page
    return target.exists() and (not anchor or anchor in _anchors(target))


def _anchors(page: Path) -> set[str]:
    """Anchors of headings, as they are made of their words."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
