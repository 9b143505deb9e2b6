import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.tools.cluster import debian, state
from tests.tools.cluster.state import ClusterError

DEBIAN_12 = 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nVERSION_ID="12"\nID=debian\n'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(DEBIAN_12, True, id="debian-12"),
        pytest.param(DEBIAN_12.replace('"12"', '"13"'), False, id="debian-13"),
        pytest.param('ID=ubuntu\nVERSION_ID="12"\nID_LIKE=debian\n', False, id="ubuntu"),
    ],
)
def test_packages_are_installed_on_debian_12_only(text: str, expected: bool) -> None:
    assert debian.is_debian_12(text) is expected


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Debian 12, root, no terminal, with nothing installed; an installation fails the test."""

    def installed(packages: list[str]) -> None:
        raise AssertionError(f"installs {packages}")

    release = tmp_path / "os-release"
    release.write_text(DEBIAN_12)
    monkeypatch.setattr(debian, "OS_RELEASE", release)
    monkeypatch.setattr(debian, "found", lambda proof: False)  # noqa: ARG005
    monkeypatch.setattr(debian, "install", installed)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.delenv("CI", raising=False)
    return monkeypatch


def test_without_root_the_missing_package_and_the_command_are_named(machine: pytest.MonkeyPatch) -> None:
    machine.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(
        ClusterError, match=r"missing packages: openssl, iproute2. .*`apt-get install .*iproute2`"
    ):
        debian.require(debian.CONTROL_PLANE)


def test_nodes_without_root_are_refused_with_the_two_other_ways(machine: pytest.MonkeyPatch) -> None:
    machine.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(ClusterError, match=r"needs root .*provider kind.*TASKFLEET_KUBECONFIG"):
        debian.require(debian.FULL)


@pytest.mark.usefixtures("machine")
def test_another_system_is_refused_with_the_names_of_what_is_missing() -> None:
    debian.OS_RELEASE.write_text("ID=fedora\nVERSION_ID=40\n")
    with pytest.raises(
        ClusterError, match=r"missing programs: openssl, iproute2, containerd.*made for Debian 12"
    ):
        debian.require(debian.FULL)


def test_a_machine_without_a_person_installs_by_itself(machine: pytest.MonkeyPatch) -> None:
    machine.setenv("CI", "true")
    with pytest.raises(AssertionError, match=r"installs .*containerd"):
        debian.require(debian.FULL)


def test_a_person_is_asked_and_may_refuse(machine: pytest.MonkeyPatch) -> None:
    machine.setattr("sys.stdin", type("Terminal", (), {"isatty": lambda self: True})())  # noqa: ARG005
    machine.setattr("builtins.input", lambda question: "n")  # noqa: ARG005
    with pytest.raises(ClusterError, match="Install them: `apt-get install"):
        debian.require(debian.FULL)


def test_the_end_of_the_input_refuses_too(
    machine: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def end(question: str) -> str:
        raise EOFError(question)

    machine.setattr("sys.stdin", type("Terminal", (), {"isatty": lambda self: True})())  # noqa: ARG005
    machine.setattr("builtins.input", end)
    with pytest.raises(ClusterError, match="Install them: `apt-get install"):
        debian.require(debian.FULL)
    assert capsys.readouterr().out == "\n"


def test_nothing_is_asked_where_nothing_is_missing(machine: pytest.MonkeyPatch) -> None:
    machine.setattr(debian, "found", lambda proof: True)  # noqa: ARG005
    debian.require(debian.FULL)


def test_two_that_install_at_the_same_time_wait_for_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    apt = tmp_path / "apt-get"
    apt.write_text(f"#!/bin/sh\nmkdir {tmp_path}/busy && sleep 0.1 && rmdir {tmp_path}/busy\n")
    apt.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(state, "cache_dir", lambda: tmp_path)
    with ThreadPoolExecutor(3) as pool:
        for installation in [pool.submit(debian.install, ["redis-server"]) for _ in range(3)]:
            installation.result()
