"""A control plane for the session; for each test a namespace, a proxy and operators of its own."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import pytest

from tests.envtest.control_plane import control_plane
from tests.envtest.operator_process import OperatorProcess
from tests.envtest.proxy import Proxy
from tests.runtime.redis_server import RedisServer
from tests.tools.kube import Kube


class StartOperator(Protocol):
    """Starts an operator that watches the test's namespace only, directly or through a proxy.

    `settings` are TASKFLEET_* variables without the prefix, such as RESYNC_INTERVAL="2".
    """

    def __call__(
        self, name: str = "operator", *, through: Proxy | None = None, **settings: str
    ) -> OperatorProcess: ...


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--control-plane",
        default="envtest",
        help="name of the control plane to run on, such as one that is up",
    )


@pytest.fixture(scope="session")
def kubeconfig(request: pytest.FixtureRequest, worker_id: str) -> Iterator[Path]:
    """Of the control plane, or of this lane's own where several lanes run."""
    name = str(request.config.getoption("--control-plane"))
    with control_plane(name if worker_id == "master" else f"{name}-{worker_id}") as path:
        yield path


@pytest.fixture(scope="session")
def kube(kubeconfig: Path) -> Iterator[Kube]:
    client = Kube(kubeconfig)
    yield client
    client.close()


@contextmanager
def new_namespace(kube: Kube) -> Iterator[str]:
    name = f"t-{secrets.token_hex(4)}"
    kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    yield name
    kube.delete("Namespace", name)


@pytest.fixture
def namespace(kube: Kube) -> Iterator[str]:
    with new_namespace(kube) as name:
        yield name


@pytest.fixture(scope="module")
def shared_namespace(kube: Kube) -> Iterator[str]:
    """For tests that look at the same objects, or leave them as they were."""
    with new_namespace(kube) as name:
        yield name


@pytest.fixture
def proxy(kubeconfig: Path, tmp_path: Path) -> Iterator[Proxy]:
    with Proxy(kubeconfig, tmp_path) as running:
        yield running


@pytest.fixture(scope="session")
def shared_proxy(kubeconfig: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    with Proxy(kubeconfig, tmp_path_factory.mktemp("proxy")) as running:
        yield running


@pytest.fixture(scope="session")
def cluster_operator(
    kube: Kube, shared_proxy: Proxy, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[OperatorProcess]:
    """One on the whole cluster, not started; what it reads again by itself, it reads every second."""
    with new_namespace(kube) as lease_namespace:
        operator = OperatorProcess(
            shared_proxy.kubeconfig,
            log_file=tmp_path_factory.mktemp("operator") / "shared.log",
            lease_namespace=lease_namespace,
            settings={"RESYNC_INTERVAL": "1", "LOG_LEVEL": "DEBUG"},
        )
        yield operator
        operator.kill()


@pytest.fixture(scope="module")
def module_operator(cluster_operator: OperatorProcess) -> OperatorProcess:
    """For fixtures of a module: the operator on the whole cluster, running."""
    return cluster_operator if cluster_operator.running else cluster_operator.start().wait_until_leading()


@pytest.fixture(autouse=True)
def no_other_operator(request: pytest.FixtureRequest, cluster_operator: OperatorProcess) -> None:
    """Stop the operator on the whole cluster for tests that have not asked for it: it would take part in them."""
    if cluster_operator.running and "module_operator" not in request.fixturenames:
        cluster_operator.terminate()


@pytest.fixture
def shared_operator(module_operator: OperatorProcess) -> Iterator[OperatorProcess]:
    """The operator on the whole cluster, through `shared_proxy`; it goes on from test to test."""
    if not module_operator.running:
        module_operator.start().wait_until_leading()
    before = len(module_operator.log())
    yield module_operator
    print(f"--- log of the shared operator during this test ---\n{module_operator.log()[before:]}")


@pytest.fixture(scope="module")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def start_operator(
    kubeconfig: Path,
    namespace: str,
    tmp_path: Path,
    proxy: Proxy,  # noqa: ARG001 - ends after the operators that go through it
) -> Iterator[StartOperator]:
    started: list[OperatorProcess] = []

    def start(name: str = "operator", *, through: Proxy | None = None, **settings: str) -> OperatorProcess:
        operator = OperatorProcess(
            through.kubeconfig if through else kubeconfig,
            log_file=tmp_path / f"{name}.log",
            lease_namespace=namespace,
            namespaces=[namespace],
            settings=settings,
        )
        started.append(operator)
        return operator.start()

    yield start
    for operator in started:
        operator.kill()
        print(f"--- log of {operator.name} ---\n{operator.log()}")  # pytest shows it where the test failed
