"""Programs that a release calls: their output, or an error that says what failed."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.tools.release.checkout import ReleaseError


def run(*command: str | Path, env: Mapping[str, str] | None = None, stdin: str = "") -> str:
    """Standard output. `stdin` may hold a password, so it is in no message."""
    result = subprocess.run(
        command,
        check=False,
        capture_output=True,
        text=True,
        input=stdin,
        env={**os.environ, **(env or {})},
    )
    if result.returncode != 0:
        words = " ".join(map(str, command[1:4]))
        raise ReleaseError(f"`{Path(command[0]).name} {words}` failed.\n{result.stderr[-3000:]}")
    return result.stdout
