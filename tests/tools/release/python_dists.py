"""The source distribution and the wheel."""

import os
import subprocess
import sys
from pathlib import Path

from tests.tools.release.checkout import ReleaseError, Source


def build(source: Source, target: Path) -> None:
    """hatchling takes the time of every file from SOURCE_DATE_EPOCH, and sorts them."""
    command = [sys.executable, "-m", "hatchling", "build", "--directory", str(target.resolve())]
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(source.epoch)}
    result = subprocess.run(
        command, cwd=source.folder, env=environment, check=False, capture_output=True, text=True
    )
    if result.returncode != 0:
        raise ReleaseError(f"hatchling failed.\n{result.stderr}")
