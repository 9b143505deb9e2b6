"""Links between the documents: every page, anchor and file that one names exists, and the index lists every page."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
DOCS = REPOSITORY / "docs"
FOLDERS = (".ci", "charts", "crds", "docs", "examples", "operator", "requirements", "tests", "worker-image")
FILES = [
    path
    for top in (REPOSITORY.glob("*"), *((REPOSITORY / folder).rglob("*") for folder in FOLDERS))
    for path in top
    if path.is_file()
]
PAGES = sorted(path for path in FILES if path.suffix == ".md")
# A page of ours that code, charts or tests name; other projects have docs/ in their addresses.
MENTION = re.compile(r"(?<![\w/.:-])(?:docs|worker-image|tests|examples)/[\w./-]*\.md\b")
SOURCES = {".py", ".yaml", ".yml", ".tpl", ".txt", ".toml", ".lua", ".sh", ".html", ""}


def name(path: Path) -> str:
    return str(path.relative_to(REPOSITORY))


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_somewhere(page: Path) -> None:
    assert [link for link in _links(page.read_text()) if not _leads_somewhere(page, link)] == []


def test_pages_that_other_files_name_exist() -> None:
    sources = [path for path in FILES if path.suffix in SOURCES and path != Path(__file__)]
    missing = {
        f"{name(path)}: {mention}"
        for path in sources
        for mention in MENTION.findall(path.read_text(errors="replace"))
        if not (REPOSITORY / mention).is_file()
    }
    assert missing == set()


def test_the_index_lists_every_page_once() -> None:
    listed = [link for link in _links((DOCS / "README.md").read_text()) if link.endswith(".md")]
    pages = [str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md")]
    design = [page for page in pages if page.startswith("explanation/design/")]
    expected = [page for page in pages if page not in design] + ["explanation/design/README.md"]
    inside = [link for link in listed if not link.startswith("../")]
    assert sorted(inside) == sorted(page for page in expected if page != "README.md"), (
        "list it in docs/README.md"
    )


def test_every_page_has_one_title() -> None:
    titles = {name(page): re.findall(r"^# .+", _prose(page.read_text()), re.MULTILINE) for page in PAGES}
    assert {page: found for page, found in titles.items() if len(found) != 1} == {}


@pytest.mark.parametrize(
    ("link", "leads"),
    [
        pytest.param("README.md", True, id="page"),
        pytest.param("README.md#run-it-locally", True, id="anchor"),
        pytest.param("#run-it-locally", True, id="own-anchor"),
        pytest.param("#run-it-locally-1", True, id="repeated-heading"),
        pytest.param("README.md#nowhere", False, id="no-such-anchor"),
        pytest.param("nowhere.md", False, id="no-such-page"),
    ],
)
def test_a_dead_link_is_found(tmp_path: Path, link: str, leads: bool) -> None:
    page = tmp_path / "README.md"
    page.write_text("# Title\n\n## Run it: `locally`\n\n## Run it: locally\n\n```\n# nowhere\n```\n")
    assert _leads_somewhere(page, link) == leads


def test_links_in_code_are_not_links() -> None:
    text = "[a](a.md) [b]: b.md\n\n[c]: c.md\n`[d](d.md)`\n```\n[e](e.md)\n```\n[f](https://example.org/f.md)"
    assert [*_links(text)] == ["a.md", "c.md"]


def _prose(text: str) -> str:
    """The page without its blocks of code."""
    return re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)


def _links(text: str) -> Iterator[str]:
    """Relative links: inline ones, images, and definitions of references."""
    prose = re.sub(r"`[^`\n]*`", "", _prose(text))
    for link in re.findall(r"\]\(([^)\s]+)[^)]*\)|^\[[^\]]+\]: (\S+)", prose, re.MULTILINE):
        target = "".join(link)
        if not re.match(r"[a-z]+:", target):
            yield target


def _leads_somewhere(page: Path, link: str) -> bool:
    path, _, anchor = link.partition("#")
    target = page.parent / path if path else page
    return target.exists() and (not anchor or anchor in _anchors(target))


@cache
def _anchors(page: Path) -> set[str]:
    """Anchors of headings, as GitHub makes them: a repeated one gets a number."""
    anchors: list[str] = []
    for heading in re.findall(r"^#+ (.+)$", _prose(page.read_text()), flags=re.MULTILINE):
        anchor = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        repeated = sum(re.fullmatch(rf"{re.escape(anchor)}(-\d+)?", other) is not None for other in anchors)
        anchors.append(f"{anchor}-{repeated}" if repeated else anchor)
    return set(anchors)
