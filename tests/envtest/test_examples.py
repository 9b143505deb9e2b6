"""The examples, given to a real API server."""

from pathlib import Path

import pytest

from tests.envtest.conftest import StartOperator
from tests.tools.cluster import kubectl
from tests.tools.kube import Kube
from tests.tools.waiting import wait_for

EXAMPLES = Path(__file__).parents[2] / "examples"
KUSTOMIZATION = "kustomization.yaml"
MANIFESTS = sorted(path for path in EXAMPLES.rglob("*.yaml") if path.name != KUSTOMIZATION)


@pytest.mark.parametrize("manifest", MANIFESTS, ids=lambda path: str(path.relative_to(EXAMPLES)))
@pytest.mark.usefixtures("kube")
def test_the_api_server_accepts_the_example(kubeconfig: Path, namespace: str, manifest: Path) -> None:
    result = kubectl.run(
        kubeconfig, "--namespace", namespace, "apply", "--dry-run=server", "--filename", str(manifest)
    )
    assert result.returncode == 0, result.stderr
    assert "Warning" not in result.stderr


@pytest.mark.parametrize(
    "folder",
    sorted(path.parent for path in EXAMPLES.rglob(KUSTOMIZATION)),
    ids=lambda path: str(path.relative_to(EXAMPLES)),
)
def test_what_a_gitops_tool_applied_shows_no_drift_beside_a_running_operator(
    kubeconfig: Path, kube: Kube, namespace: str, start_operator: StartOperator, folder: Path
) -> None:
    start_operator().wait_until_leading()
    applied = ("--server-side", "--field-manager=argocd-controller", "--kustomize", str(folder))
    result = kubectl.run(kubeconfig, "--namespace", namespace, "apply", *applied)
    assert result.returncode == 0, result.stderr
    wait_for(lambda: _seen(kube, namespace), 60, what="the operator to have seen the pool")
    (pool,) = kube.list("WorkerPool", namespace)
    assert "replicas" not in pool["spec"]
    # A status that is written between kubectl's two reads shows once.
    wait_for(
        lambda: kubectl.run(kubeconfig, "--namespace", namespace, "diff", *applied).returncode == 0,
        30,
        what="no difference",
    )


def _seen(kube: Kube, namespace: str) -> bool:
    (pool,) = kube.list("WorkerPool", namespace)
    return bool(pool.get("status", {}).get("observedGeneration") == pool["metadata"]["generation"])
