"""docs/tutorials/django.md by its numbered sections, so that tests can run what it shows."""

import re

from tests.runtime.worker import ROOT

TEXT = (ROOT / "docs" / "tutorials" / "django.md").read_text()
SECTIONS: dict[str, str] = dict(re.findall(r"^## (\d+)\. .*?\n(.*?)(?=^## )", TEXT, re.MULTILINE | re.DOTALL))


def blocks(section: str, language: str) -> list[str]:
    """The code blocks of a section in a language, such as `sh`."""
    found: list[str] = re.findall(rf"```{language}\n(.*?)```", SECTIONS[section], re.DOTALL)
    return found
