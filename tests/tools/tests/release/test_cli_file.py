"""The command line as one file, for this machine's Python."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tools.release import checkout, cli_file, cli_start, python_dists
from tests.tools.release.checkout import ReleaseError

ROOT = Path(__file__).parents[4]


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cli")
    source = checkout.export(ROOT, folder / "source", "7.8.9", "")
    python_dists.build(source, folder)
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    [wheel] = folder.glob("*.whl")
    packages = cli_file.packages(source, wheel, cli_file.PLATFORMS["linux-amd64"], [python])
    path = folder / "kubectl-taskfleet"
    cli_file.write(path, packages, source.epoch)
    return path


def run(program: Path, cache: Path, *arguments: str) -> str:
    environment = {"PATH": os.environ["PATH"], "XDG_CACHE_HOME": str(cache)}
    result = subprocess.run(
        [program, *arguments], check=True, capture_output=True, text=True, env=environment
    )
    return result.stdout


def test_one_file_is_the_whole_command_line(program: Path, tmp_path: Path) -> None:
    assert "Usage: kubectl taskfleet" in run(program, tmp_path, "--help")
    manifest = ROOT / "examples/quickstart/workerpool.yaml"
    assert "quickstart-worker" in run(program, tmp_path, "plan", "-f", str(manifest))


def test_the_second_start_unpacks_nothing(program: Path, tmp_path: Path) -> None:
    run(program, tmp_path, "--help")
    [folder] = (tmp_path / "taskfleet").iterdir()
    before = folder.stat().st_mtime_ns
    run(program, tmp_path, "--help")
    assert [folder.stat().st_mtime_ns] == [
        one.stat().st_mtime_ns for one in (tmp_path / "taskfleet").iterdir()
    ]
    assert folder.stat().st_mtime_ns == before


def test_it_completes_for_kubectl_under_the_other_name(program: Path, tmp_path: Path) -> None:
    other = tmp_path / "kubectl_complete-taskfleet"
    other.symlink_to(program)
    assert "explain" in run(other, tmp_path, "ex")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param("a/b.py", True, id="source"),
        pytest.param("a/b.cpython-312-x86_64-linux-gnu.so", True, id="extension"),
        pytest.param("a/b.cpython-312-darwin.so", True, id="extension-on-another-system"),
        pytest.param("a/b.abi3.so", True, id="extension-for-any-python"),
        pytest.param("a/b.cpython-311-x86_64-linux-gnu.so", False, id="extension-for-another-python"),
    ],
)
def test_only_what_this_python_loads_is_unpacked(name: str, expected: bool) -> None:
    assert cli_start.needed(name, "cpython-312") is expected


def test_packages_that_differ_by_python_are_refused() -> None:
    files = {"a/b.py": b"1"}
    with pytest.raises(ReleaseError, match=r"a/b\.py differs"):
        cli_file.add(files, {"a/b.py": b"2"})
