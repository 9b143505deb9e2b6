from pathlib import Path

import pytest

from tests.tools.cluster import cgroups


@pytest.fixture
def version1(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("cpuset", "pids"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "cgroup.procs").touch()
    (tmp_path / "cpu").symlink_to("pids")
    monkeypatch.setattr(cgroups, "MOUNT", tmp_path)
    return tmp_path


def test_version_1_has_a_hierarchy_for_each_controller_and_none_for_an_alias(version1: Path) -> None:
    assert cgroups.hierarchies() == [version1 / "cpuset", version1 / "pids"]


def test_version_2_has_one_hierarchy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cgroups, "MOUNT", tmp_path)
    (tmp_path / "cgroup.controllers").write_text("cpu memory")
    assert cgroups.hierarchies() == [tmp_path]


def test_a_new_cpuset_group_can_run_something(version1: Path) -> None:
    for name in ("cpuset.cpus", "cpuset.mems"):
        (version1 / "cpuset" / name).write_text("0-1\n")
        for folder in ("taskfleet-dev", "taskfleet-dev/node1"):
            (version1 / "cpuset" / folder).mkdir(exist_ok=True)
            (version1 / "cpuset" / folder / name).write_text("\n")
    cgroups.create("/taskfleet-dev/node1")
    assert (version1 / "cpuset" / "taskfleet-dev" / "node1" / "cpuset.cpus").read_text() == "0-1\n"


def test_version_2_switches_controllers_on_from_the_root_to_the_node(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cgroups, "MOUNT", tmp_path)
    for folder in (".", "taskfleet-dev", "taskfleet-dev/node1"):
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / "cgroup.controllers").write_text("cpu")
    cgroups.create("/taskfleet-dev/node1")
    for folder in (".", "taskfleet-dev", "taskfleet-dev/node1"):
        assert (tmp_path / folder / "cgroup.subtree_control").read_text() == "+cpu", folder


def test_processes_of_every_pod_below_the_cluster_are_found(version1: Path) -> None:
    pod = version1 / "pids" / "taskfleet-dev" / "node1" / "kubepods" / "pod1"
    pod.mkdir(parents=True)
    (pod / "cgroup.procs").write_text("41\n42\n")
    assert cgroups.processes("dev") == {41, 42}
    assert cgroups.processes("de") == set()


def test_all_groups_of_a_cluster_are_removed_and_no_others(version1: Path) -> None:
    for name in ("taskfleet-dev/node1/kubepods", "taskfleet-dev2"):
        (version1 / "pids" / name).mkdir(parents=True)
    assert cgroups.remove("dev") is True
    assert not (version1 / "pids" / "taskfleet-dev").exists()
    assert (version1 / "pids" / "taskfleet-dev2").exists()
