"""`celery multi`: one command line for several workers, each with options of its own.

The rules are those of celery.apps.multi: -c:w1 4 is for node w1, -Q:1-3 for the first three.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from taskfleet.convert.celery_options import Option, grammar
from taskfleet.convert.command_line import Invocation

_STARTING = frozenset({"start", "restart", "show", "expand"})


@dataclass(frozen=True)
class Nodes:
    """Nodes with the same options."""

    names: tuple[str, ...]
    invocation: Invocation


def multi_nodes(multi: Invocation) -> list[Nodes]:
    """The workers that a `celery multi start` starts, grouped by their options; empty for what starts none."""
    action, *rest = multi.arguments or ("",)
    if action not in _STARTING:
        return []
    shared, own, values = _parsed(rest)
    groups: dict[tuple[str, ...], list[str]] = {}
    names = _names(values)
    for index, name in enumerate(names, start=1):
        mine = dict(shared)
        for target, options in own:
            if _is_for(target, name, index):
                mine.update(options)
        groups.setdefault(tuple(_words(mine)), []).append(name)
    return [Nodes(tuple(members), _worker(multi, words)) for words, members in groups.items()]


def _worker(multi: Invocation, words: Sequence[str]) -> Invocation:
    options, arguments = grammar("worker").read(words)
    return replace(
        multi,
        command="worker",
        options=(*multi.options, *_without_files(options)),
        arguments=tuple(arguments),
    )


def _without_files(options: Sequence[Option]) -> Iterator[Option]:
    """Every node of multi has a pid file and a log file; neither says anything of one's own."""
    yield from (option for option in options if option.name not in ("--pidfile", "--logfile", "--hostname"))


def _parsed(
    words: Sequence[str],
) -> tuple[dict[str, str | None], list[tuple[str, dict[str, str | None]]], list[str]]:
    """The options of all nodes, those of some, and the words that are none."""
    shared: dict[str, str | None] = {}
    own: list[tuple[str, dict[str, str | None]]] = []
    values: list[str] = []
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if not word.startswith("-"):
            values.append(word)
            continue
        name, has_value, value = word.partition("=") if word.startswith("--") else (word, "", "")
        found = value if has_value else None
        if not word.startswith("--") and rest and not rest[0].startswith("-"):
            found = rest.pop(0)
        name, _, target = name.partition(":")
        if target:
            own.append((target, {name: found}))
        else:
            shared[name] = found
    return shared, own, values


def _names(values: Sequence[str]) -> list[str]:
    if len(values) == 1 and values[0].isdigit():
        return [f"celery{number}" for number in range(1, int(values[0]) + 1)]
    return list(dict.fromkeys(values)) or ["celery"]


def _is_for(target: str, name: str, index: int) -> bool:
    for one in target.split(","):
        first, dash, last = one.partition("-")
        if one in (name, name.partition("@")[0]) or one == str(index):
            return True
        if dash and first.isdigit() and last.isdigit() and int(first) <= index <= int(last):
            return True
    return False


def _words(options: dict[str, str | None]) -> Iterator[str]:
    for name, value in options.items():
        if value is None:
            yield name
        elif name.startswith("--"):
            yield f"{name}={value}"
        else:
            yield from (name, value)
