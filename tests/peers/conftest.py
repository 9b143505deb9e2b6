"""Each row on a plain Celery worker and on this runtime's; the table stands at the end."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.peers.suites import KINDS, PYTHON
from tests.runtime.redis_server import RedisServer
from tests.runtime.worker import Worker

APPS = Path(__file__).parent / "apps"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    with RedisServer(tmp_path) as running:
        yield running


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def start(
    kind: str,
    server: RedisServer,
    tmp_path: Path,
) -> Iterator[Callable[..., Worker]]:
    """A ready worker of this kind."""
    assert PYTHON.exists(), f"{PYTHON} does not exist: run `make test-peers`, which makes it."
    workers: list[Worker] = []

    def make(prefetch: int | None = None, **environment: str) -> Worker:
        environment = {
            "PYTHONPATH": str(APPS), "TEST_DATABASE": str(tmp_path / "results.sqlite"), **environment,
        }  # fmt: skip
        worker = Worker(
            PYTHON, server.url, tmp_path, app="peers", environment=environment, prefetchMultiplier=prefetch
        )
        if kind == "celery":
            worker.command = [str(PYTHON), "-m", "celery", "-A", "peers", "worker", *worker.command[5:]]
        workers.append(worker)
        worker.start()
        return worker

    yield make
    for worker in workers:
        worker.kill()


def pytest_terminal_summary(terminalreporter: Any) -> None:
    rows: dict[str, dict[str, str]] = {}
    for outcome in ("passed", "failed", "error"):
        for report in terminalreporter.getreports(outcome):
            test, _, parameters = report.nodeid.rpartition("::")[2].rstrip("]").partition("[")
            if "test_suites" in report.nodeid:
                rows[f"suite of {parameters}"] = {
                    kind: str(counts) for kind, counts in report.user_properties
                }
                continue
            kind, _, row = parameters.partition("-")
            rows.setdefault(row or test.removeprefix("test_"), {})[kind] = outcome
    terminalreporter.section("what runs beside Celery: a plain worker, this runtime's")
    for row, seen in sorted(rows.items()):
        terminalreporter.write_line(f"{row:<28} {seen.get('celery', '-'):<8} {seen.get('taskfleet', '-')}")
