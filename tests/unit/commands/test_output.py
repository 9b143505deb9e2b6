"""Answers as data: nothing that another user wrote reaches the terminal as a command."""

import json

import pytest
import yaml

from taskfleet.commands.output import Form, print_answer

HOSTILE = "\x1b]0;owned\x07\x1b[2J\r\nReady: yes\n\u202e\x9b31m\x7f"


@pytest.mark.parametrize("form", ["json", "yaml"])
def test_data_are_read_back_as_they_were(form: Form, capsys: pytest.CaptureFixture[str]) -> None:
    answer = {
        "text": HOSTILE,
        "lines": "a\nb",
        "long": "word " * 100,
        "number": 3,
        "none": None,
        "list": ["x"],
    }
    print_answer(answer, form, ["unused"])
    printed = capsys.readouterr().out
    assert (json.loads if form == "json" else yaml.safe_load)(printed) == answer
    assert printed.isascii()
    assert all(character.isprintable() for character in printed.replace("\n", ""))
    assert not [line for line in printed.splitlines() if line.startswith("Ready")]


def test_without_a_form_the_lines_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    print_answer({"messages": 7}, None, ["Messages: 7", "b\x1b"])
    assert capsys.readouterr().out == "Messages: 7\nb\\x1b\n"
