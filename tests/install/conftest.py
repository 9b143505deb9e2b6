"""A release in a registry, a private mirror, and an API server without nodes and without anything of Taskfleet."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.install.stranger import Stranger
from tests.tools.cluster import cluster, programs
from tests.tools.kubectl import Kubectl
from tests.tools.registry import Registry, empty_image
from tests.tools.release.build import QUICK, release
from tests.tools.release.checkout import Source
from tests.tools.release.publish import publish
from tests.tools.release.tools import run

ROOT = Path(__file__).parents[2]
VERSION = "1.2.3"  # of the page
PASSWORD = "open sesame"
OURS = "app.kubernetes.io/name=taskfleet"
IMAGES = ("operator", "worker", "celery", "quickstart")


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with Registry(tmp_path_factory.mktemp("registry")) as running:
        yield running


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[Registry]:
    with Registry(tmp_path / "mirror", user="reader", password=PASSWORD) as running:
        yield running


@pytest.fixture(scope="session")
def published(registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the release, which is in the registry too, beside the Redis that the chart names."""
    address = f"{registry.address}/team"
    target = tmp_path_factory.mktemp("release") / "dist"
    parts = (*QUICK, ("images", _images))
    release(ROOT, target, parts, version=VERSION, registry=address, builder="test")
    publish(target, address, plain_http=True)
    source = f"{address}/taskfleet-worker:{VERSION}"
    run(programs.program("crane"), "copy", source, f"{registry.address}/library/redis:7-alpine")
    return target


def _images(source: Source, target: Path) -> None:
    for name in IMAGES:
        empty_image.write(target / f"taskfleet-{name}-{source.version}.oci.tar")


@pytest.fixture(scope="session")
def api_server() -> Iterator[Path]:
    """The kubeconfig of an administrator."""
    one = cluster("install")
    try:
        one.up("control-plane")
        yield one.kubeconfig
    finally:
        one.down()


@pytest.fixture
def kubectl(api_server: Path) -> Iterator[Kubectl]:
    """Removes everything of Taskfleet at the end."""
    kubectl = Kubectl(api_server)
    yield kubectl
    kubectl("delete", "crds,clusterroles,clusterrolebindings", "--selector", OURS, "--ignore-not-found")
    names = ["workerpools", "brokers", "taskqueues", "periodicschedules"]
    kubectl("delete", "crds", *(f"{name}.taskfleet.dev" for name in names), "--ignore-not-found")
    kubectl("delete", "namespaces", "taskfleet-system", "shop", "--ignore-not-found")


@pytest.fixture
def stranger(
    published: Path, registry: Registry, mirror: Registry, api_server: Path, tmp_path: Path
) -> Stranger:
    home = tmp_path / "home"
    shutil.copytree(published, home, ignore=shutil.ignore_patterns("*.oci.tar"))
    names = {
        "registry.example/team": f"{registry.address}/team",
        "mirror.example": mirror.address,
        "mirror.example/redis:7-alpine": f"{mirror.address}/redis:7-alpine",
        "redis:7-alpine": f"{registry.address}/library/redis:7-alpine",
    }
    return Stranger(home, api_server, names)
