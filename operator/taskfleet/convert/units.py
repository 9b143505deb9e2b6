"""systemd units, supervisor programs and command lines of a host as workloads."""

import re
import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from taskfleet.api import Object, parse_duration
from taskfleet.convert import readers
from taskfleet.convert.draft import Unreadable
from taskfleet.convert.ini import Section, parse_sections, parse_variables
from taskfleet.convert.notes import Notes
from taskfleet.convert.shell import resplit, shell_script, split_words
from taskfleet.convert.workload import PLACEHOLDER, Workload

SYSTEMD_GRACE, SUPERVISOR_GRACE = 90, 10  # seconds, where nothing is said
_INTERPRETER = re.compile(r"(?:[^\s'\"=]*/)(celery|python[0-9.]*)(?=[\s'\"]|$)")
_SYSTEMD = frozenset(
    {"ExecStart", "Environment", "EnvironmentFile", "TimeoutStopSec", "MemoryMax", "MemoryLimit", "CPUQuota"}
)
_SUPERVISOR = frozenset({"command", "environment", "numprocs", "stopwaitsecs"})
_SUPERVISOR_VARIABLE = re.compile(r"%\(ENV_(\w+)\)s")
# Of a defaults file of `celery multi`: what its own script reads, and the app does not.
_COMMAND_ONLY = re.compile(r"CELERYD_\w+|CELERYBEAT_\w+|CELERY_(BIN|APP|CHDIR|CREATE_DIRS|NODES)")


def systemd_workload(text: str, name: str, files: Mapping[str, str]) -> Workload:
    """A unit. `files` are the texts of environment files by their name, as far as the input has them."""
    service = next((one for one in parse_sections(text) if one.name == "Service"), Section("Service"))
    stem = re.sub(r"\.service$", "", name).rstrip("@")
    unit = _Unit(f"unit {name}", stem)
    for line in service.all("Environment"):
        unit.variables |= dict(word.partition("=")[::2] for word in split_words(line))
    for path in service.all("EnvironmentFile"):
        unit.environment_file(path.lstrip("-"), files)
    if "@" in name:
        unit.notes.by_hand("replicas", "a template unit: set spec.replicas to the number of its instances.")
    command = (service.get("ExecStart") or "").lstrip("@-:+!")
    unit.resources(service)
    settings = {key: value for key, value in service.pairs if key not in _SYSTEMD}
    return unit.workload(
        command, grace=service.get("TimeoutStopSec"), default=SYSTEMD_GRACE, settings=settings
    )


def supervisor_workloads(text: str) -> Iterator[Workload]:
    """The programs of a supervisor file."""
    for section in parse_sections(text):
        if not section.name.startswith("program:"):
            continue
        name = section.name.removeprefix("program:")
        unit = _Unit(f"program {name}", name)
        for word in _pairs(section.get("environment") or ""):
            key, _, value = word.partition("=")
            unit.variables[key.strip()] = value
        command = _SUPERVISOR_VARIABLE.sub(r"${\1}", section.get("command") or "").replace("%%", "%")
        count = section.get("numprocs")
        settings = {key: value.partition(" ;")[0] for key, value in section.pairs if key not in _SUPERVISOR}
        yield unit.workload(
            command,
            grace=section.get("stopwaitsecs"),
            default=SUPERVISOR_GRACE,
            settings=settings,
            replicas=int(count) if count and count.isdigit() else 1,
        )


def defaults_workload(text: str, name: str) -> Workload:
    """A defaults file of `celery multi` without its unit: the command that Celery's scripts build from it."""
    unit = _Unit(f"defaults {name}", re.sub(r"\.\w+$", "", name) or "celery")
    unit.environment_file(name, {name: text})
    app = "-A $CELERY_APP " if unit.variables.get("CELERY_APP") or unit.known.get("CELERY_APP") else ""
    level = "--loglevel=$CELERYD_LOG_LEVEL " if "CELERYD_LOG_LEVEL" in unit.known else ""
    command = f"celery {app}multi start ${{CELERYD_NODES:-celery}} {level}$CELERYD_OPTS"
    return unit.workload(command, grace=None, default=SYSTEMD_GRACE, settings={})


def command_line_workload(line: str, name: str) -> Workload:
    """A command line alone, such as one of `celery multi start`."""
    return _Unit(f"command line {name}", "celery").workload(
        line, grace=None, default=SYSTEMD_GRACE, settings={}
    )


class _Unit:
    """A program of a host, on its way into a pod template."""

    def __init__(self, source: str, name: str) -> None:
        self.notes, self.name = Notes(source), readers.object_name(name)
        self.variables: dict[str, str] = {}  # the app's
        self.known: dict[str, str] = {}  # known for the command line alone
        self.container: Object = {"name": self.name, "image": f"{PLACEHOLDER}/{self.name}"}

    def environment_file(self, path: str, files: Mapping[str, str]) -> None:
        text = files.get(path.rpartition("/")[2])
        read = parse_variables(text) if text is not None else {}
        self.known |= read
        others = {name for name in read if not _COMMAND_ONLY.fullmatch(name)}
        if read and not others:
            self.notes.changed(f"file {path}", "its variables are for the command line; fields replace them.")
            return
        secret = f"{self.name}-env"
        self.container["envFrom"] = [{"secretRef": {"name": secret}}]
        command = f"kubectl create secret generic {secret} --from-env-file={path}"
        self.notes.by_hand(f"file {path}", f"create a Secret from it: {command}")

    def resources(self, service: Section) -> None:
        limits: Object = {}
        if memory := service.get("MemoryMax") or service.get("MemoryLimit"):
            self._limit(limits, "memory", memory, readers.memory)
        if quota := service.get("CPUQuota"):
            self._limit(limits, "cpu", quota, lambda value: f"{readers.number(value.rstrip('%')) * 10}m")
        if limits:
            self.container["resources"] = {"limits": limits}

    def _limit(self, limits: Object, name: str, value: str, read: Any) -> None:
        try:
            limits[name] = read(value)
        except Unreadable as error:
            self.notes.by_hand(name, f"{error} Set spec.resources.limits.{name}.")

    def workload(
        self, command: str, *, grace: str | None, default: int, settings: Object, replicas: int = 1
    ) -> Workload:
        """The pod of a command; its interpreter is the image's, not that of the host."""
        known = {
            name: _INTERPRETER.sub(r"\1", value) for name, value in {**self.known, **self.variables}.items()
        }
        given = command.replace("%%", "%")
        own = _INTERPRETER.sub(r"\1", given)
        if own != given:
            self.notes.changed("interpreter", "the python and Celery of the image, not those of the host.")
        words = split_words(own)
        is_script = shell_script(words) is not None  # of which the shell itself makes words
        argv = [_filled(word, known) for word in words] if is_script else list(resplit(words, known))
        self.container["command"] = argv
        app_variables = {
            name: value for name, value in self.variables.items() if not _COMMAND_ONLY.fullmatch(name)
        }
        if app_variables:
            self.container["env"] = [{"name": name, "value": value} for name, value in app_variables.items()]
        pod: Object = {"containers": [self.container]}
        if (seconds := self._grace(grace)) is not None:
            pod["terminationGracePeriodSeconds"] = seconds
        return Workload(
            source=self.notes.source,
            kind="unit",
            name=self.name,
            namespace=None,
            template={"spec": pod},
            replicas=replicas,
            grace_default=default,
            settings=settings,
            notes=tuple(self.notes.entries),
        )

    def _grace(self, value: str | None) -> int | None:
        if not value or value == "infinity":
            return None
        try:
            return int(parse_duration(readers.seconds(value.partition(" ;")[0])).total_seconds())
        except Unreadable:
            self.notes.by_hand(
                "stop timeout", f"{value!r} is not a valid time: set spec.terminationGracePeriod."
            )
            return None


def _filled(word: str, known: Mapping[str, str]) -> str:
    return re.sub(r"\$\{(\w+)\}|\$(\w+)", lambda found: known.get(found[1] or found[2], found[0]), word)


def _pairs(text: str) -> list[str]:
    """KEY="value",KEY2=value of supervisor."""
    lexer = shlex.shlex(text, posix=True)
    lexer.whitespace, lexer.whitespace_split = ",", True
    return list(lexer)
