"""The command line: `taskfleet`, and `kubectl taskfleet` as a plugin. What takes long to import is imported by the
function of the command that needs it, so that help and completion stay fast."""

from taskfleet.cli.program import main

__all__ = ["main"]
