"""The few requests that starting a cluster needs, by the kubectl built with it."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.cluster import programs
from tests.cluster.processes import wait_until


def run(kubeconfig: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """kubectl's own exit status and output."""
    command = [str(programs.program("kubectl")), f"--kubeconfig={kubeconfig}", "--request-timeout=10s"]
    return subprocess.run([*command, *arguments], check=False, capture_output=True, text=True)


def apply(kubeconfig: Path, manifest: Path) -> None:
    """Again until it works: namespaces and accounts appear a moment after the API server answers."""
    result = run(kubeconfig, "version")

    def applied() -> bool:
        nonlocal result
        result = run(kubeconfig, "apply", "--server-side", "--force-conflicts", "--filename", str(manifest))
        return result.returncode == 0

    wait_until(applied, seconds=30, failure=lambda: f"cannot apply {manifest}: {result.stderr}")


def wait_for_nodes_and_dns(kubeconfig: Path, nodes: int, *, seconds: float) -> None:
    """Return when every node is Ready and names are answered."""

    def ready() -> bool:
        conditions = '{.items[*].status.conditions[?(@.type=="Ready")].status}'
        seen = run(kubeconfig, "get", "nodes", f"--output=jsonpath={conditions}").stdout.split()
        dns = "--output=jsonpath={.status.readyReplicas}"
        return seen == ["True"] * nodes and _dns(kubeconfig, dns) == "1"

    wait_until(ready, seconds=seconds, failure=lambda: _overview(kubeconfig))


def _dns(kubeconfig: Path, output: str) -> str:
    return run(kubeconfig, "--namespace=kube-system", "get", "deployment", "coredns", output).stdout


def _overview(kubeconfig: Path) -> str:
    seen = run(kubeconfig, "get", "nodes,pods,events", "--all-namespaces").stdout
    return f"the nodes or CoreDNS did not become ready:\n{seen}"
