"""The examples, given to a real API server."""

from pathlib import Path

import pytest

from tests.tools.cluster import kubectl

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.mark.parametrize(
    "manifest", sorted(EXAMPLES.rglob("*.yaml")), ids=lambda path: str(path.relative_to(EXAMPLES))
)
@pytest.mark.usefixtures("kube")
def test_the_api_server_accepts_the_example(kubeconfig: Path, namespace: str, manifest: Path) -> None:
    result = kubectl.run(
        kubeconfig, "--namespace", namespace, "apply", "--dry-run=server", "--filename", str(manifest)
    )
    assert result.returncode == 0, result.stderr
    assert "Warning" not in result.stderr
