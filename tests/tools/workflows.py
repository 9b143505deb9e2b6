"""actionlint over the workflows, and what it does not know: `python -m tests.tools.workflows`.

A workflow calls make targets only, uses actions by digest, and starts without rights.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from tests.tools.cluster import programs

ROOT = Path(__file__).parents[2]
WORKFLOWS = ROOT / ".github/workflows"
_BY_DIGEST = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}")
_MAKE = re.compile(r"(sudo --preserve-env=[\w,]+ )?make [a-z-]+( [A-Z_]+=\S+)*")


def problems(workflow: dict[str, Any]) -> Iterator[str]:
    """One sentence for each step or block that breaks a rule."""
    if workflow.get("permissions") != {}:
        yield "permissions: start with {}, and give each job what it needs."
    for name, job in workflow["jobs"].items():
        if "permissions" not in job:
            yield f"jobs.{name}: name its permissions."
        for step in job["steps"]:
            action, command = step.get("uses", ""), step.get("run", "")
            if action and not _BY_DIGEST.fullmatch(action):
                yield f"jobs.{name}: use {action!r} by the digest of its commit."
            if command and not _MAKE.fullmatch(command.strip()):
                yield f"jobs.{name}: {command.strip()!r} is more than a make target."


def main() -> int:
    paths = sorted(WORKFLOWS.glob("*.yaml"))
    found = [f"{path.name}: {one}" for path in paths for one in problems(yaml.safe_load(path.read_text()))]
    print("".join(f"{one}\n" for one in found), end="")
    # shellcheck and pyflakes would be used if the machine has them, and make the result depend on it.
    command = [str(programs.program("actionlint")), "-shellcheck=", "-pyflakes=", *map(str, paths)]
    return int(bool(subprocess.run(command, check=False).returncode or found))


if __name__ == "__main__":
    sys.exit(main())
