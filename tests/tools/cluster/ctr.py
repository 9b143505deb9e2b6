"""Images in a node's containerd."""

from __future__ import annotations

import subprocess
from pathlib import Path
from subprocess import PIPE, STDOUT

from tests.tools.cluster.imagestore import BuiltImages, ImageStore
from tests.tools.cluster.processes import wait_until
from tests.tools.cluster.state import ClusterError


def load(socket: Path, store: ImageStore, images: BuiltImages) -> None:
    """Import those images that containerd does not have."""
    missing = {reference: image for reference, image in images.items() if reference not in _images(socket)}
    if not missing:
        return
    present = set(_ctr(socket, "content", "list", "--quiet").splitlines())
    with subprocess.Popen(
        _command(socket, "images", "import", "-"), stdin=PIPE, stdout=PIPE, stderr=STDOUT
    ) as ctr:
        assert ctr.stdin is not None
        store.write_archive(ctr.stdin, missing, present)
        output, _ = ctr.communicate()
    if ctr.returncode != 0:
        raise ClusterError(f"containerd cannot import {', '.join(missing)}: {output.decode()}")
    # Until the kubelet's side of containerd has seen an image, a pod with it would try to pull.
    wait_until(
        lambda: missing.keys() <= _images(socket, 'labels."io.cri-containerd.image"==managed'),
        seconds=30,
        failure=lambda: f"containerd does not show {', '.join(missing)} after the import.",
    )


def _images(socket: Path, *filters: str) -> set[str]:
    return set(_ctr(socket, "images", "list", "--quiet", *filters).splitlines())


def _ctr(socket: Path, *arguments: str) -> str:
    return subprocess.run(_command(socket, *arguments), check=True, capture_output=True, text=True).stdout


def _command(socket: Path, *arguments: str) -> list[str]:
    return ["ctr", "--address", str(socket), "--namespace", "k8s.io", *arguments]
