"""Real Redis, real workers. `--celery` names the environments whose Pythons run the workers."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.runtime.redis_server import RedisServer
from tests.runtime.reliability.outcome import TABLE, table
from tests.runtime.reliability.scenarios import ROWS
from tests.runtime.worker import ROOT, Worker

NEWEST = ".venvs/celery-5.7"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--celery", action="append", help=f"virtual environment that has Celery; repeatable ({NEWEST})"
    )
    parser.addoption(
        "--kills", type=int, default=2, help="kills and cut connections for each pool in tests/runtime/fetch"
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Each test once in each environment."""
    if "python" in metafunc.fixturenames:
        environments = [Path(path) for path in metafunc.config.getoption("--celery") or [NEWEST]]
        metafunc.parametrize(
            "python", environments, indirect=True, ids=[path.name for path in environments], scope="session"
        )


def pytest_terminal_summary(terminalreporter: Any) -> None:
    cells: dict[str, dict[tuple[str, str], str]] = {}
    for report in [*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")]:
        for environment, row, pool, text in (
            value for name, value in report.user_properties if name == TABLE
        ):
            cells.setdefault(environment, {})[row, pool] = text
    for environment, seen in sorted(cells.items()):
        terminalreporter.section(f"{environment}: sent / executed / started twice / lost")
        terminalreporter.write_line(table([row.name for row in ROWS], seen))


@pytest.fixture(scope="session")
def python(request: pytest.FixtureRequest) -> Path:
    path: Path = ROOT / request.param / "bin" / "python"
    assert path.exists(), f"{path} does not exist: run `make test-versions`, which makes it."
    return path


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    with RedisServer(tmp_path) as running:
        yield running


@pytest.fixture
def make_worker(python: Path, server: RedisServer, tmp_path: Path) -> Iterator[Callable[..., Worker]]:
    workers: list[Worker] = []

    def make(pool: str | None = "prefork", **options: Any) -> Worker:
        worker = Worker(python, server.url, tmp_path, pool=pool, **options)
        workers.append(worker)
        return worker

    yield make
    for worker in workers:
        worker.kill()
