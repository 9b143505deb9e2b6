"""A scene for each row, and the table of all rows at the end."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.runtime.brokers.scene import Scene
from tests.runtime.certificates import Certificates
from tests.runtime.redis_server import RedisServer

COUNT = "brokers"  # the property of a test that holds its line of the table
_HEAD = ("broker", "sent", "executed", "executed twice", "lost")


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def scene(tmp_path: Path, python: Path, certificates: Certificates) -> Iterator[Scene]:
    for name in ("notes", "broker"):
        (tmp_path / name).mkdir()
    with RedisServer(tmp_path / "notes") as notes:
        one = Scene(tmp_path / "broker", python, notes, certificates)
        yield one
        for worker in one.workers:
            worker.kill()
            print(f"--- {worker.name} ---\n{worker.log[-3000:]}")  # pytest shows it where the test failed


def pytest_terminal_summary(terminalreporter: Any) -> None:
    reports = [*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")]
    lines = [value for report in reports for name, value in report.user_properties if name == COUNT]
    if lines:
        terminalreporter.section("external brokers")
        for line in (_HEAD, *lines):
            terminalreporter.write_line(
                " | ".join(f"{cell!s:>{28 if at == 0 else 14}}" for at, cell in enumerate(line))
            )
