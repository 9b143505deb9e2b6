"""The examples of docs/how-to/convert.md are what comes out."""

import re
from pathlib import Path

import pytest
import yaml
from tests.unit.convert.manifests import of_kind

from taskfleet.convert.command import convert_texts
from taskfleet.convert.reading import Text
from taskfleet.convert.report import report_text

_PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "convert.md"
_BLOCK = re.compile(r"```(?:yaml|ini|text)\n(.*?)```", re.DOTALL)


def examples() -> list[tuple[str, str, str, str]]:
    """Name and text of each input, the pool that it becomes, and lines of its report."""
    blocks = _BLOCK.findall(_PAGE.read_text())
    return [
        (blocks[index].split("\n")[0].removeprefix("# "), *blocks[index : index + 3])
        for index in range(0, len(blocks), 3)
    ]


@pytest.mark.parametrize(("name", "text", "becomes", "lines"), examples(), ids=lambda one: one[:12])
def test_an_example_is_what_comes_out(name: str, text: str, becomes: str, lines: str) -> None:
    conversion = convert_texts([Text(name, text)])
    assert of_kind(conversion, "WorkerPool") == [yaml.safe_load(becomes)]
    report = report_text(conversion.notes)
    assert [line for line in lines.splitlines() if line not in report] == []


def test_each_form_has_an_example() -> None:
    assert [name for name, *_ in examples()] == ["rendered.yaml", "compose.yaml", "shop-worker.service"]
