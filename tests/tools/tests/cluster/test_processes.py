import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tools.cluster import processes
from tests.tools.cluster.state import ClusterError
from tests.tools.waiting import wait_for


@pytest.fixture
def run_dir(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "log").mkdir()
    yield tmp_path
    processes.kill(process.pid for process in processes.marked(tmp_path))


def start(run_dir: Path, *argv: str) -> None:
    processes.start(argv, component="one", run_dir=run_dir, environment={"PATH": os.environ["PATH"]})


def test_a_child_of_a_component_is_found_after_its_parent_is_gone(run_dir: Path) -> None:
    start(run_dir, "sh", "-c", "sleep 60 & exec true")
    found = wait_for(lambda: [one for one in processes.marked(run_dir) if one.program == "sleep"], 10)
    assert found[0].component == "one"


def test_processes_of_another_cluster_are_not_found(run_dir: Path) -> None:
    start(run_dir, "sleep", "60")
    wait_for(lambda: processes.marked(run_dir), 10)
    assert processes.marked(run_dir / "other") == []
    assert processes.marked(run_dir.with_name(run_dir.name[:-1])) == []


def test_a_component_is_no_child_of_who_started_it(run_dir: Path) -> None:
    start(run_dir, "sleep", "60")
    (process,) = wait_for(lambda: processes.marked(run_dir), 10)
    children = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(os.getpid())], check=True, capture_output=True
    )
    assert process.pid not in [int(pid) for pid in children.stdout.split()]


def test_output_goes_to_the_component_s_log(run_dir: Path) -> None:
    start(run_dir, "sh", "-c", "echo said; echo and wrong >&2")
    wait_for(lambda: processes.log_file(run_dir, "one").read_text() == "said\nand wrong\n", 10)


def test_a_wait_that_ends_in_vain_says_what_was_seen_last() -> None:
    with pytest.raises(ClusterError, match="the log's end"):
        processes.wait_until(lambda: False, seconds=0.1, failure=lambda: "the log's end")


@pytest.mark.parametrize("probe", ["http://127.0.0.1:1/", "https://127.0.0.1:1/", "unix:/no/such/socket"])
def test_a_program_that_does_not_listen_does_not_answer(probe: str) -> None:
    assert processes.answers(probe) is False
