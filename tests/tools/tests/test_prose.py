"""Findings name the line of the source, and rules find what they are for."""

import subprocess
from pathlib import Path

import pytest

from taskfleet.cli.program import program
from tests.tools import prose
from tests.tools.cluster import programs

MODULE = '''"""Docstrings are not shown: nobody reads them."""

NAME = "word"
MESSAGE = f"The pod {NAME} is ready."
SCRIPT = "return redis.call('PING')"
RAISED = ValueError(
    "Two lines: set spec.replicas "
    "or spec.autoscale."
)
'''
CRD = """\
spec:
  description: |-
    The first line,
    and the second.
  properties:
    message:
      type: string
  x-kubernetes-validations:
  - rule: self.a < self.b
    message: a must be less than b.
"""


def test_messages_are_found_with_their_lines(tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    path.write_text(MODULE)
    assert [*prose.messages(path)] == [
        (4, "The pod "),
        (4, " is ready."),
        (7, "Two lines: set spec.replicas or spec.autoscale."),
    ]


def test_descriptions_are_found_with_their_lines(tmp_path: Path) -> None:
    path = tmp_path / "crd.yaml"
    path.write_text(CRD)
    assert [*prose.descriptions(path)] == [
        (2, "The first line,\nand the second."),
        (10, "a must be less than b."),
    ]


def test_a_chart_has_its_comments_and_its_notes(tmp_path: Path) -> None:
    values, notes = tmp_path / "values.yaml", tmp_path / "NOTES.txt"
    values.write_text("# How many.\nreplicas: 1  # one acts\nimage: x\n")
    notes.write_text("Installed.\n\nWait.\n")
    assert [*prose.comments(values)] == [(1, "How many."), (2, "one acts")]
    assert [*prose.comments(notes)] == [(1, "Installed."), (3, "Wait.")]


def test_every_command_has_its_help() -> None:
    helps = prose.helps()
    assert "Options:" in helps["taskfleet explain --help"]
    assert {name.split()[1] for name in helps} == set(program.commands)


def test_a_text_stands_at_its_line() -> None:
    assert prose.at_their_lines(iter([(3, "c"), (1, "a\n b"), (3, "d")])) == "a b |\n\nc | d |"


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        pytest.param("Nobody reads it.", "Calques", id="calque"),
        pytest.param("There is no reader.", "", id="there-is-no"),
        pytest.param("It runs celery.", "Terms", id="name-of-a-project"),
        pytest.param("It runs `celery worker` and django-celery-results.", "", id="name-in-code"),
        pytest.param("It is simply so.", "Plain", id="filler"),
        pytest.param("It is is so.", "Repetition", id="repeated-word"),
        pytest.param(f"It is {'so ' * 45}.", "Sentences", id="long-sentence"),
    ],
)
@pytest.mark.skipif(not programs.folder(programs.VALE).exists(), reason="`make lint` builds vale")
def test_a_rule_finds_its_words(tmp_path: Path, text: str, rule: str) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"{text}\n")
    vale = [str(programs.program("vale")), f"--config={prose.ROOT / '.vale.ini'}", "--output=line"]
    found = subprocess.run([*vale, str(page)], check=False, capture_output=True, text=True).stdout
    assert ("Taskfleet." in found) == bool(rule)
    assert f"Taskfleet.{rule}" in found or not rule
