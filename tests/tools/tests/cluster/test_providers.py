from pathlib import Path

import pytest

from tests.tools.cluster import CATALOGUE, cli, kind
from tests.tools.cluster.existing import ExistingCluster
from tests.tools.cluster.images import version
from tests.tools.cluster.state import ClusterError, ClusterRecord, write_record


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A Docker engine answers, and the environment names no cluster."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("TASKFLEET_KUBECONFIG", raising=False)
    monkeypatch.setattr(kind, "engine_answers", lambda: True)
    return monkeypatch


def chosen(provider: str = "auto") -> str:
    return type(cli.cluster("dev", provider)).__name__  # type: ignore[arg-type]


def test_a_docker_engine_that_answers_means_kind() -> None:
    assert chosen() == "KindCluster"


def test_no_docker_engine_means_bare(machine: pytest.MonkeyPatch) -> None:
    machine.setattr(kind, "engine_answers", lambda: False)
    assert chosen() == "BareCluster"


def test_a_cluster_named_by_the_environment_comes_first(machine: pytest.MonkeyPatch) -> None:
    machine.setenv("TASKFLEET_KUBECONFIG", "/somewhere")
    assert chosen() == "ExistingCluster"


def test_a_bare_cluster_is_found_again_after_docker_was_installed() -> None:
    write_record(ClusterRecord("dev", 0, "full", 1))
    assert chosen() == "BareCluster"


def test_the_user_has_the_last_word(machine: pytest.MonkeyPatch) -> None:
    machine.setenv("TASKFLEET_KUBECONFIG", "/somewhere")
    assert chosen("bare") == "BareCluster"


def test_an_existing_cluster_starts_what_the_user_pushed() -> None:
    cluster = ExistingCluster("x", {"TASKFLEET_IMAGE_PREFIX": "registry.example/team"})
    references = cluster.load([CATALOGUE["taskfleet-worker"], CATALOGUE["redis"]])
    assert references == {
        "taskfleet-worker": f"registry.example/team/taskfleet-worker:{version()}",
        "redis": "redis:7-alpine",
    }


def test_an_existing_cluster_without_kubeconfig_says_which_variable_to_set() -> None:
    with pytest.raises(ClusterError, match="set TASKFLEET_KUBECONFIG"):
        ExistingCluster("x", {}).up()
