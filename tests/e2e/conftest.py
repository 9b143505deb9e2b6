"""A full cluster with the chart installed for the session, and for each test a namespace that enforces Restricted."""

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from taskfleet.api import Object
from tests.e2e.fleet import Fleet
from tests.e2e.operator import Operator
from tests.tools.cluster import CATALOGUE, Cluster, Image, cluster
from tests.tools.installation import IMAGES, NAMESPACE
from tests.tools.kube import Kube
from tests.tools.kubectl import Kubectl

RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted"}
ROOT_IMAGE = Image(
    "runs-as-root", "tests/e2e/runs_as_root/Dockerfile", "tests/e2e/runs_as_root", public="busybox:1.37"
)

NEXT_REDIS = Image(
    "redis-next",
    "tests/e2e/redis_next/Dockerfile",
    "tests/e2e/redis_next",
    base="redis",
    public="redis:8-alpine",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--cluster", default="e2e", help="name of the cluster to run on, such as one that is up")
    parser.addoption("--nodes", type=int, default=1, help="how many nodes that cluster has")
    parser.addoption(
        "--soak-seconds", type=float, default=60.0, help="how long the soak test sends bursts of tasks"
    )
    parser.addoption("--chaos-seconds", type=float, default=1800.0, help="how long the chaos test goes on")
    parser.addoption("--seed", type=int, default=1, help="which faults the chaos test brings about, and when")


@pytest.fixture(scope="session")
def one_cluster(request: pytest.FixtureRequest, worker_id: str) -> Iterator[Cluster]:
    """Of this process of pytest-xdist. A cluster that ran before is left running."""
    name = str(request.config.getoption("--cluster"))
    one = cluster(name if worker_id == "master" else f"{name}-{worker_id}")
    found_running = bool(one.status())
    try:
        one.up("full", request.config.getoption("--nodes"))
        yield one
    finally:
        if not found_running:
            one.down()


@pytest.fixture(scope="session")
def kubeconfig(one_cluster: Cluster) -> Path:
    return one_cluster.kubeconfig


@pytest.fixture(scope="session")
def kube(kubeconfig: Path) -> Iterator[Kube]:
    client = Kube(kubeconfig)
    yield client
    client.close()


@pytest.fixture(scope="session")
def images(one_cluster: Cluster) -> Mapping[str, str]:
    return one_cluster.load([*(CATALOGUE[name] for name in IMAGES), ROOT_IMAGE, NEXT_REDIS])


@pytest.fixture(scope="session")
def installed(kubeconfig: Path, kube: Kube, images: Mapping[str, str]) -> Operator:
    kube.apply(_namespace(NAMESPACE))
    operator = Operator(kubeconfig, kube, images)
    operator.restore()
    return operator


@pytest.fixture
def operator(installed: Operator) -> Iterator[Operator]:
    """For tests that disturb the operator: it is as before when they end."""
    yield installed
    installed.restore()


@pytest.fixture
def namespace(kube: Kube, kubeconfig: Path) -> Iterator[str]:
    with _new_namespace(kube, kubeconfig) as name:
        yield name


@pytest.fixture
def fleet(installed: Operator, namespace: str) -> Fleet:
    return _fleet(installed, namespace)


@pytest.fixture(scope="module")
def shared_fleet(installed: Operator, kube: Kube, kubeconfig: Path) -> Iterator[Fleet]:
    """For tests that use pools and keys of their own in one namespace, with one Redis and one client."""
    with _new_namespace(kube, kubeconfig) as name:
        yield _fleet(installed, name)


def _fleet(installed: Operator, namespace: str) -> Fleet:
    return Fleet(installed.kubeconfig, installed.kube, namespace, installed.images["taskfleet-quickstart"])


@contextmanager
def _new_namespace(kube: Kube, kubeconfig: Path) -> Iterator[str]:
    name = f"e2e-{secrets.token_hex(4)}"
    kube.create(_namespace(name))
    yield name
    # A namespace alone would keep its Deployments for half their pods' grace period: it removes pods first.
    Kubectl(kubeconfig, namespace=name)(
        "delete", "periodicschedules,workerpools,brokers", "--all", "--wait=false"
    )
    kube.delete("Namespace", name)


def _namespace(name: str) -> Object:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": RESTRICTED}}
