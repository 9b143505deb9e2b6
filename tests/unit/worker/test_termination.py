import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from taskfleet_worker.shutdown.termination_log import MAX_LENGTH, CriticalToTerminationLog, bounded, describe


def fails(error: Exception) -> Exception:
    try:
        raise error
    except Exception as caught:
        return caught


def import_that_fails() -> Exception:
    try:
        import no_such_module  # type: ignore[import-not-found] # noqa: F401, PLC0415
    except ImportError as caught:
        return caught
    raise AssertionError


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        pytest.param(
            import_that_fails, "ModuleNotFoundError: No module named 'no_such_module' (", id="names-are-shown"
        ),
        pytest.param(
            lambda: fails(ValueError("the password is hunter2")), "ValueError (", id="other-text-is-not"
        ),
    ],
)
def test_describe(error: Callable[[], Exception], expected: str) -> None:
    text = describe(error())
    assert text.startswith(expected + __name__)
    assert "hunter2" not in text


def test_no_url_and_no_more_than_300_characters() -> None:
    text = bounded("cannot connect to redis://:secret@host:6379/0\n" + "x" * 400)
    assert text.startswith("cannot connect to <url> xxx")
    assert len(text) == MAX_LENGTH


def test_what_celery_gives_up_over_is_written(tmp_path: Path) -> None:
    log = tmp_path / "log"
    handler = CriticalToTerminationLog({"TASKFLEET_TERMINATION_LOG": str(log)})
    error = fails(OSError("redis://:secret@host"))
    record = logging.LogRecord(
        "celery.worker", logging.CRITICAL, "", 1, "Unrecoverable error: %r", (error,), None
    )
    record.exc_info = (type(error), error, error.__traceback__)
    handler.emit(record)
    assert log.read_text().startswith(f"OSError ({__name__}")
