"""docs/tutorials/django.md is true: its code is the example's, its commands run from an empty folder, its values are right."""

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.django.guide import blocks
from tests.django.page import Page
from tests.django.shop import PROJECT, Shop
from tests.runtime.ports import free_port
from tests.runtime.redis_server import RedisServer
from tests.runtime.worker import ROOT
from tests.tools.waiting import wait_for

SESSION, *SETTINGS = blocks("4", "python")
SHOWN = [*blocks("1", "python"), *SETTINGS, *blocks("6", "python")]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    with RedisServer(tmp_path) as running:
        yield running


@pytest.mark.parametrize("code", SHOWN, ids=lambda code: code.splitlines()[0])
def test_shown_code_is_the_examples_own(code: str) -> None:
    assert any(code in path.read_text() for path in PROJECT.rglob("*.py"))


def test_the_session_gives_what_its_comments_say(server: RedisServer, tmp_path: Path) -> None:
    shop = Shop(tmp_path, server)
    try:
        shop.worker("prefork", "orders", capacity=2).ready()
        checked = re.sub(
            r"^(\S.*?)\s+# (\[.*?\]|\{.*?\}|[^,\n]+)(,.*)?$", r"assert \1 == \2", SESSION, flags=re.MULTILINE
        )
        assert checked.count("assert") == SESSION.count("#") == 6
        shop.manage("shell", "--verbosity=0", f"--command={checked}")
    finally:
        shop.stop()


def test_the_commands_lead_from_an_empty_folder_to_a_working_page(
    server: RedisServer, tmp_path: Path
) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    (empty / "taskfleet").symlink_to(ROOT)
    port = free_port()
    commands = "\n".join(blocks("1", "sh") + blocks("2", "sh"))
    script = "set -eu\n" + commands.replace("127.0.0.1:8000", f"127.0.0.1:{port}")
    assert str(port) in script
    environment = {name: os.environ[name] for name in ("PATH", "HOME")}
    with (tmp_path / "log").open("wb") as log:
        shell = subprocess.Popen(
            ["bash", "-c", script], cwd=empty, stdout=log, stderr=log, start_new_session=True,
            env={**environment, "CELERY_BROKER_URL": server.url, "PYTHONDONTWRITEBYTECODE": "1"},
        )  # fmt: skip
    try:
        page = Page(f"http://127.0.0.1:{port}")
        wait_for(
            lambda: shell.poll() is not None or page.get("/readyz")[0] == 200,
            400,
            what="the page to be ready",
        )
        assert shell.poll() is None, (tmp_path / "log").read_text()[-3000:]
        ids = [page.submit(work)[1]["accepted"][0] for work in ("order", "receipt", "mail", "pack", "total")]
        wait_for(lambda: {page.states()[one] for one in ids} == {"SUCCESS"}, 60, what="all states SUCCESS")
    finally:
        os.killpg(shell.pid, signal.SIGKILL)
        shell.wait()
