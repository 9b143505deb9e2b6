"""Shell scripts as far as they start programs: simple commands, variables, and what `sh -c` and `exec` stand for."""

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

Words = tuple[str, ...]

_SHELLS = frozenset({"sh", "bash", "dash", "ash", "zsh"})
_SEPARATORS = frozenset(";&|\n()")
_ASSIGNMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=(.*)", re.DOTALL)
# ${NAME}, ${NAME:-default}, ${NAME-default}, $NAME, and Kubernetes' own $(NAME).
_VARIABLE = re.compile(
    r"\$(?:\{(?P<braced>[A-Za-z_]\w*)(?::?-(?P<default>[^}]*))?\}|(?P<plain>[A-Za-z_]\w*)|\((?P<kubelet>[A-Za-z_]\w*)\))"
)
# Words that decide about commands; what they guard is taken as a command of its own.
_KEYWORDS = frozenset({"if", "then", "else", "elif", "fi", "while", "until", "do", "done", "!", "{", "}"})


@dataclass(frozen=True)
class Script:
    """The simple commands of a script in their order, and the variables that it sets."""

    commands: tuple[Words, ...]
    variables: Mapping[str, str]


def program(word: str) -> str:
    """The name of a program without its folder."""
    return PurePosixPath(word).name


def expand(text: str, variables: Mapping[str, str]) -> str:
    """`text` with the variables that are known; others stay as they are written, or take their own default."""

    def value(found: re.Match[str]) -> str:
        name = found["braced"] or found["plain"] or found["kubelet"]
        return variables.get(name, found[0] if found["default"] is None else found["default"])

    return _VARIABLE.sub(value, text)


def unknown_variables(text: str) -> list[str]:
    """The names of the variables that are left in `text`."""
    return [found["braced"] or found["plain"] or found["kubelet"] for found in _VARIABLE.finditer(text)]


def shell_script(argv: Sequence[str]) -> tuple[str, int] | None:
    """The text of `sh -c TEXT`, and how many words it takes; None when `argv` is another call."""
    if not argv or program(argv[0]) not in _SHELLS:
        return None
    for index, word in enumerate(argv[1:], start=1):
        if not word.startswith(("-", "+")):
            return None
        if not word.startswith("--") and "c" in word and index + 1 < len(argv):
            return argv[index + 1], index + 2
    return None


def with_arguments(text: str, arguments: Sequence[str]) -> str:
    """The text of `sh -c TEXT NAME ARGUMENT...` with what stands for its arguments."""
    joined = shlex.join(arguments[1:])
    for spelled in ('"$@"', "$@", '"$*"', "$*"):
        text = text.replace(spelled, joined)
    return text


def assignments(words: Sequence[str]) -> tuple[dict[str, str], Words]:
    """The variables that are set before a command, as in `env A=b celery`, and the words after them."""
    found: dict[str, str] = {}
    for index, word in enumerate(words):
        match = _ASSIGNMENT.fullmatch(word)
        if match is None:
            return found, tuple(words[index:])
        found[match[1]] = match[2]
    return found, ()


def parse_script(text: str, variables: Mapping[str, str]) -> Script:
    """Take a script apart. `variables` are those of its environment. Raises ValueError for quotes that do not close."""
    known, commands = dict(variables), []
    for words in _simple_commands(_words(text)):
        rest = list(words)
        if rest[:1] == ["export"]:
            rest = rest[1:]
        while rest and (found := _ASSIGNMENT.fullmatch(rest[0])):
            known[found[1]] = expand(found[2], known)
            rest = rest[1:]
        if rest[:1] == ["exec"]:
            rest = rest[1:]
        if rest and words[0] != "export":
            commands.append(tuple(resplit(rest, known)))
    added = {name: value for name, value in known.items() if variables.get(name) != value}
    return Script(tuple(commands), added)


def resplit(words: Sequence[str], variables: Mapping[str, str]) -> Iterator[str]:
    """Words with their variables; one that is nothing but a variable becomes as many words as its value has."""
    for word in words:
        value = expand(word, variables)
        if value != word and _VARIABLE.fullmatch(word):
            yield from split_words(value)
        else:
            yield value


def split_words(text: str) -> list[str]:
    """Words as a shell makes them; where quotes do not close, the words between blanks."""
    try:
        return shlex.split(text)
    except ValueError:
        return text.split()


def _words(text: str) -> list[str]:
    lines = (line for line in text.replace("\\\n", " ").split("\n") if not line.lstrip().startswith("#"))
    lexer = shlex.shlex("\n".join(lines), posix=True, punctuation_chars=";&|<>()\n")
    lexer.whitespace, lexer.whitespace_split, lexer.commenters = " \t\r", True, ""
    return list(lexer)


def _simple_commands(words: Sequence[str]) -> Iterator[Words]:
    command: list[str] = []
    skip = False
    for word in _with_whole_variables(words):
        if skip:
            skip = False  # the file of a redirection
        elif word and set(word) <= _SEPARATORS:
            yield from [tuple(command)] if command else []
            command = []
        elif word and set(word) <= set("<>&"):
            skip = True
            if command and command[-1].isdigit():
                command.pop()  # the 2 of 2>
        elif command or word not in _KEYWORDS:
            command.append(word)
    if command:
        yield tuple(command)


def _with_whole_variables(words: Sequence[str]) -> Iterator[str]:
    """The words; $(NAME) is one of them again, which the lexer takes for a sub-shell."""
    index = 0
    while index < len(words):
        if (
            words[index].endswith("$")
            and words[index + 1 : index + 2] == ["("]
            and ")" in words[index + 2 : index + 4]
        ):
            yield f"{words[index]}({words[index + 2]})"
            index += 4
        else:
            yield words[index]
            index += 1
