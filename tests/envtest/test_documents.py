"""The manifests in the documents, given to a real API server."""

import re
from pathlib import Path

import pytest

from tests.tools.cluster import kubectl

REPOSITORY = Path(__file__).parents[2]


PAGES = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").rglob("*.md"))]
MANIFESTS = [
    pytest.param(block, id=f"{page.name}-{number}")
    for page in PAGES
    for number, block in enumerate(re.findall(r"```yaml\n(.*?)```", page.read_text(), flags=re.DOTALL), 1)
    if block.startswith("apiVersion:")
]


@pytest.mark.parametrize("manifest", MANIFESTS)
@pytest.mark.usefixtures("kube")
def test_the_api_server_accepts_the_manifest(
    kubeconfig: Path, namespace: str, tmp_path: Path, manifest: str
) -> None:
    path = tmp_path / "manifest.yaml"
    path.write_text(manifest)
    result = kubectl.run(
        kubeconfig, "--namespace", namespace, "apply", "--dry-run=server", "--filename", str(path)
    )
    assert result.returncode == 0, result.stderr
    assert "Warning" not in result.stderr
