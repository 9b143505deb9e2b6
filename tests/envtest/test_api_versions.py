"""How the second version of the API comes, and goes back, on a real API server: docs/explanation/design/api-versions.md."""

import copy
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from taskfleet.api import KINDS, VERSION, Object
from taskfleet.crds import crd
from tests.envtest.rules.case import build
from tests.tools.cluster import kubectl
from tests.tools.kube import Kube, RefusedError
from tests.tools.schema_diff import breaking_changes
from tests.tools.waiting import wait_for

NEXT = "v1beta1"
# A group of its own, so that nobody's objects are touched.
GROUP = "versions.taskfleet.test"
WARNING = f"{GROUP}/{VERSION} WorkerPool is deprecated: use {NEXT}."


def release(*versions: str, stored: str, deprecated: str = "") -> Object:
    """The CRD of WorkerPool in a release that serves these versions."""
    definition = crd(next(info for info in KINDS if info.kind == "WorkerPool"))
    definition["metadata"]["name"] = f"workerpools.{GROUP}"
    spec = definition["spec"]
    spec["group"], spec["names"]["shortNames"], spec["names"]["categories"] = GROUP, [], []
    (only,) = spec["versions"]
    spec["versions"] = [{**copy.deepcopy(only), "name": name, "storage": name == stored} for name in versions]
    for version in spec["versions"]:
        if version["name"] == deprecated:
            version |= {"deprecated": True, "deprecationWarning": WARNING}
    return definition


FIRST = release(VERSION, stored=VERSION)
SERVED_TOO = release(VERSION, NEXT, stored=VERSION)
STORED = release(VERSION, NEXT, stored=NEXT, deprecated=VERSION)


class Cluster:
    """The CRD on the API server, and the pools in a namespace by version."""

    def __init__(self, kube: Kube, namespace: str) -> None:
        self._kube, self._namespace = kube, namespace

    def install(self, definition: Object) -> None:
        """As helm or kubectl apply it; returns once the API server serves all of its versions."""
        self._kube.apply(definition)
        versions = {version["name"] for version in definition["spec"]["versions"]}
        wait_for(lambda: self._served() == versions, 30, what=f"exactly {versions} are served")

    def _served(self) -> set[str]:
        found = set()
        for version in (VERSION, NEXT):
            with suppress(RefusedError):
                self._kube.request("GET", self._path(version))
                found.add(version)
        return found

    def stored_versions(self) -> list[str]:
        found = self._kube.get("CustomResourceDefinition", FIRST["metadata"]["name"])
        assert found is not None
        versions: list[str] = found["status"]["storedVersions"]
        return versions

    def create(self, version: str, name: str) -> None:
        pool = build("WorkerPool", {"concurrency": 3}, name=name, namespace=self._namespace)
        self._kube.request("POST", self._path(version), {**pool, "apiVersion": f"{GROUP}/{version}"})

    def concurrency(self, version: str, name: str) -> int:
        found: int = self._kube.request("GET", f"{self._path(version)}/{name}")["spec"]["concurrency"]
        return found

    def _path(self, version: str) -> str:
        return f"/apis/{GROUP}/{version}/namespaces/{self._namespace}/workerpools"


@pytest.fixture
def cluster(kube: Kube, namespace: str) -> Iterator[Cluster]:
    yield Cluster(kube, namespace)
    kube.delete("CustomResourceDefinition", FIRST["metadata"]["name"])
    wait_for(
        lambda: kube.get("CustomResourceDefinition", FIRST["metadata"]["name"]) is None,
        30,
        what="the CRD is gone",
    )


def test_every_step_is_one_that_lint_allows() -> None:
    assert breaking_changes(FIRST, SERVED_TOO) == []
    assert breaking_changes(SERVED_TOO, STORED) == []
    assert breaking_changes(FIRST, STORED) != []


def test_objects_are_read_in_both_versions_on_the_way_and_after_each_rollback(
    cluster: Cluster, kubeconfig: Path, namespace: str
) -> None:
    cluster.install(FIRST)
    cluster.create(VERSION, "old")
    cluster.install(SERVED_TOO)
    cluster.create(NEXT, "young")
    assert [cluster.concurrency(NEXT, name) for name in ("old", "young")] == [3, 3]
    assert cluster.stored_versions() == [VERSION]

    cluster.install(FIRST)
    assert [cluster.concurrency(VERSION, name) for name in ("old", "young")] == [3, 3]

    cluster.install(SERVED_TOO)
    cluster.install(STORED)
    cluster.create(NEXT, "stored")
    assert cluster.stored_versions() == [VERSION, NEXT]
    warned = kubectl.run(kubeconfig, "get", f"workerpools.{VERSION}.{GROUP}", f"--namespace={namespace}")
    assert WARNING in warned.stderr
    assert "stored" in warned.stdout

    cluster.install(SERVED_TOO)
    assert cluster.concurrency(VERSION, "stored") == 3


def test_rollback_over_two_releases_is_refused_by_the_api_server(cluster: Cluster) -> None:
    cluster.install(FIRST)
    cluster.install(SERVED_TOO)
    cluster.install(STORED)
    with pytest.raises(RefusedError, match=r"status\.storedVersions.*missing from spec\.versions"):
        cluster.install(FIRST)
