"""Where the verbs find their cluster."""

from pathlib import Path

import pytest
from kubernetes.aio.config import kube_config

from taskfleet.api import Key
from taskfleet.commands.dead import dead

LEASE = Key("Lease", "taskfleet-system", "taskfleet-operator")


@pytest.mark.parametrize("namespace", [pytest.param("shop", id="named"), pytest.param(None, id="by-context")])
async def test_without_a_kubeconfig_a_sentence_says_what_to_set(
    namespace: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The client looks at the environment once, when it is imported.
    monkeypatch.setattr(kube_config, "KUBE_CONFIG_DEFAULT_LOCATION", str(tmp_path / "none"))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    with pytest.raises(SystemExit, match="Set KUBECONFIG"):
        await dead("mail", namespace=namespace, lease=LEASE, requeue=None)
