"""Celery's own options, of every version from 4 on: their spellings, and how a command line gives them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Option:
    """One option of a command line. `name` is its longest spelling; `value` is None for a switch."""

    name: str
    value: str | None = None

    def __str__(self) -> str:
        return self.name if self.value is None else f"{self.name}={self.value}"


# The main command's; Celery 4 also took them after the sub-command.
_MAIN_VALUES = {
    "--app": ("-A",),
    "--broker": ("-b",),
    "--result-backend": (),
    "--loader": (),
    "--config": (),
    "--workdir": (),
}
_MAIN_SWITCHES: Mapping[str, tuple[str, ...]] = {
    "--no-color": ("-C",),
    "--quiet": ("-q",),
    "--skip-checks": (),
    "--version": (),
    "--help": (),
}
_DAEMON_VALUES = {
    "--logfile": ("-f",),
    "--pidfile": (),
    "--uid": (),
    "--gid": (),
    "--umask": (),
    "--executable": (),
    "--loglevel": ("-l",),
    "--hostname": ("-n",),
}
_WORKER_VALUES = {
    "--statedb": ("-S",),
    "--optimization": ("-O",),
    "--prefetch-multiplier": (),
    "--concurrency": ("-c",),
    "--pool": ("-P",),
    "--time-limit": (),
    "--soft-time-limit": (),
    "--max-tasks-per-child": ("--maxtasksperchild",),
    "--max-memory-per-child": ("--maxmemperchild",),
    "--pool-start-method": (),
    "--queues": ("-Q",),
    "--exclude-queues": ("-X",),
    "--include": ("-I",),
    "--heartbeat-interval": (),
    "--autoscale": (),
    "--schedule": ("-s", "--schedule-filename"),
    "--scheduler": (),
}
_WORKER_SWITCHES: Mapping[str, tuple[str, ...]] = {
    "--detach": ("-D",),
    "--disable-prefetch": (),
    "--task-events": ("-E", "--events"),
    "--purge": ("--discard",),
    "--without-gossip": (),
    "--without-mingle": (),
    "--without-heartbeat": (),
    "--beat": ("-B",),
    "--autoreload": (),
    "--no-execv": (),
}
_BEAT_VALUES = {"--schedule": ("-s",), "--scheduler": ("-S",), "--max-interval": ("--max-loop-interval",)}
_BEAT_SWITCHES: Mapping[str, tuple[str, ...]] = {
    "--detach": (),
    "--enable-remote-control": (),
    "--no-enable-remote-control": (),
}
_CALL_VALUES = {
    "--args": ("-a",),
    "--kwargs": ("-k",),
    "--eta": (),
    "--countdown": (),
    "--expires": (),
    "--serializer": (),
    "--exchange": (),
    "--routing-key": (),
    "--queue": (),
}

SUBCOMMANDS = frozenset(
    {"worker", "beat", "multi", "flower", "events", "call", "control", "inspect", "status", "purge", "shell"}
)


@dataclass(frozen=True)
class Grammar:
    """Which words of a command line are options, and which of them take the next word."""

    names: Mapping[str, str]
    values: frozenset[str]

    def read(self, words: Sequence[str]) -> tuple[list[Option], list[str]]:
        """The options in their order, and the words that are none."""
        options: list[Option] = []
        others: list[str] = []
        rest = list(words)
        while rest:
            word = rest.pop(0)
            if word == "--":
                return options, others + rest
            if word.startswith("--"):
                options.append(self._long(word, rest))
            elif len(word) > 1 and word[0] == "-":
                options += self._short(word, rest)
            else:
                others.append(word)
        return options, others

    def takes_next(self, words: Sequence[str]) -> bool:
        """Whether the last of the words is an option that takes the next one: -A worker names an app."""
        return bool(words) and self.names.get(words[-1], "") in self.values

    def _long(self, word: str, rest: list[str]) -> Option:
        spelled, has_value, value = word.partition("=")
        name = self.names.get(spelled, spelled)
        if has_value:
            return Option(name, value)
        known = name in self.values
        unknown_with_value = spelled not in self.names and bool(rest) and not rest[0].startswith("-")
        return Option(name, rest.pop(0) if (known or unknown_with_value) and rest else None)

    def _short(self, word: str, rest: list[str]) -> Iterator[Option]:
        """-c4, -c 4, -c=4, and switches before it: -Ec4."""
        letters = word[1:]
        while letters:
            letter, letters = f"-{letters[0]}", letters[1:]
            name = self.names.get(letter, letter)
            if name not in self.values:
                yield Option(name)
                continue
            value = letters.removeprefix("=") if letters else (rest.pop(0) if rest else "")
            yield Option(name, value)
            return


def _grammar(
    values: Mapping[str, tuple[str, ...]], switches: Mapping[str, tuple[str, ...]] | None = None
) -> Grammar:
    spellings = {**_MAIN_VALUES, **_MAIN_SWITCHES, **values, **(switches or {})}
    names = {spelled: name for name, others in spellings.items() for spelled in (name, *others)}
    return Grammar(names, frozenset({*_MAIN_VALUES, *values}))


MAIN = _grammar({})
_GRAMMARS = {
    "worker": _grammar({**_DAEMON_VALUES, **_WORKER_VALUES}, _WORKER_SWITCHES),
    "beat": _grammar({**_DAEMON_VALUES, **_BEAT_VALUES}, _BEAT_SWITCHES),
    "call": _grammar(_CALL_VALUES),
}


def grammar(subcommand: str) -> Grammar:
    """The grammar of a sub-command; of one without options of its own that of the main command."""
    return _GRAMMARS.get(subcommand, MAIN)


def short_spelling(name: str) -> str:
    """An option as people know it: -c for --concurrency; the name itself where there is no letter."""
    return _SHORT.get(name, name)


_SHORT = {
    name: others[0]
    for name, others in {**_MAIN_VALUES, **_DAEMON_VALUES, **_WORKER_VALUES, **_WORKER_SWITCHES}.items()
    if others and not others[0].startswith("--")
}
