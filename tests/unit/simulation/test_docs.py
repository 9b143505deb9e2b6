"""The picture and the table in docs/explanation/scaling.md are what the simulation makes today."""

import re
import shlex
from pathlib import Path

import pytest

from taskfleet import cli

REPOSITORY = Path(__file__).parents[3]
PAGE = (REPOSITORY / "docs" / "explanation" / "scaling.md").read_text()
COMMAND = re.search(r"^taskfleet (simulate .*) --out (docs/images/\S+)$", PAGE, re.MULTILINE)


def test_the_page_shows_what_its_command_makes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert COMMAND is not None
    monkeypatch.chdir(REPOSITORY)
    drawn = tmp_path / "drawn.svg"
    with pytest.raises(SystemExit) as end:
        cli.main([*shlex.split(COMMAND[1]), "--out", str(drawn)])
    assert end.value.code == 0
    assert drawn.read_text() == Path(COMMAND[2]).read_text(), "run `make pictures`"
    assert capsys.readouterr().out in PAGE, (
        "run `make pictures` and put its table into docs/explanation/scaling.md"
    )


def test_make_draws_the_picture_by_the_command_of_the_page() -> None:
    assert COMMAND is not None
    assert COMMAND[0].removeprefix("taskfleet ") in (REPOSITORY / "Makefile").read_text()
