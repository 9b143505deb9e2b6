"""Completion of `kubectl taskfleet`: kubectl calls a program `kubectl_complete-taskfleet` with the words behind the name.

The answer has cobra's form: a line for each choice, with its help, and a directive that allows file names or not.
"""

import sys
from collections.abc import Sequence

from click.shell_completion import ShellComplete

from taskfleet.cli.program import program
from taskfleet.cli.shell_script import COMPLETE_VARIABLE

_FILES, _NO_FILES = ":0", ":4"


def complete_for_kubectl(argv: Sequence[str] | None = None) -> None:
    """Print the choices for the last of the words."""
    *words, incomplete = (sys.argv[1:] if argv is None else argv) or [""]
    found = ShellComplete(program, {}, "taskfleet", COMPLETE_VARIABLE).get_completions(words, incomplete)
    for item in found:
        if item.type == "plain":
            sys.stdout.write(f"{item.value}\t{item.help or ''}\n")
    sys.stdout.write(f"{_FILES if any(item.type != 'plain' for item in found) else _NO_FILES}\n")
