"""Files of sections and keys, as systemd and supervisor write them, and files of shell variables.

configparser takes a key once only and reads % itself; units repeat keys and mean something else by %.
"""

import re
import shlex
from dataclasses import dataclass, field

_SECTION = re.compile(r"\[([^\]]+)\]")
_ASSIGNMENT = re.compile(r"\s*(?:export\s+)?([A-Za-z_]\w*)=(.*)")


@dataclass
class Section:
    """One section: its keys in their order, each as often as it is given."""

    name: str
    pairs: list[tuple[str, str]] = field(default_factory=list)

    def all(self, key: str) -> list[str]:
        return [value for name, value in self.pairs if name == key]

    def get(self, key: str) -> str | None:
        """The last value of a key; None where it is not there, or emptied at the end."""
        return next((value or None for value in reversed(self.all(key))), None)


def parse_sections(text: str) -> list[Section]:
    """The sections of a file. A line that ends in a backslash, or is followed by an indented one, goes on."""
    sections: list[Section] = []
    for line in _whole_lines(text):
        stripped = line.strip()
        if found := _SECTION.fullmatch(stripped):
            sections.append(Section(found[1]))
        elif "=" in stripped and sections:
            key, _, value = stripped.partition("=")
            sections[-1].pairs.append((key.strip(), value.strip()))
    return sections


def _whole_lines(text: str) -> list[str]:
    lines: list[str] = []
    for line in re.sub(r"\\\n", " ", text).split("\n"):
        if not line.strip() or line.lstrip().startswith(("#", ";")):
            continue
        goes_on = line[0].isspace() and lines and "=" in lines[-1] and "=" not in line.split()[0]
        if goes_on and not _SECTION.fullmatch(line.strip()):
            lines[-1] += f" {line.strip()}"
        else:
            lines.append(line)
    return lines


def parse_variables(text: str) -> dict[str, str]:
    """The variables of a file as a shell would set them; other lines are left out."""
    found: dict[str, str] = {}
    for line in re.sub(r"\\\n", " ", text).split("\n"):
        if line.lstrip().startswith("#") or not (match := _ASSIGNMENT.fullmatch(line)):
            continue
        try:
            words = shlex.split(match[2], comments=True)
        except ValueError:
            words = [match[2]]
        found[match[1]] = _filled(" ".join(words), found)
    return found


def _filled(text: str, known: dict[str, str]) -> str:
    return re.sub(r"\$\{?(\w+)\}?", lambda name: known.get(name[1], name[0]), text)
