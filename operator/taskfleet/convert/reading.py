"""Texts in any of the supported formats, which their content determines."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any

import yaml

from taskfleet.api import Object
from taskfleet.convert.compose import compose_workloads, has_services, top_level_notes
from taskfleet.convert.ini import parse_variables
from taskfleet.convert.kubernetes import flattened
from taskfleet.convert.notes import Note, Verdict
from taskfleet.convert.units import (
    command_line_workload,
    defaults_workload,
    supervisor_workloads,
    systemd_workload,
)
from taskfleet.convert.workload import Workload, part

_SYSTEMD = re.compile(r"^\[Service\]\s*$", re.MULTILINE)
_SUPERVISOR = re.compile(r"^\[program:[^\]]+\]\s*$", re.MULTILINE)
_VARIABLES = re.compile(r"^\s*(export\s+)?[A-Za-z_]\w*=", re.MULTILINE)
_MULTI_DEFAULTS = frozenset({"CELERYD_NODES", "CELERYD_OPTS", "CELERY_APP"})
_COMMAND = re.compile(r"^\s*(\S+\s+)*\S*celery\s", re.MULTILINE)


@dataclass(frozen=True)
class Text:
    """A file, or what standard input gave."""

    name: str
    text: str


@dataclass
class Read:
    """What texts hold: Kubernetes objects, and workloads of other forms."""

    objects: list[Object] = field(default_factory=list)
    workloads: list[Workload] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)


def read_texts(texts: Sequence[Text]) -> Read:
    """Read texts. A text in an unknown format gets a note."""
    read = Read()
    files = {PurePath(one.name).name: one.text for one in texts}
    variables = {
        name: one.text
        for name, one in ((PurePath(one.name).name, one) for one in texts)
        if _is_variables(one.text)
    }
    compose_variables = {
        key: value for text in variables.values() for key, value in parse_variables(text).items()
    }
    used: set[str] = set()
    for one in texts:
        name = PurePath(one.name).name
        if _SYSTEMD.search(one.text):
            read.workloads.append(
                systemd_workload(one.text, name, _environment_files(one.text, variables, used))
            )
        elif _SUPERVISOR.search(one.text):
            read.workloads += supervisor_workloads(one.text)
        elif name not in variables:
            _read_rest(read, one, name, compose_variables)
    for name in sorted(set(variables) - used):
        _read_variables(read, name, files[name])
    return read


def _is_variables(text: str) -> bool:
    lines = [
        line
        for line in text.replace("\\\n", " ").split("\n")
        if line.strip() and not line.lstrip().startswith("#")
    ]
    assigned = sum(1 for line in lines if _VARIABLES.match(line))
    return (
        bool(lines)
        and not _SYSTEMD.search(text)
        and not _SUPERVISOR.search(text)
        and assigned * 2 > len(lines)
    )


def _environment_files(unit: str, variables: dict[str, str], used: set[str]) -> dict[str, str]:
    """The environment files of a unit that the input has: by name, else the only one under any name."""
    named = re.findall(r"^EnvironmentFile=-?(\S+)", unit, re.MULTILINE)
    names = [path.rpartition("/")[2] for path in named]
    found = {name: variables[name] for name in names if name in variables}
    if not found and len(names) == 1 and len(variables) == 1:
        only = next(iter(variables))
        used.add(only)
        return {names[0]: variables[only]}
    used |= set(found)
    return found


def _read_variables(read: Read, name: str, text: str) -> None:
    if _MULTI_DEFAULTS & set(parse_variables(text)):
        read.workloads.append(defaults_workload(text, name))
    else:
        read.notes.append(Note(Verdict.KEPT, name, "file", "variables that the other files use."))


def _read_rest(read: Read, one: Text, name: str, variables: dict[str, str]) -> None:
    try:
        documents: list[Any] = list(yaml.safe_load_all(one.text))
    except (yaml.YAMLError, ValueError) as error:
        first = str(error).split("\n", maxsplit=1)[0]
        documents, reason = [], f"unknown format, and not valid YAML: {first}."
    else:
        reason = "unknown format. Use one of those that `taskfleet convert --help` lists."
    found = False
    for document in documents:
        if isinstance(document, dict) and "kind" in document and "apiVersion" in document:
            read.objects += flattened(document)
            found = True
        elif has_services(document):
            read.workloads += compose_workloads(document, name, variables)
            read.notes += top_level_notes(document, name)
            found = True
        elif isinstance(document, dict) and part(document, "metadata"):
            read.notes.append(
                Note(Verdict.LOST, name, "document", "the document has no kind or no apiVersion: add them.")
            )
    if not found and _COMMAND.search(one.text):
        lines = [line for line in one.text.replace("\\\n", " ").split("\n") if _COMMAND.match(line)]
        read.workloads += [command_line_workload(line.strip(), name) for line in lines]
    elif not found and one.text.strip():
        read.notes.append(Note(Verdict.LOST, name, "file", reason))
