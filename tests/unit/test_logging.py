"""One line an event, in the form that was asked for."""

import json
import logging
from collections.abc import Iterator
from typing import Any, Literal

import pytest
import structlog

from taskfleet.logging import configure


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()


def lines(capsys: pytest.CaptureFixture[str]) -> list[Any]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_own_and_foreign_lines_are_json_with_the_same_fields(capsys: pytest.CaptureFixture[str]) -> None:
    configure(form="json", level="INFO")
    structlog.get_logger("taskfleet.test").info("scaled", replicas=3)
    logging.getLogger("foreign").warning("slow %s", "call")
    own, foreign = lines(capsys)
    assert (own["event"], own["replicas"], own["level"], own["logger"]) == (
        "scaled",
        3,
        "info",
        "taskfleet.test",
    )
    assert (foreign["event"], foreign["level"], foreign["logger"]) == ("slow call", "warning", "foreign")
    assert own["timestamp"].endswith("Z")


def test_lines_below_the_level_are_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    configure(form="json", level="WARNING")
    structlog.get_logger("taskfleet.test").info("scaled")
    logging.getLogger("foreign").info("slow")
    assert lines(capsys) == []


def test_kopf_tells_only_of_trouble(capsys: pytest.CaptureFixture[str]) -> None:
    configure(form="json", level="DEBUG")
    logging.getLogger("kopf.objects").info("Handler succeeded.")
    assert lines(capsys) == []


@pytest.mark.parametrize("form", ["json", "console"])
def test_error_is_told_with_its_place_and_without_the_values_of_variables(
    form: Literal["json", "console"], capsys: pytest.CaptureFixture[str]
) -> None:
    configure(form=form, level="INFO")
    password = "hunter2"
    try:
        raise KeyError(len(password))
    except KeyError:
        structlog.get_logger("taskfleet.test").exception("reconciliation failed")
    told = capsys.readouterr().err
    assert "test_logging.py" in told
    assert "KeyError" in told
    assert "hunter2" not in told.replace('password = "hunter2"', "")
