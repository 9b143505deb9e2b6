"""What the commands print. Other users may have written parts of it, so control characters are escaped."""

import json
import sys
from collections.abc import Iterable
from typing import Literal

import yaml

from taskfleet.api import Object
from taskfleet.commands.table import harmless
from taskfleet.plain_yaml import PlainDumper

Form = Literal["json", "yaml"]
ListForm = Literal["table", "wide", "json", "yaml", "name"]
"""How a list is printed: as a table, one with more in it, data, or the names alone."""


def print_answer(answer: Object, form: Form | None, lines: Iterable[str]) -> None:
    """Print an answer as data of this form; None: print its lines."""
    if form is None:
        print_lines(*lines)
    else:
        # All but printable ASCII is escaped in both forms.
        sys.stdout.write(_yaml(answer) if form == "yaml" else f"{json.dumps(answer, indent=2)}\n")


def data_form(form: ListForm | None) -> Form | None:
    """The form of data; None for the forms that are text."""
    return form if form == "json" or form == "yaml" else None  # noqa: PLR1714 - mypy narrows only these


def print_lines(*lines: str) -> None:
    """Print lines; a line break within one is escaped as well."""
    sys.stdout.write(_text(lines))


def print_errors(*lines: str) -> None:
    """Print lines to standard error."""
    sys.stderr.write(_text(lines))


def _text(lines: tuple[str, ...]) -> str:
    return "".join(f"{harmless(line)}\n" for line in lines)


class _OneLine(PlainDumper):
    """Texts stay on one line, so that a line break of another user begins no line."""


def _yaml(answer: Object) -> str:
    return str(yaml.dump(answer, Dumper=_OneLine, sort_keys=False, width=sys.maxsize))


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = '"' if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_OneLine.add_representer(str, _represent_text)
