"""Every kind of external broker that a team has, and what is done to it while tasks run. One function a row."""

import string
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import quote

import redis

from taskfleet.brokers.connection.target import Sentinels, Target, Tls, target_of
from taskfleet.brokers.probe import Verdict
from tests.runtime.brokers.acl import acl_commands
from tests.runtime.brokers.rabbitmq_rows import (
    rabbitmq,
    rabbitmq_over_tls,
    rabbitmq_restart,
    rabbitmq_wrong_ca,
)
from tests.runtime.brokers.scene import SECONDS, TASKS, Scene
from tests.runtime.ports import free_port
from tests.runtime.redis_sentinel import MASTER, SentinelGroup
from tests.runtime.redis_server import RedisServer
from tests.tools.waiting import wait_for

PREFIX = "shop-"
# Every character that means something in a URL, a shell, a format or a configuration file.
AWKWARD = f"{string.punctuation} %20%2F+é"


@dataclass(frozen=True)
class Row:
    """`waits`: nothing may run, everything stays in its queue. `twice`: what ran at that moment may run again.
    `smoke`: part of the quick selection.
    """

    name: str
    play: Callable[[Scene], None]
    waits: bool = False
    twice: bool = False
    smoke: bool = False


def _run_all(scene: Scene, server: RedisServer, url: str, target: Target, **settings: Any) -> None:
    """The tasks are seen waiting, then run by one worker, and the operator reads the worker's report."""
    scene.send(server.client)
    scene.operator_sees(target, TASKS)
    worker = scene.worker(url, **settings).start().ready()
    scene.finish()
    scene.operator_sees(target, 0, worker=worker)


def plain(scene: Scene) -> None:
    with RedisServer(scene.folder) as server:
        _run_all(scene, server, server.url, target_of(server.url))


def password(scene: Scene) -> None:
    with RedisServer(scene.folder) as server:
        enter_with(server, AWKWARD)
        url = f"redis://:{quote(AWKWARD, safe='')}@127.0.0.1:{server.port}/2"
        in_two = redis.Redis(port=server.port, db=2, password=AWKWARD)
        scene.send(in_two)
        scene.operator_sees(target_of(url), TASKS)
        scene.worker(url).start().ready()
        scene.finish()
        in_two.close()
    assert scene.secrets_told([AWKWARD, quote(AWKWARD, safe="")]) == []


def enter_with(server: RedisServer, secret: str) -> None:
    """From now on the server asks for a password, the test's own client too."""
    server.client.config_set("requirepass", secret)
    server.client.connection_pool.connection_kwargs["password"] = secret
    server.client.connection_pool.disconnect()


def acl_user(scene: Scene) -> None:
    """A user that has what docs/how-to/external-redis.md says and no more, in each thing that worker and operator do."""
    with RedisServer(scene.folder) as server:
        admit(server, "s3cret")
        url = f"redis://shop:s3cret@127.0.0.1:{server.port}/0"
        scene.send(server.client, prefix=PREFIX)
        scene.operator_sees(target_of(url), TASKS, prefix=PREFIX)
        dying = scene.worker(url, globalKeyPrefix=PREFIX).start().ready()
        wait_for(lambda: len(scene.notes.finished()) > 10, 30, what="tasks to run")
        server.client.set(f"{PREFIX}taskfleet:cluster-1:test:drain:uid-1/{dying.name}", 1, px=30_000)
        reports = f"{PREFIX}taskfleet:cluster-1:test:reports"
        wait_for(
            lambda: any('"drained"' in report for report in server.client.hvals(reports)),
            30,
            what="the drain",
        )
        scene.worker(url, globalKeyPrefix=PREFIX).start().ready()
        scene.finish()
        assert refused(server) == []


def admit(server: RedisServer, secret: str) -> None:
    """The user `shop`, by the page's commands."""
    for command in acl_commands(user="shop", password=secret, database=0, prefix=PREFIX):
        say(server, *command)


def say(server: RedisServer, *words: str) -> None:
    """A command as an administrator types it."""
    client: Any = server.client
    client.execute_command(*words)


def refused(server: RedisServer) -> list[str]:
    """What users were not allowed."""
    log = server.client.acl_log()
    return [f"{entry['reason']} {entry['object']} of {entry['username']}" for entry in log]


def tls_good_ca(scene: Scene) -> None:
    port = free_port()
    with RedisServer(scene.folder, *scene.certificates.redis_options(port)) as server:
        url = f"rediss://127.0.0.1:{port}/0"
        ca = {"ca": str(scene.certificates.folder / "ca.crt"), "certificate": None, "key": None}
        target = target_of(url, tls=Tls(ca=scene.certificates.ca))
        _run_all(scene, server, url, target, tls={**ca, "verify": True})


def tls_wrong_ca(scene: Scene) -> None:
    """Neither side enters: the operator names the reason, the worker runs nothing."""
    port = free_port()
    with RedisServer(scene.folder, *scene.certificates.redis_options(port)) as server:
        url = f"rediss://127.0.0.1:{port}/0"
        scene.send(server.client)
        found = scene.operator_finds(target_of(url, tls=Tls(ca=scene.certificates.unknown_ca)))
        assert found.verdict is Verdict.TLS_FAILED
        assert "signed by an unknown CA" in found.detail
        unknown = {"ca": str(scene.certificates.stranger / "ca.crt"), "certificate": None, "key": None}
        worker = scene.worker(url, tls={**unknown, "verify": True}).start()
        wait_for(lambda: "CERTIFICATE_VERIFY_FAILED" in worker.log, 60, what="the worker to refuse")
        assert worker.get("/readyz")[0] == 503
        assert server.client.llen("celery") == TASKS


def client_certificate(scene: Scene, pool: str = "prefork") -> None:
    port, own = free_port(), scene.certificates
    with RedisServer(scene.folder, *own.redis_options(port, ask_clients=True)) as server:
        url = f"rediss://127.0.0.1:{port}/0"
        target = target_of(
            url, tls=Tls(ca=own.ca, certificate=own.text("client.crt"), key=own.text("client.key"))
        )
        files = {"ca": "ca.crt", "certificate": "client.crt", "key": "client.key"}
        paths = {name: str(own.folder / file) for name, file in files.items()}
        _run_all(scene, server, url, target, pool=pool, tls={**paths, "verify": True})
    key = own.text("client.key").splitlines()[1]
    assert scene.secrets_told([key]) == []


def sentinel_failover(scene: Scene) -> None:
    """The master is killed while tasks run and are sent; one Sentinel is away from the beginning."""
    with SentinelGroup(scene.folder, password="own-s3cret", master_password="m@ster/s3cret") as group:
        group.stop_sentinel(0)
        target = target_of(group.url(), sentinels=Sentinels(MASTER, "own-s3cret"))
        environment = {"TASKFLEET_SENTINEL_PASSWORD": "own-s3cret"}
        for _ in range(2):
            scene.worker(
                group.url(), environment=environment, sentinel={"masterName": MASTER, "tls": False}
            ).start()
        for worker in scene.workers:
            worker.ready()
        producer = steady_producer(scene, group.client)
        wait_for(lambda: len(scene.notes.finished()) > 10, 30, what="tasks to run")
        group.fail_over()
        producer.join()
        scene.finish()
        scene.operator_sees(target, 0, worker=scene.workers[0])
        wait_for(lambda: not group.client.hlen("unacked"), 60, what="all acknowledgements")
    assert scene.secrets_told(["own-s3cret", "m@ster/s3cret", "m%40ster%2Fs3cret"]) == []


def sentinels_over_tls(scene: Scene) -> None:
    """The Sentinels' connections, those to the master, and those among them."""
    own = scene.certificates
    with SentinelGroup(scene.folder, certificates=own) as group:
        target = target_of(group.url(), tls=Tls(ca=own.ca), sentinels=Sentinels(MASTER))
        scene.send(group.client)
        scene.operator_sees(target, TASKS)
        tls = {"ca": str(own.folder / "ca.crt"), "certificate": None, "key": None, "verify": True}
        worker = scene.worker(group.url(), tls=tls, sentinel={"masterName": MASTER, "tls": True})
        worker.start().ready()
        wait_for(scene.notes.finished, 30, what="a task to run")
        group.fail_over()
        scene.finish()
        scene.operator_sees(target, 0, worker=worker)


def prefix(scene: Scene) -> None:
    """Prefix, steps and separator as Celery's documentation suggests them, in another database."""
    steps, separator, database = tuple(range(10)), ":", 5
    with RedisServer(scene.folder) as server, redis.Redis(port=server.port, db=database) as client:
        target = target_of(f"redis://127.0.0.1:{server.port}/{database}")
        scene.send(client, prefix=PREFIX, separator=separator)
        layout: dict[str, Any] = {"prefix": PREFIX, "priority_steps": steps, "separator": separator}
        scene.operator_sees(target, TASKS, **layout)
        shared: dict[str, Any] = {
            "globalKeyPrefix": PREFIX,
            "prioritySteps": list(steps),
            "separator": separator,
        }
        worker = scene.worker(f"redis://127.0.0.1:{server.port}/{database}", **shared).start().ready()
        scene.finish()
        scene.operator_sees(target, 0, worker=worker, **layout)
        assert [key for key in client.scan_iter() if not key.startswith(PREFIX.encode())] == []


def rotation(scene: Scene) -> None:
    """As docs/how-to/external-redis.md says: both passwords for a while. Workers with the old one are replaced one by one."""
    with RedisServer(scene.folder) as server:
        admit(server, "old-s3cret")
        old = [scene.worker(shop_url(server, "old-s3cret"), globalKeyPrefix=PREFIX).start() for _ in range(2)]
        for worker in old:
            worker.ready()
        producer = steady_producer(scene, server.client, prefix=PREFIX)
        wait_for(lambda: len(scene.notes.finished()) > 10, 30, what="tasks to run")
        say(server, "ACL", "SETUSER", "shop", ">new-s3cret")
        for worker in old:
            scene.worker(shop_url(server, "new-s3cret"), globalKeyPrefix=PREFIX).start().ready()
            assert worker.terminate().ended() == 0
        say(server, "ACL", "SETUSER", "shop", "<old-s3cret")
        producer.join()
        scene.finish()
        refusal = scene.operator_finds(target_of(shop_url(server, "old-s3cret")))
        assert refusal.verdict is Verdict.AUTHENTICATION_FAILED
        target = target_of(shop_url(server, "new-s3cret"))
        scene.operator_sees(target, 0, worker=scene.workers[-1], prefix=PREFIX)
    assert scene.secrets_told(["old-s3cret", "new-s3cret"]) == []


def rotation_at_once(scene: Scene) -> None:
    """Nobody keeps the old password: the server has another from one moment to the next, and drops every connection."""
    with RedisServer(scene.folder) as server:
        admit(server, "old-s3cret")
        old = scene.worker(shop_url(server, "old-s3cret"), globalKeyPrefix=PREFIX).start().ready()
        producer = steady_producer(scene, server.client, prefix=PREFIX)
        wait_for(lambda: len(scene.notes.finished()) > 10, 30, what="tasks to run")
        admit(server, "new-s3cret")
        server.drop_connections()
        scene.worker(shop_url(server, "new-s3cret"), globalKeyPrefix=PREFIX).start().ready()
        producer.join()
        assert old.terminate().ended(timeout=60) == 0
        scene.give_back(old, target_of(shop_url(server, "new-s3cret")), prefix=PREFIX)
        scene.finish()
    assert scene.secrets_told(["old-s3cret", "new-s3cret"]) == []


def shop_url(server: RedisServer, secret: str) -> str:
    return f"redis://shop:{secret}@127.0.0.1:{server.port}/0"


def steady_producer(scene: Scene, client: redis.Redis, **where: Any) -> threading.Thread:
    """Sends while other things happen."""
    every = SECONDS / 4
    thread = threading.Thread(target=lambda: scene.send_steadily(client, 4 * TASKS, every=every, **where))
    thread.start()
    return thread


ROWS = (
    Row("plain", plain),
    Row("password", password, smoke=True),
    Row("ACL user", acl_user, smoke=True),
    Row("TLS, good CA", tls_good_ca),
    Row("TLS, wrong CA", tls_wrong_ca, waits=True),
    Row("client certificate", client_certificate, smoke=True),
    Row("client certificate, gevent", partial(client_certificate, pool="gevent")),
    Row("client certificate, eventlet", partial(client_certificate, pool="eventlet")),
    Row("Sentinel failover under load", sentinel_failover),
    Row("Sentinels over TLS", sentinels_over_tls),
    Row("prefix, steps, separator", prefix),
    Row("rotation under load", rotation),
    Row("rotation at once", rotation_at_once, twice=True),
    Row("RabbitMQ", rabbitmq),
    Row("RabbitMQ over TLS", rabbitmq_over_tls),
    Row("RabbitMQ, wrong CA", rabbitmq_wrong_ca, waits=True),
    Row("RabbitMQ started again", rabbitmq_restart, twice=True),
)
