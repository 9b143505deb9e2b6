"""The chart on a test cluster, and the quickstart's manifests with the images that the cluster has."""

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from taskfleet.api import Object
from tests.tools.cluster import ClusterError, programs
from tests.tools.kubectl import Kubectl

ROOT = Path(__file__).parents[2]
CHART = ROOT / "charts" / "taskfleet"
QUICKSTART = ROOT / "examples" / "quickstart"
NAMESPACE = "taskfleet-system"
RELEASE = "taskfleet"
DEPLOYMENT = "taskfleet-operator"
IMAGES = ("taskfleet-operator", "taskfleet-worker", "taskfleet-celery", "taskfleet-quickstart", "redis")


def install(kubeconfig: Path, images: Mapping[str, str], values: Mapping[str, Any] | None = None) -> None:
    """Install the chart, or bring an installation to these values. Does not wait for the operator.

    `images` are full references by name, as Cluster.load returns them.
    """
    ours = {name: images[f"taskfleet-{name}"] for name in ("operator", "worker", "celery")}
    text = yaml.safe_dump({"image": ours, "redis": {"image": images["redis"]}, **(values or {})})
    command = ["upgrade", "--install", RELEASE, str(CHART), "--create-namespace", "--values=-"]
    result = helm(kubeconfig, *command, stdin=text)
    if "another operation" in result.stderr:  # an interrupted helm leaves its release locked
        helm(kubeconfig, "uninstall", RELEASE, "--ignore-not-found", "--wait")
        result = helm(kubeconfig, *command, stdin=text)
    if result.returncode != 0:
        raise ClusterError(f"`helm {' '.join(command)}` failed:\n{result.stderr}")


def wait_for_operator(kubeconfig: Path) -> None:
    """Return when every operator pod is of the newest installation and ready."""
    kubectl = Kubectl(kubeconfig, namespace=NAMESPACE)
    kubectl("rollout", "status", f"deployment/{DEPLOYMENT}", "--timeout=120s")


def helm(kubeconfig: Path, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """helm's own exit status and output, in the operator's namespace."""
    command = [str(programs.program("helm")), f"--kubeconfig={kubeconfig}", f"--namespace={NAMESPACE}"]
    return subprocess.run([*command, *arguments], input=stdin, check=False, capture_output=True, text=True)


def quickstart(file: str, images: Mapping[str, str]) -> Object:
    """A manifest of the quickstart, with the images of `images` in place of the published names."""
    text = re.sub(
        r"image: ([^:\s]+):\S+", lambda found: f"image: {images[found[1]]}", (QUICKSTART / file).read_text()
    )
    manifest: Object = yaml.safe_load(text)
    return manifest
