"""The commands that the documents show exist: targets of make, commands of taskfleet, files of examples."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from taskfleet.cli.program import program
from tests.unit.test_links import PAGES, REPOSITORY, name

TARGETS = set(re.findall(r"^([a-z-]+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE))
# The example is copied to a folder of its own, whose paths its page shows.
FILE = re.compile(r"(?<![\w/.-])(?:examples|charts|tests)/[\w./-]+(?<![/.])\b(?![*<])")
pages = pytest.mark.parametrize("page", PAGES, ids=name)


@pages
def test_make_has_the_targets_that_a_page_names(page: Path) -> None:
    code = "\n".join(_code(page))
    named = set(re.findall(r"^(?:\$ )?make ([a-z][a-z-]*)", code, re.MULTILINE))
    assert named - TARGETS == set()


@pages
def test_taskfleet_has_the_commands_that_a_page_names(page: Path) -> None:
    lines = (line for code in _code(page) for line in code.splitlines())
    named = [re.match(r"(?:\S*/|\$ |kubectl )*taskfleet ([a-z]+)\b", line) for line in lines]
    assert {match[1] for match in named if match} - program.commands.keys() == set()


@pages
def test_files_that_a_page_names_exist(page: Path) -> None:
    named = {path for code in _code(page) for path in FILE.findall(code)}
    assert {path for path in named if not (REPOSITORY / path).exists()} == set()


def _code(page: Path) -> Iterator[str]:
    """Blocks and spans of code."""
    text = page.read_text()
    yield from re.findall(r"^```(?:sh|console)?\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    yield from re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE))
