"""Images in a node's containerd."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.cluster.processes import wait_until


def load(socket: Path, archives: Mapping[str, Path]) -> None:
    """Import the archives of those images (by full reference) that containerd does not have."""
    missing = {name: path for name, path in archives.items() if name not in _images(socket)}
    for path in missing.values():
        _ctr(socket, "images", "import", str(path))
    # Until the kubelet's side of containerd has seen an image, a pod with it would try to pull.
    wait_until(
        lambda: missing.keys() <= _images(socket, 'labels."io.cri-containerd.image"==managed'),
        seconds=30,
        failure=lambda: f"containerd does not show {', '.join(missing)} after the import.",
    )


def _images(socket: Path, *filters: str) -> set[str]:
    return set(_ctr(socket, "images", "list", "--quiet", *filters).splitlines())


def _ctr(socket: Path, *arguments: str) -> str:
    command = ["ctr", "--address", str(socket), "--namespace", "k8s.io", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
