"""A control plane for the session; for each test a namespace, a proxy and operators of its own."""

import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pytest

from tests.envtest.control_plane import control_plane
from tests.envtest.operator_process import OperatorProcess
from tests.envtest.proxy import Proxy
from tests.kube import Kube


class StartOperator(Protocol):
    """Starts an operator that watches the test's namespace only, directly or through a proxy.

    `settings` are TASKFLEET_* variables without the prefix, such as RESYNC_INTERVAL="2".
    """

    def __call__(
        self, name: str = "operator", *, through: Proxy | None = None, **settings: str
    ) -> OperatorProcess: ...


@pytest.fixture(scope="session")
def kubeconfig() -> Iterator[Path]:
    with control_plane("envtest") as path:
        yield path


@pytest.fixture(scope="session")
def kube(kubeconfig: Path) -> Iterator[Kube]:
    client = Kube(kubeconfig)
    yield client
    client.close()


@pytest.fixture
def namespace(kube: Kube) -> Iterator[str]:
    name = f"t-{secrets.token_hex(4)}"
    kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    yield name
    kube.delete("Namespace", name)


@pytest.fixture
def proxy(kubeconfig: Path, tmp_path: Path) -> Iterator[Proxy]:
    with Proxy(kubeconfig, tmp_path) as running:
        yield running


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
