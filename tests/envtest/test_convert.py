"""What `taskfleet convert` writes, given to a real API server with all of its rules."""

from pathlib import Path

import pytest

from taskfleet.convert.output import manifests_text
from tests.tools.cluster import kubectl
from tests.unit.convert.corpus import CASES, converted


@pytest.mark.parametrize("case", CASES)
@pytest.mark.usefixtures("kube")
def test_the_api_server_accepts_what_comes_out(kubeconfig: Path, namespace: str, case: str) -> None:
    manifests = converted(case).manifests
    without_namespaces = [
        {**one, "metadata": {name: value for name, value in one["metadata"].items() if name != "namespace"}}
        for one in manifests
    ]
    result = kubectl.run(
        kubeconfig,
        "--namespace",
        namespace,
        "apply",
        "--dry-run=server",
        "--filename=-",
        stdin=manifests_text(without_namespaces),
    )
    assert result.returncode == 0, result.stderr
    assert "Warning" not in result.stderr
    assert len(result.stdout.splitlines()) == len(manifests)
