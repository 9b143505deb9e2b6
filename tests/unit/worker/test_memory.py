"""What a worker reports of its container's memory."""

from pathlib import Path

import pytest

from taskfleet_worker.memory import READ_EVERY, Memory, working_set

MIB = 1024 * 1024


def cgroup(folder: Path, *, usage: str, cache: str) -> tuple[str, str, str]:
    (folder / "usage").write_text(usage)
    (folder / "stat").write_text(f"anon 1\ninactive_file {cache}\nactive_file 7\n")
    return str(folder / "usage"), str(folder / "stat"), "inactive_file"


def test_page_cache_that_the_kernel_can_drop_is_no_memory_of_the_worker(tmp_path: Path) -> None:
    assert working_set((cgroup(tmp_path, usage="1000\n", cache="300"),)) == 700


def test_the_cgroup_of_another_version_is_found(tmp_path: Path) -> None:
    missing = str(tmp_path / "missing")
    version_1 = cgroup(tmp_path, usage="1000\n", cache="300")
    assert working_set(((missing, missing, "inactive_file"), version_1)) == 700


@pytest.mark.parametrize("usage", ["max", ""])
def test_memory_that_cannot_be_read_is_not_known(tmp_path: Path, usage: str) -> None:
    assert working_set((cgroup(tmp_path, usage=usage, cache="0"),)) is None


def test_a_report_changes_only_with_a_step() -> None:
    now, used = [0.0], [100 * MIB]
    memory = Memory(lambda: now[0], lambda: used[0], step=16 * MIB)
    told = []
    for each in (100, 115, 90, 116, 101, 132):
        used[0] = each * MIB
        told.append((memory.now() or 0) // MIB)
        now[0] += READ_EVERY
    assert told == [100, 100, 100, 116, 116, 132]


def test_memory_is_read_now_and_then() -> None:
    now, reads = [0.0], [0]

    def read() -> int:
        reads[0] += 1
        return 100 * MIB

    memory = Memory(lambda: now[0], read)
    for _ in range(100):
        memory.now()
        now[0] += READ_EVERY / 50
    assert reads[0] == 2
