"""Which lines of a worker's log belong to a task."""

import pytest

from taskfleet.commands.log_records import Wanted, of_task, records

ID, OTHER = "0e2c6f1a-1111-4c5d-9a51-aaaaaaaaaaaa", "0e2c6f1a-2222-4c5d-9a51-bbbbbbbbbbbb"
STAMP = "2030-01-01T12:00:0{}.123456789Z"
LINES = [
    f"[2030-01-01 12:00:00,123: INFO/MainProcess] Task shop.send[{ID}] received",
    f"[2030-01-01 12:00:01,123: INFO/MainProcess] Task shop.send_all[{OTHER}] received",
    "[2030-01-01 12:00:02,123: WARNING/ForkPoolWorker-1] printed",
    f"[2030-01-01 12:00:03,123: INFO/ForkPoolWorker-1] shop.send[{ID}]: to one address",
    f"[2030-01-01 12:00:04,123: ERROR/ForkPoolWorker-1] Task shop.send[{ID}] raised unexpected: OSError()",
    "Traceback (most recent call last):",
    '  File "shop.py", line 7, in send',
    "OSError",
    f"[2030-01-01 12:00:05,123: INFO/ForkPoolWorker-2] told {ID} again",
    f"[2030-01-01 12:00:06,123: INFO/ForkPoolWorker-2] Task shop.send_all[{OTHER}] succeeded in 1s: None",
]


def log(*lines: str) -> str:
    return "".join(f"{STAMP.format(number % 10)} {line}\n" for number, line in enumerate(lines))


def chosen(wanted: Wanted, *lines: str) -> list[str]:
    return [line for record in of_task(records(log(*lines)), wanted) for line in record.lines]


def test_the_lines_of_an_id_come_with_their_traceback() -> None:
    assert chosen(Wanted(id=ID), *LINES) == [LINES[0], *LINES[3:9]]


def test_the_lines_of_a_name_are_those_of_all_its_ids_and_of_no_longer_name() -> None:
    assert chosen(Wanted(task="shop.send"), *LINES) == [LINES[0], *LINES[3:9]]


def test_an_id_within_another_one_is_not_found() -> None:
    assert chosen(
        Wanted(id="id-1"), "Task t[id-1] received", "Task t[id-12] received", "Task t[my-id-1] received"
    ) == ["Task t[id-1] received"]


@pytest.mark.parametrize("wanted", [Wanted(id=ID), Wanted(task="shop.send")], ids=["id", "name"])
def test_lines_in_json_are_found_by_a_field(wanted: Wanted) -> None:
    first = f'{{"event": "received", "task_name": "shop.send", "task_id": "{ID}"}}'
    second = f'{{"event": "sent", "task_id": "{ID}"}}'
    other = f'{{"event": "sent", "task_id": "{OTHER}"}}'
    assert chosen(wanted, first, second, other) == [first, second]


def test_lines_of_an_unknown_format_are_records_of_their_own() -> None:
    assert chosen(Wanted(id=ID), f"INFO {ID} begins", "INFO something else") == [f"INFO {ID} begins"]


def test_all_is_wanted_without_a_task() -> None:
    assert chosen(Wanted(), *LINES) == LINES
    assert records("") == []


def test_a_record_has_the_time_of_its_first_line() -> None:
    (record,) = records(log(*LINES[4:8]))
    assert (record.time.second, record.time.microsecond) == (0, 123456)
