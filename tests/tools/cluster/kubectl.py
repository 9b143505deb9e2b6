"""The few requests that starting a cluster needs, by the kubectl built with it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from tests.tools.cluster import programs
from tests.tools.cluster.processes import wait_until
from tests.tools.cluster.state import ClusterError, cache_dir


def run(kubeconfig: Path, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """kubectl's own exit status and output."""
    command = [str(programs.program("kubectl")), f"--kubeconfig={kubeconfig}", "--request-timeout=10s"]
    return subprocess.run(
        [*command, *arguments], check=False, capture_output=True, text=True, input=stdin, env=environment()
    )


def environment() -> dict[str, str]:
    """That of this process, but for kubectl's cache: not below the user's ~/.kube."""
    return {**os.environ, "KUBECACHEDIR": str(cache_dir() / "kubectl")}


def apply(kubeconfig: Path, manifest: Path) -> None:
    """Again until it works: namespaces and accounts appear a moment after the API server answers."""
    result = run(kubeconfig, "version")

    def applied() -> bool:
        nonlocal result
        # To validate, kubectl would read the whole schema: a second of a core for the API server.
        options = ("--server-side", "--force-conflicts", "--validate=false", f"--filename={manifest}")
        result = run(kubeconfig, "apply", *options)
        return result.returncode == 0

    wait_until(applied, seconds=30, failure=lambda: f"cannot apply {manifest}: {result.stderr}")


def ready_nodes(kubeconfig: Path) -> int:
    """How many nodes are Ready; ClusterError where the API server does not answer."""
    conditions = '{.items[*].status.conditions[?(@.type=="Ready")].status}'
    result = run(kubeconfig, "get", "nodes", f"--output=jsonpath={conditions}")
    if result.returncode != 0:
        raise ClusterError(f"{kubeconfig}: {result.stderr.strip()}")
    return result.stdout.split().count("True")


def wait_for_nodes_and_dns(kubeconfig: Path, nodes: int, *, seconds: float) -> None:
    """Return when every node is Ready and names are answered."""
    dns = (
        "--namespace=kube-system",
        "get",
        "deployment",
        "coredns",
        "--output=jsonpath={.status.readyReplicas}",
    )
    wait_until(
        lambda: run(kubeconfig, *dns).stdout == "1" and ready_nodes(kubeconfig) == nodes,
        seconds=seconds,
        failure=lambda: _overview(kubeconfig),
    )


def _overview(kubeconfig: Path) -> str:
    seen = run(kubeconfig, "get", "nodes,pods,events", "--all-namespaces").stdout
    return f"the nodes or CoreDNS did not become ready:\n{seen}"
