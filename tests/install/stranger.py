"""Somebody who has a release, a shell with kubectl, helm and crane, and nothing of the checkout."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.install.page import PAGE, at, commands
from tests.tools.cluster import programs

# Helm speaks HTTP to no registry by itself, not even to one on this machine.
_PLAIN_HTTP = {"install": "--plain-http", "upgrade": "--plain-http", "registry": "--plain-http"}


@dataclass(frozen=True)
class Stranger:
    """`names` are those of the page, and what stands in their place."""

    home: Path
    kubeconfig: Path
    names: dict[str, str]

    def follow(self, section: str, *, nodes: bool = False, **variables: str) -> str:
        """Run the commands of a section of the page in a folder with the release's files; what they print."""
        return self.run(at(commands(PAGE.read_text(), section, nodes=nodes), self.names), **variables)

    def run(self, script: str, **variables: str) -> str:
        result = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=self.home,
            env={**self._environment(), **variables},
            check=False,
            capture_output=True,
            text=True,
        )
        assert result.returncode == 0, f"{script}\n{result.stdout}{result.stderr}"
        return result.stdout

    def _environment(self) -> dict[str, str]:
        tools = self.home / ".bin"
        tools.mkdir(exist_ok=True)
        for name in ("kubectl", "helm", "crane"):
            self._wrap(tools / name, programs.program(name))
        return {
            "PATH": f"{tools}:{os.environ['PATH']}",
            "HOME": str(self.home),
            "DOCKER_CONFIG": str(self.home / ".docker"),
            "KUBECONFIG": str(self.kubeconfig),
        }

    def _wrap(self, path: Path, program: Path) -> None:
        flags = "".join(f'{command}) set -- "$@" {flag};;\n' for command, flag in _PLAIN_HTTP.items())
        case = f'case "$1" in\n{flags}esac\n' if path.name == "helm" else ""
        path.write_text(f'#!/bin/sh\n{case}exec {program} "$@"\n')
        path.chmod(0o755)
