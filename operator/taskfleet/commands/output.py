"""What the commands print. Strangers may have written parts of it, so nothing in it reaches the terminal as a command."""

import sys

from taskfleet.commands.table import harmless


def say(*lines: str) -> None:
    """Print lines; a line break within one is escaped as well."""
    sys.stdout.write(_text(lines))


def complain(*lines: str) -> None:
    """Print lines to standard error."""
    sys.stderr.write(_text(lines))


def _text(lines: tuple[str, ...]) -> str:
    return "".join(f"{harmless(line)}\n" for line in lines)
