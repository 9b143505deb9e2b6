"""The pool's broker is for the pool's app, also in subprocesses; any other app reaches its own."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.runtime.messages import send
from tests.runtime.redis_server import RedisServer
from tests.runtime.test_pools import every_pool
from tests.runtime.worker import Worker
from tests.tools.waiting import wait_for

MakeWorker = Callable[..., Worker]


@pytest.fixture
def partner(tmp_path: Path) -> Iterator[RedisServer]:
    folder = tmp_path / "partner"
    folder.mkdir()
    with RedisServer(folder) as running:
        yield running


def start(make_worker: MakeWorker, partner: RedisServer, pool: str = "threads", **options: object) -> Worker:
    environment = {"PARTNER_URL": partner.url}
    return make_worker(pool, app="partners", environment=environment, **options).start().ready()


def arrives(at: RedisServer, other: RedisServer) -> None:
    wait_for(lambda: at.client.llen("partner"), 30, what="the message to arrive")
    assert not other.client.exists("partner")


@every_pool
def test_a_second_app_reaches_its_own_broker(
    make_worker: MakeWorker, server: RedisServer, partner: RedisServer, pool: str
) -> None:
    start(make_worker, partner, pool)
    send(server.client, "partners.hand_over", "partner")
    arrives(partner, server)


@pytest.mark.parametrize("sender", ["by_settings", "without", "app"])
def test_who_names_a_broker_reaches_that_and_the_others_reach_the_pools(
    make_worker: MakeWorker, server: RedisServer, partner: RedisServer, sender: str
) -> None:
    start(make_worker, partner)
    send(server.client, "partners.hand_over", sender)
    if sender == "by_settings":
        arrives(partner, server)
    else:
        arrives(server, partner)


@pytest.mark.parametrize("pool", ["prefork", "threads"])
@pytest.mark.parametrize("sender", ["partner", "stranger", "without", "app"])
def test_the_same_holds_in_a_python_that_a_task_starts(
    make_worker: MakeWorker, server: RedisServer, partner: RedisServer, *, sender: str, pool: str
) -> None:
    start(make_worker, partner, pool)
    send(server.client, "partners.hand_over_by_python", sender)
    if sender in ("partner", "stranger"):
        arrives(partner, server)
    else:
        arrives(server, partner)


@pytest.mark.parametrize("name", ["partners", "partners:partner", "stranger"])
def test_the_same_holds_for_celerys_command(
    make_worker: MakeWorker, server: RedisServer, partner: RedisServer, name: str
) -> None:
    start(make_worker, partner)
    send(server.client, "partners.hand_over_by_command", name)
    if name == "partners":
        arrives(server, partner)
    else:
        arrives(partner, server)


def test_a_sitecustomize_of_the_image_is_kept(
    make_worker: MakeWorker, server: RedisServer, partner: RedisServer, tmp_path: Path
) -> None:
    (tmp_path / "sitecustomize.py").write_text("import os\nos.environ['PARTNER_URL'] += '?changed=1'\n")
    path = f"{tmp_path}:{Path(__file__).parent / 'apps'}"
    environment = {"PARTNER_URL": partner.url.removesuffix("/0"), "PYTHONPATH": path}
    make_worker("threads", app="partners", environment=environment).start().ready()
    send(server.client, "partners.show_partner")
    wait_for(lambda: server.client.llen("shown"), 30, what="a subprocess to say what it saw")
    assert str(server.client.lindex("shown", 0)).count("?changed=1") == 2
