"""Suites that Celery and kombu ship with their sources, run on a plain worker or channel and on this runtime's."""

import json
import os
import re
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from tests.runtime.redis_server import RedisServer
from tests.runtime.worker import ROOT, Worker

PYTHON = ROOT / ".venvs" / "celery-peers" / "bin" / "python"
KINDS = ("celery", "taskfleet")
PLUGINS = Path(__file__).parent / "plugins"
_LOCK = ROOT / "requirements" / "peers.txt"
_SECONDS = 3000
_SECONDS_FOR_A_TEST = 60


@dataclass(frozen=True)
class Suite:
    """Files of a package's sources that need no more than Redis and a worker."""

    package: str
    files: tuple[str, ...]


SUITES = {
    "celery": Suite("celery", tuple(f"t/integration/test_{name}.py" for name in ("tasks", "canvas", "inspect"))),
    "kombu": Suite("kombu", ("t/integration/test_redis.py", "t/integration/test_redis_brpop_qos.py")),
}  # fmt: skip


def outcomes(suite: Suite, kind: str, server: RedisServer, folder: Path) -> dict[str, str]:
    """`passed`, `failed` or `skipped` for each test; one that fails is tried twice more, as its authors do."""
    sources = sources_of(suite.package, folder)
    report = folder / f"{kind}.xml"
    port = server.url.rpartition(":")[2].partition("/")[0]
    environment = {
        **os.environ, "TEST_BROKER": server.url, "TEST_BACKEND": server.url, "REDIS_HOST": "127.0.0.1",
        "REDIS_PORT": port, "REDIS_6379_TCP": port, "PYTHONPATH": f"{PLUGINS}:{sources}",
    }  # fmt: skip
    plugins = ["celery.contrib.pytest", "on_a_worker"] if suite.package == "celery" else []
    if suite.package == "celery":
        environment |= _worker(kind, server, folder, environment)
    elif kind == "taskfleet":
        plugins = ["on_this_channel"]
        environment["PYTHONPATH"] += f":{ROOT / 'worker-image'}"
    command = [
        str(PYTHON), "-m", "pytest", *(f"-p{plugin}" for plugin in plugins), *suite.files, "--reruns=2",
        f"--timeout={_SECONDS_FOR_A_TEST}", f"--junitxml={report}", "-pno:cacheprovider",
        "--override-ini=addopts=", "--override-ini=python_classes=test_* Test*",
    ]  # fmt: skip
    with (folder / f"{kind}.out").open("wb") as out:
        subprocess.run(
            command, cwd=sources, env=environment, stdout=out, stderr=out, timeout=_SECONDS, check=False
        )
    return dict(_read(report))


def _worker(kind: str, server: RedisServer, folder: Path, environment: dict[str, str]) -> dict[str, str]:
    """What the plugin `on_a_worker` is told."""
    worker = Worker(PYTHON, server.url, folder, app="suite_app")
    command = worker.command
    if kind == "celery":
        command = [str(PYTHON), "-m", "celery", "-A", "suite_app", "worker", *command[5:]]
    told = [command, {**environment, **worker.environment, "PYTHONPATH": environment["PYTHONPATH"]}]
    return {"SUITE_WORKER": json.dumps(told), "SUITE_LOG": str(folder / f"{kind}.log")}


def sources_of(package: str, folder: Path) -> Path:
    """The sources of the version in the lock file, with its digest, from the package registry."""
    locked = _locked(package)
    requirement = folder / "requirement.txt"
    requirement.write_text(locked)
    command = [
        str(PYTHON), "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps",
        "--require-hashes", f"--no-binary={package}", f"--dest={folder}", "-r", str(requirement),
    ]  # fmt: skip
    subprocess.run(command, check=True, timeout=300)
    (archive,) = folder.glob(f"{package}-*.tar.gz")
    with tarfile.open(archive) as sources:
        sources.extractall(folder, filter="data", members=[one for one in sources if "/t/" in one.name])
    return folder / archive.name.removesuffix(".tar.gz")


def _locked(package: str) -> str:
    """The package's lines in the lock file."""
    found = re.search(rf"^{package}==.*(?:\\\n.*)*", _LOCK.read_text(), re.MULTILINE)
    assert found, f"{package} is not in {_LOCK.name}"
    return found[0]


def _read(report: Path) -> list[tuple[str, str]]:
    """Of a report in the format of JUnit, which pytest writes."""
    cases = ElementTree.parse(report).iter("testcase")
    return [(f"{case.get('classname')}::{case.get('name')}", _outcome(case)) for case in cases]


def _outcome(case: ElementTree.Element) -> str:
    if case.find("failure") is not None or case.find("error") is not None:
        return "failed"
    return "skipped" if case.find("skipped") is not None else "passed"
