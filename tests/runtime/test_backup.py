"""The page's backup and restore, command by command; the pod is a process here."""

import os
import re
import subprocess
from pathlib import Path

from tests.runtime.messages import send
from tests.runtime.redis_server import RedisServer
from tests.runtime.worker import ROOT

# Runs in the "pod" what the page lets kubectl run there.
_KUBECTL = """#!/bin/sh
case "$1" in
exec) while [ "$1" != -- ]; do shift; done; shift; exec "$@" ;;
delete) exit 0 ;;
esac
exit 1
"""


def test_backup_of_a_running_redis_brings_back_what_was_lost_since(tmp_path: Path) -> None:
    backup, restore = commands()
    (tmp_path / "data").mkdir()
    with RedisServer(tmp_path / "data") as server:
        waiting = [send(server.client, "proj.nap", 0) for _ in range(5)]
        run(backup, server, tmp_path)
        server.client.flushall()
        run(restore, server, tmp_path)
        server.kill()
        server.start()
        assert server.waiting("celery") == waiting
        assert server.client.config_get("appendonly") == {"appendonly": "yes"}


def commands() -> tuple[str, str]:
    page = (ROOT / "docs" / "how-to" / "back-up-redis.md").read_text()
    backup, restore = re.findall(r"```sh\n(.*?)```", page, re.DOTALL)[:2]
    return backup, restore


def run(script: str, server: RedisServer, folder: Path) -> None:
    programs = folder / "bin"
    programs.mkdir(exist_ok=True)
    for name, text in {
        "kubectl": _KUBECTL,
        "redis-cli": f'#!/bin/sh\nexec /usr/bin/redis-cli -p {server.port} "$@"\n',
    }.items():
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    done = subprocess.run(
        ["sh", "-e", "-c", script.replace("/data", str(folder / "data"))],
        cwd=folder,
        env={**os.environ, "PATH": f"{programs}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
