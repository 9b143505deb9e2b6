"""Celery behind a container's command: shells, wrappers, `exec`, `python -m celery`, and the CLIs of projects."""

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from taskfleet.convert.celery_options import MAIN, SUBCOMMANDS, Option, grammar
from taskfleet.convert.shell import (
    Words,
    assignments,
    expand,
    parse_script,
    program,
    shell_script,
    with_arguments,
)

# Programs that set a project up and then call Celery by themselves; their `celery` is a sub-command of their own.
_PROJECT_CLIS = frozenset(
    {"airflow", "sentry", "superset", "ckan", "flask", "django-admin", "manage.py", "fides"}
)
_PYTHON = re.compile(r"(python|pypy)[0-9.]*")
# What a script does while its programs run, or at its end.
_WAITING = frozenset({"wait", "exit", "true"})
# Names of scripts that start Celery without showing it in their command.
_TELLING = re.compile(r"celery|worker|beat", re.IGNORECASE)


@dataclass(frozen=True)
class Invocation:
    """One start of Celery."""

    command: str  # worker, beat, multi, flower, call, ...
    options: tuple[Option, ...] = ()
    arguments: Words = ()  # words other than options
    launcher: Words = ()  # what stands before Celery and starts it
    python: str | None = None  # the interpreter, where the command names one
    directory: str | None = None  # where it is started, as by cd
    before: tuple[Words, ...] = ()  # what the script runs first
    after: tuple[Words, ...] = ()  # what else it runs
    variables: Mapping[str, str] = field(default_factory=dict)  # those that the script sets

    def value(self, name: str) -> str | None:
        """The last value of an option; None where it is not given."""
        return next((option.value or "" for option in reversed(self.options) if option.name == name), None)


@dataclass(frozen=True)
class Opaque:
    """Something that may start Celery, but does not show how."""

    words: Words
    reason: str


Started = Invocation | Opaque


def launcher_words(start: Invocation) -> list[str]:
    """One list of words that does all that a start does before Celery: its script's commands, then its wrapper."""
    if not start.before:
        return list(start.launcher)
    script = " && ".join(" ".join(_quoted(word) for word in words) for words in start.before)
    return ["sh", "-c", f'{script} && exec "$0" "$@"', *start.launcher]


def _quoted(word: str) -> str:
    """A word for a script again; an unknown variable in it is kept."""
    return f'"{word}"' if "$" in word else shlex.quote(word)


def find_celery(argv: Sequence[str], variables: Mapping[str, str]) -> list[Started]:
    """Every start of Celery in a command, in its order. Empty if nothing in it looks like Celery."""
    words = tuple(expand(word, variables) for word in argv)
    script = shell_script(argv)
    if script is None:
        return [one for one in (_in_words(words, whole=True),) if one is not None]
    text, length = script
    try:
        parsed = parse_script(with_arguments(text, argv[length:]), variables)
    except ValueError as error:
        found = bool(_TELLING.search(text))
        return [Opaque(tuple(argv), f"its script cannot be parsed: {error}")] if found else []
    return list(_in_script(parsed.commands, parsed.variables, variables))


def _in_script(
    commands: Sequence[Words], added: Mapping[str, str], variables: Mapping[str, str]
) -> Iterator[Started]:
    directory: str | None = None
    others: list[Words] = []
    starts: list[tuple[Started, int]] = []  # with the number of other commands before it
    for words in commands:
        if words[0] == "cd" and len(words) > 1:
            directory = words[1]
            continue
        nested = find_celery(words, variables) if shell_script(words) else []
        found = nested or [one for one in (_in_words(words, whole=len(commands) == 1),) if one is not None]
        for one in found:
            here = one if isinstance(one, Opaque) else replace(one, directory=directory)
            starts.append((here, len(others)))
        if not found:
            others.append(words)
    for one, before in starts:
        if isinstance(one, Opaque):
            yield one
        else:
            after = tuple(words for words in others[before:] if words[0] not in _WAITING)
            own = {**added, **one.variables}
            yield replace(one, before=tuple(others[:before]), after=after, variables=own)


def _in_words(words: Words, *, whole: bool) -> Started | None:
    for index, word in enumerate(words):
        after_m = program(word) == "celery" and index > 0 and words[index - 1] == "-m"
        if program(word) == "celery" and (found := _invocation(words, index, module=after_m)) is not None:
            return found
        if program(word) in _PROJECT_CLIS:
            return _project_cli(words[index:])
        if index > 0 and word == "worker" and words[index - 1] == "run":
            return Opaque(words, "a CLI of the project starts Celery")
    telling = whole and any(_TELLING.search(program(word)) for word in words)
    return Opaque(words, "its command does not show what the script starts") if telling else None


def _project_cli(words: Words) -> Opaque | None:
    called = any(word in ("celery", "celeryd", "worker", "beat") for word in words[1:])
    return Opaque(words, "a CLI of the project starts Celery") if called else None


def _invocation(words: Words, index: int, *, module: bool) -> Invocation | None:
    """The start of Celery at words[index]; None where `celery` is an argument, as in `gosu celery celery worker`."""
    main, rest = _split_main(words[index + 1 :])
    if not rest or rest[0] not in SUBCOMMANDS:
        return None
    command, *own = rest
    options, arguments = ([], own) if command == "multi" else grammar(command).read(own)
    launcher, python = _launcher(words, index, module=module)
    variables: dict[str, str] = {}
    if launcher and program(launcher[0]) == "env":
        variables, launcher = assignments(launcher[1:])
    return Invocation(command, (*main, *options), tuple(arguments), launcher, python, variables=variables)


def _split_main(words: Words) -> tuple[list[Option], Words]:
    """The main command's options, and the words from the sub-command on."""
    for index, word in enumerate(words):
        if word in SUBCOMMANDS and not MAIN.takes_next(words[:index]):
            options, others = MAIN.read(words[:index])
            if not others:
                return options, words[index:]
    # Options of the worker may stand before its name: they are read with its grammar.
    for index, word in enumerate(words):
        if word in ("worker", "beat") and not grammar(word).takes_next(words[:index]):
            options, others = grammar(word).read(words[:index])
            return (options, words[index:]) if not others else ([], ())
    return [], ()


def _launcher(words: Words, index: int, *, module: bool) -> tuple[Words, str | None]:
    """What starts Celery, without the interpreter, and the interpreter that the command names."""
    if module and index >= 2 and _PYTHON.fullmatch(program(words[index - 2])):
        return words[: index - 2], words[index - 2]
    if index and _PYTHON.fullmatch(program(words[index - 1])):
        return words[: index - 1], words[index - 1]
    folder, slash, _ = words[index].rpartition("/")
    return words[:index], f"{folder}/python" if slash and folder.endswith("/bin") else None
