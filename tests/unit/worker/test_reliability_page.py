from pathlib import Path

from tests.runtime.reliability.scenarios import ROWS

PAGE = Path(__file__).resolve().parents[3] / "docs" / "reliability.md"


def test_the_page_shows_every_kind_of_trouble_that_is_measured() -> None:
    rows = [
        line.split(" | ")[0].strip("| ") for line in PAGE.read_text().splitlines() if line.startswith("| ")
    ]
    assert rows == ["what happens", *(row.name for row in ROWS)]
