"""Where the commands find their cluster, and what they print when they cannot use it."""

import json
from pathlib import Path

import pytest
from kubernetes.aio.config import kube_config

from taskfleet.api import Key
from taskfleet.commands.flags import ClusterFlags
from taskfleet.commands.request import PendingError
from taskfleet.commands.session import connected, context_namespace, on_object
from taskfleet.kube.errors import ApiError
from taskfleet.kube.gateway import Gateway


async def nothing(gateway: Gateway, key: Key) -> int:
    raise AssertionError(f"asked {gateway} about {key}")


@pytest.fixture
def kubeconfig(tmp_path: Path) -> str:
    """Two contexts, the first of them the current one."""
    path = tmp_path / "kubeconfig"
    contexts = [
        {"name": "here", "context": {"cluster": "here", "user": "ann", "namespace": "shop"}},
        {"name": "there", "context": {"cluster": "there", "user": "ann"}},
    ]
    clusters = [{"name": one, "cluster": {"server": f"http://{one}.invalid:1"}} for one in ("here", "there")]
    users = [{"name": "ann", "user": {"token": "of-ann"}}]
    kinds = {"kind": "Config", "apiVersion": "v1", "current-context": "here"}
    path.write_text(json.dumps({**kinds, "contexts": contexts, "clusters": clusters, "users": users}))
    return str(path)


@pytest.mark.parametrize("namespace", [pytest.param("shop", id="named"), pytest.param(None, id="by-context")])
async def test_without_a_kubeconfig_a_sentence_says_what_to_set(
    namespace: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The client reads the environment once, when it is imported.
    monkeypatch.setattr(kube_config, "KUBE_CONFIG_DEFAULT_LOCATION", str(tmp_path / "none"))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    with pytest.raises(SystemExit, match="Set KUBECONFIG"):
        await on_object(ClusterFlags(namespace=namespace), "WorkerPool", "mail", nothing)


@pytest.mark.parametrize(
    ("context", "namespace", "server"),
    [
        pytest.param(None, "shop", "http://here.invalid:1", id="current"),
        pytest.param("here", "shop", "http://here.invalid:1", id="named"),
        pytest.param("there", "default", "http://there.invalid:1", id="another"),
    ],
)
async def test_flags_choose_the_file_and_the_context(
    kubeconfig: str, context: str | None, namespace: str, server: str
) -> None:
    flags = ClusterFlags(kubeconfig, context)
    assert context_namespace(flags) == namespace
    async with connected(flags) as gateway:
        assert gateway._api.configuration.host == server


async def test_an_unknown_context_is_named(kubeconfig: str) -> None:
    with pytest.raises(SystemExit, match=r"no context 'nowhere'.*--context"):
        await on_object(ClusterFlags(kubeconfig, "nowhere"), "WorkerPool", "mail", nothing)


@pytest.mark.parametrize(
    ("error", "line"),
    [
        pytest.param(ApiError(404, "NotFound", "not found"), "not found", id="of-the-api-server"),
        pytest.param(PendingError("Timed out."), "Timed out.", id="no-answer"),
    ],
)
async def test_an_error_names_the_object_and_ends_with_1(
    kubeconfig: str, error: Exception, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    async def fails(*_: object) -> int:
        raise error

    assert await on_object(ClusterFlags(kubeconfig), "WorkerPool", "mail", fails) == 1
    assert capsys.readouterr().err == f"WorkerPool 'mail' in namespace 'shop': {line}\n"
