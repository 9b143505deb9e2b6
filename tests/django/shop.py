"""The Django example as processes: web, workers and beat, with SQLite and a real Redis."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from tests.django.page import Page
from tests.runtime.ports import free_port
from tests.runtime.redis_server import RedisServer
from tests.runtime.worker import ROOT, Worker
from tests.tools.waiting import wait_for

PROJECT = ROOT / "examples" / "django"
PRODUCERS = Path(__file__).parent / "producers"
PYTHON = ROOT / ".venvs" / "celery-django" / "bin" / "python"


class Shop:
    """One database, one Redis; `stop` ends every process that was started."""

    def __init__(self, folder: Path, server: RedisServer) -> None:
        assert PYTHON.exists(), f"{PYTHON} does not exist: run `make test-django`, which makes it."
        self.server = server
        self.folder = folder
        self.environment = {
            "PATH": os.environ["PATH"], "HOME": str(folder), "PYTHONPATH": str(PROJECT),
            "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1", "SQLITE_PATH": str(folder / "db.sqlite3"),
            "CELERY_BROKER_URL": server.url,
        }  # fmt: skip
        self._workers: list[Worker] = []
        self._processes: list[subprocess.Popen[bytes]] = []
        self.manage("migrate", "--verbosity=0")

    def manage(self, *arguments: str, stdin: str = "", **environment: str) -> str:
        command = [str(PYTHON), str(PROJECT / "manage.py"), *arguments]
        result = subprocess.run(
            command, input=stdin, env={**self.environment, **environment}, check=False, capture_output=True,
            text=True, timeout=150,
        )  # fmt: skip
        assert result.returncode == 0, result.stderr[-3000:]
        return result.stdout

    def produce(self, name: str, **environment: str) -> Any:
        """Run a producer of `producers/` within the project; what it printed as JSON."""
        code = (PRODUCERS / f"{name}.py").read_text()
        return json.loads(
            self.manage("shell", "--verbosity=0", f"--command={code}", **environment).splitlines()[-1]
        )

    def worker(self, pool: str, *queues: str, **changes: Any) -> Worker:
        """Started as its pod starts it, not ready yet."""
        environment = {key: value for key, value in self.environment.items() if key != "CELERY_BROKER_URL"}
        worker = Worker(
            PYTHON, self.server.url, self.folder, app="shop", pool=pool, queues=list(queues),
            environment=environment, **changes,
        )  # fmt: skip
        self._workers.append(worker)
        return worker.start()

    def web(self) -> Page:
        port = free_port()
        self._start(
            "web",
            "-m",
            "gunicorn",
            "shop.wsgi",
            f"--bind=127.0.0.1:{port}",
            "--worker-class=gthread",
            "--threads=8",
        )
        page = Page(f"http://127.0.0.1:{port}")
        wait_for(lambda: page.get("/readyz")[0] == 200, 60, what="the web app to be ready")
        return page

    def beat(self) -> None:
        self._start("beat", "-m", "celery", "-A", "shop", "beat", "--loglevel=INFO")

    def stop(self) -> None:
        for worker in self._workers:
            worker.kill()
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            process.wait(timeout=30)

    def _start(self, name: str, *arguments: str) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            command = [str(PYTHON), *arguments]
            self._processes.append(
                subprocess.Popen(command, env=self.environment, cwd=PROJECT, stdout=log, stderr=log)
            )
