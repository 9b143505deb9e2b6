from pathlib import Path

import pytest

from tests.tools.cluster.state import (
    SLOTS,
    ClusterError,
    ClusterRecord,
    free_slot,
    read_record,
    records,
    run_dir,
    write_record,
)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(
    ("used", "others", "expected"),
    [
        pytest.param(set(), set(), 0, id="first"),
        pytest.param({0, 2}, set(), 1, id="a-gap-is-filled"),
        pytest.param({0}, {1}, 2, id="what-somebody-else-uses-is-left-alone"),
    ],
)
def test_a_cluster_gets_the_lowest_free_slot(used: set[int], others: set[int], expected: int) -> None:
    assert free_slot(used, others) == expected


def test_without_a_free_slot_the_error_says_what_to_do() -> None:
    with pytest.raises(ClusterError, match=r"16 slots .* are in use: stop one"):
        free_slot(set(range(SLOTS)), set())


@pytest.mark.parametrize("name", ["", "Dev", "1st", "../up", "a/b", "x" * 21])
def test_a_name_that_could_leave_the_folder_or_a_link_name_is_refused(name: str) -> None:
    with pytest.raises(ClusterError, match="1 to 20 lower-case letters"):
        run_dir(name)


def test_a_record_is_read_back_as_it_was_written() -> None:
    record = ClusterRecord("dev", slot=3, profile="full", nodes=2)
    assert read_record("dev") is None
    write_record(record)
    assert read_record("dev") == record
    assert records() == [record]


def test_a_folder_whose_record_was_not_written_yet_is_no_cluster() -> None:
    run_dir("half").mkdir(parents=True)
    assert read_record("half") is None
    assert records() == []
