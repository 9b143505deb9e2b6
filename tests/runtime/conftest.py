"""Real Redis, real workers. `--celery` names the environment whose Python runs the workers."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.runtime.redis_server import RedisServer
from tests.runtime.reliability.outcome import TABLE
from tests.runtime.worker import ROOT, Worker


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--celery", default=".venvs/celery-5.7", help="virtual environment that has Celery")


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    if TABLE in config.stash:
        terminalreporter.section("sent / executed / started twice / lost")
        terminalreporter.write_line(config.stash[TABLE])


@pytest.fixture(scope="session")
def python(request: pytest.FixtureRequest) -> Path:
    path = ROOT / str(request.config.getoption("--celery")) / "bin" / "python"
    assert path.exists(), f"{path} does not exist: run `make test-runtime`, which makes it."
    return path


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    with RedisServer(tmp_path) as running:
        yield running


@pytest.fixture
def make_worker(python: Path, server: RedisServer, tmp_path: Path) -> Iterator[Callable[..., Worker]]:
    workers: list[Worker] = []

    def make(pool: str = "prefork", **options: Any) -> Worker:
        worker = Worker(python, server.url, tmp_path, pool=pool, **options)
        workers.append(worker)
        return worker

    yield make
    for worker in workers:
        worker.kill()
