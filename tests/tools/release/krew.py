"""The manifest for krew, kubectl's manager of plugins, and the archives that it names: krew takes no bare file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.tools.release import archive, checksums
from tests.tools.release.checkout import ReleaseError, Source
from tests.tools.release.cli_file import PLATFORMS, PYTHONS

MANIFEST = "krew.yaml"
_PROGRAM = "kubectl-taskfleet"
_LICENSE = "LICENSE"
_SUMMARY = "Operate Celery worker fleets"  # krew allows 50 characters
_DESCRIPTION = """\
Shows and operates the Celery worker fleets of the Taskfleet operator: the
state of pools, queues, schedules and brokers, the reasons for a pool's size,
failed tasks and dead letters, logs of a task, and a page in the browser. It
acts with the permissions of your kubeconfig.
"""
_CAVEATS = f"Requires Python {PYTHONS[0]} to {PYTHONS[-1]} as python3 on the PATH.\n"


@dataclass(frozen=True)
class Plugin:
    """`downloads`: the URL of the folder that users download the release's files from."""

    downloads: str

    def build(self, source: Source, target: Path) -> None:
        """Archives of the programs that lie in the target folder, and the manifest. Raises ReleaseError."""
        if not self.downloads.startswith("https://"):
            raise ReleaseError(f"DOWNLOADS {self.downloads!r}: krew downloads only from https:// URLs.")
        platforms = [self._platform(source, target, platform) for platform in PLATFORMS]
        text = yaml.safe_dump(manifest(source.version, platforms), sort_keys=False)
        (target / MANIFEST).write_text(text)

    def _platform(self, source: Source, target: Path, platform: str) -> dict[str, Any]:
        system, architecture = platform.split("-")
        path = target / f"{_PROGRAM}-{platform}.tar.gz"
        files = {
            _PROGRAM: (target / f"{_PROGRAM}-{platform}").read_bytes(),
            _LICENSE: (source.folder / _LICENSE).read_bytes(),
        }
        archive.write(path, files, source.epoch, executable=frozenset({_PROGRAM}))
        return {
            "selector": {"matchLabels": {"os": system, "arch": architecture}},
            "uri": f"{self.downloads.rstrip('/')}/{path.name}",
            "sha256": checksums.file_digest(path),
            "bin": _PROGRAM,
            "files": [{"from": name, "to": "."} for name in files],
        }


def manifest(version: str, platforms: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """A Plugin as krew reads it."""
    return {
        "apiVersion": "krew.googlecontainertools.github.com/v1alpha2",
        "kind": "Plugin",
        "metadata": {"name": "taskfleet"},
        "spec": {
            "version": f"v{version}",
            "shortDescription": _SUMMARY,
            "description": _DESCRIPTION,
            "caveats": _CAVEATS,
            "platforms": list(platforms),
        },
    }
