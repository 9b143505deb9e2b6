from pathlib import Path

from tests.runtime.reliability.scenarios import ROWS

PAGE = Path(__file__).resolve().parents[3] / "docs" / "explanation" / "reliability.md"


def test_the_page_shows_every_kind_of_trouble_that_is_measured() -> None:
    measured = PAGE.read_text().partition("## ")[0].splitlines()
    rows = [line.split(" | ")[0].strip("| ") for line in measured if line.startswith("| ")]
    assert rows == ["what happens", *(row.name for row in ROWS)]
