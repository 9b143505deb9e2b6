"""The table of the chart's values."""

from pathlib import Path

import pytest

from taskfleet.chart_readme import Value, chart_readme, chart_values

VALUES = (Path(__file__).parents[2] / "charts/taskfleet/values.yaml").read_text()


def test_every_value_of_the_chart_says_what_it_is() -> None:
    """A value is explained by its own comment, or by the one of the block that holds it."""
    found = list(chart_values(VALUES))
    explained = {one.path for one in found if one.meaning}
    blocks = {path for path in explained if not next(one for one in found if one.path == path).default}
    wanting = [
        one.path
        for one in found
        if not one.meaning
        and one.path.rpartition(".")[0] not in blocks
        and not one.path.startswith("resources.")
    ]
    assert wanting == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("a: 1\n", Value("a", "1", ""), id="no-comment"),
        pytest.param("# One.\n# Two.\na: {b: [c]}\n", Value("a", "{b: [c]}", "One. Two."), id="lines-above"),
        pytest.param("# One.\na: x # x | y\n", Value("a", "x", "One. x | y"), id="beside"),
        pytest.param("# One.\n# - name: example\na: []\n", Value("a", "[]", "One."), id="an-example"),
        pytest.param("# Above.\n\na: ''\n", Value("a", "''", ""), id="a-comment-of-nothing"),
        pytest.param('a: "#1 # 2"\n', Value("a", "'#1 # 2'", ""), id="a-hash-in-a-string"),
    ],
)
def test_value_has_its_default_and_its_comment(text: str, expected: Value) -> None:
    assert list(chart_values(text)) == [expected]


def test_block_with_a_comment_is_a_row_of_its_own() -> None:
    paths = [one.path for one in chart_values("# A block.\na:\n  b: 1\nc:\n  d: 2\n")]
    assert paths == ["a", "a.b", "c.d"]


def test_table_stays_a_table() -> None:
    assert "| `a` | `1` | x \\| y |" in chart_readme("a: 1 # x | y\n")
