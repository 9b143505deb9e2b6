"""A hook of mkdocs: examples become part of the site, and the navigation follows docs/README.md.

Documents link to ../../examples, which is right in the repository. On the site, examples lie beside the documents.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files

ROOT = Path(__file__).parents[2]
INDEX = "README.md"
_SECTION = re.compile(r"^## (.+?)(?::.*)?$")
_ENTRY = re.compile(r"^- \[(.+?)\]\((\S+?\.md)\)")
_OF_EXAMPLES = re.compile(r"\]\(((?:\.\./)+)\.\./examples(/[^)#]*)?")
_OF_DOCS = re.compile(r"\]\(((?:\.\./)+)docs/")


def navigation(docs: Path) -> list[dict[str, Any]]:
    """The index of the documentation as mkdocs' nav: sections with titles and files, in its order.

    An entry that is itself an index brings the files beside it.
    """
    sections: list[dict[str, Any]] = [{"Home": INDEX}]
    entries: list[dict[str, Any]] = []
    for line in (docs / INDEX).read_text().splitlines():
        if section := _SECTION.match(line):
            entries = []
            sections.append({section[1]: entries})
        elif entry := _ENTRY.match(line):
            entries.append({entry[1]: _files(docs, entry[2])})
    readmes = sorted((ROOT / "examples").rglob(INDEX))
    sections.append({"Examples": [path.relative_to(ROOT).as_posix() for path in readmes]})
    return sections


def _files(docs: Path, name: str) -> str | list[str]:
    path = docs / name
    if path.name != INDEX:
        return name
    beside = sorted(one.relative_to(docs).as_posix() for one in path.parent.glob("*.md") if one != path)
    return [name, *beside]


def as_on_site(markdown: str) -> str:
    """Links from docs/ to examples/, and back, as the site has both: examples are a folder of the docs there."""

    def example(found: re.Match[str]) -> str:
        path = (found[2] or "").strip("/")
        if not Path(path).suffix:
            path = f"{path}/{INDEX}".lstrip("/")
        return f"]({found[1]}examples/{path}"

    return _OF_DOCS.sub(r"](\1", _OF_EXAMPLES.sub(example, markdown))


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    config.nav = navigation(Path(config.docs_dir))
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    # Only mkdocs' own environment has it; the tests of this module run in another.
    from mkdocs.structure.files import File  # noqa: PLC0415

    for path in sorted((ROOT / "examples").rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            name = path.relative_to(ROOT).as_posix()
            files.append(File.generated(config, name, abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    return as_on_site(markdown)
