"""A cluster in containers, by kind, where a Docker engine answers.

It cannot be run where there is no such engine, so it holds nothing but calls of kind and docker.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml

from tests.tools.cluster import images, programs
from tests.tools.cluster.images import Image, prefixed
from tests.tools.cluster.progress import step
from tests.tools.cluster.provider import PartStatus
from tests.tools.cluster.state import ClusterError, Profile, cache_dir


def engine_answers() -> bool:
    if shutil.which("docker") is None:
        return False
    return subprocess.run(["docker", "info"], check=False, capture_output=True, timeout=30).returncode == 0


class KindCluster:
    """See provider.Cluster. Both profiles are the same here: a kind cluster always has nodes."""

    image_prefix = "localhost/"

    def __init__(self, name: str) -> None:
        self.name = name
        self._kind_name = f"taskfleet-{name}"

    @property
    def kubeconfig(self) -> Path:
        return cache_dir() / "kind" / f"{self.name}.kubeconfig"

    def up(self, profile: Profile = "full", nodes: int = 1) -> None:  # noqa: ARG002, the profiles are the same
        if self._exists():
            self._kind("export", "kubeconfig", f"--kubeconfig={self.kubeconfig}")
            return
        # One node serves as control plane and runs pods; beside other nodes it would run none.
        roles = ["control-plane", *["worker"] * (nodes if nodes > 1 else 0)]
        config = {
            "kind": "Cluster",
            "apiVersion": "kind.x-k8s.io/v1alpha4",
            "nodes": [{"role": role} for role in roles],
        }
        self.kubeconfig.parent.mkdir(parents=True, exist_ok=True)
        with step(f"creating kind cluster {self._kind_name}"):
            options = (f"--kubeconfig={self.kubeconfig}", "--config=-", "--wait=5m")
            self._kind("create", "cluster", *options, stdin=yaml.safe_dump(config))

    def down(self) -> None:
        self._kind("delete", "cluster", f"--kubeconfig={self.kubeconfig}")
        self.kubeconfig.unlink(missing_ok=True)

    def status(self) -> list[PartStatus]:
        if not self._exists():
            return []
        nodes = self._kind("get", "nodes").split()
        running = ["docker", "inspect", "--format={{.State.Running}}"]
        return [PartStatus(node, _output([*running, node]).strip() == "true") for node in nodes]

    def load(self, images: Sequence[Image]) -> Mapping[str, str]:
        return {image.name: image.public or self._load(image) for image in images}

    def _load(self, image: Image) -> str:
        with TemporaryDirectory() as folder:
            context = Path(folder)
            images.stage(image, context)
            base = self._load(images.find(image.base)) if image.base not in (None, images.BASE) else None
            reference = prefixed(self.image_prefix, image.name, images.tag(image, context, base))
            command = ["docker", "build", "--tag", reference, "--file", str(context / images.DOCKERFILE)]
            command += ["--target", image.target] if image.target else []
            # Else the one that the Dockerfile names.
            command += ["--build-arg", f"BASE={base}"] if base else []
            with step(f"building and loading {reference}"):
                _output([*command, folder])
                self._kind("load", "docker-image", reference)
        return reference

    def _exists(self) -> bool:
        return self._kind_name in _output([str(programs.program("kind")), "get", "clusters"]).split()

    def _kind(self, *arguments: str, stdin: str = "") -> str:
        return _output([str(programs.program("kind")), *arguments, f"--name={self._kind_name}"], stdin)


def _output(command: Sequence[str], stdin: str = "") -> str:
    result = subprocess.run(command, check=False, capture_output=True, text=True, input=stdin)
    if result.returncode != 0:
        raise ClusterError(f"`{' '.join(command)}` failed:\n{result.stderr[-2000:]}")
    return result.stdout
