"""A Broker that somebody else runs: what its Secret says, and what answers there."""

import secrets
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from taskfleet.api import Object
from tests.envtest.brokers import apply_external, external_broker, secret
from tests.envtest.conditions import condition, events_of, wait_for_condition, warnings_of
from tests.envtest.operator_process import OperatorProcess
from tests.envtest.pools import worker_pool
from tests.runtime.redis_server import RedisServer
from tests.tools.kube import Kube
from tests.tools.waiting import stays, wait_for

PASSWORD = "c4n4ry-0ne"
OTHER_PASSWORD = "c4n4ry-tw0"

pytestmark = pytest.mark.usefixtures("shared_operator")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A Redis that asks for a password."""
    with RedisServer(tmp_path_factory.mktemp("guarded")) as running:
        set_password(running, PASSWORD)
        yield running


def set_password(server: RedisServer, password: str) -> None:
    """From now on; everybody else has to come again."""
    server.client.config_set("requirepass", password)
    server.client.connection_pool.connection_kwargs["password"] = password
    server.client.client_kill_filter(skipme=True)


def url(server: RedisServer, password: str | None = PASSWORD) -> str:
    return f"redis://{f':{password}@' if password else ''}127.0.0.1:{server.port}/0"


def applied(kube: Kube, namespace: str, name: str = "default", **spec: Any) -> Object:
    return {**kube.apply(external_broker(namespace, name, **spec)), "kind": "Broker"}


class TestAnswers:
    def test_and_is_ready_with_its_figures_and_the_users_own_secret(
        self, kube: Kube, namespace: str, server: RedisServer
    ) -> None:
        broker = apply_external(kube, namespace, url(server))
        status = wait_for_condition(kube, broker, "Ready", "True", "Reachable")["status"]
        version = server.client.info()["redis_version"]
        assert status["endpoint"] == f"127.0.0.1:{server.port}"
        assert status["version"] == version
        assert status["memory"].endswith("Mi")
        assert status["clients"] >= 1
        assert status["binding"] == {"name": "default-url"}
        assert condition({"status": status}, "Ready")["message"] == (
            f"Redis {version} at 127.0.0.1:{server.port} is reachable."
        )
        assert warnings_of(kube, broker) == []

    def test_and_makes_its_pools_ready_to_start(
        self, kube: Kube, namespace: str, server: RedisServer
    ) -> None:
        pool = {**kube.apply(worker_pool(namespace, replicas=0)), "kind": "WorkerPool"}
        wait_for_condition(kube, pool, "Ready", "False")
        kube.delete("Broker", "default", namespace)
        apply_external(kube, namespace, url(server))
        wait_for_condition(kube, pool, "Ready", "True", "ScaledToZero")
        deployment = kube.get("Deployment", "shop-worker", namespace) or {}
        env = deployment["spec"]["template"]["spec"]["containers"][0]["env"]
        keys = {one["name"]: one["valueFrom"] for one in env if one["name"].startswith("CELERY_BROKER")}
        assert len(keys) == 3
        assert all(key == {"secretKeyRef": {"name": "default-url", "key": "url"}} for key in keys.values())

    def test_a_user_who_may_not_ask_for_figures(
        self, kube: Kube, namespace: str, server: RedisServer
    ) -> None:
        server.client.acl_setuser(
            "modest", enabled=True, passwords=["+pw"], commands=["+@all", "-info"], keys=["*"], reset=True
        )
        broker = apply_external(kube, namespace, f"redis://modest:pw@127.0.0.1:{server.port}/0")
        status = wait_for_condition(kube, broker, "Ready", "True", "Reachable")["status"]
        assert "version" not in status


def test_memory_that_runs_out_is_told_before_it_is_full(
    kube: Kube, namespace: str, tmp_path: Path, shared_operator: OperatorProcess
) -> None:
    with RedisServer(tmp_path) as small:
        small.client.config_set("maxmemory", 2**30)
        broker = apply_external(kube, namespace, small.url)
        wait_for_condition(kube, broker, "MemoryAvailable", "True", "SufficientMemory")
        small.client.config_set("maxmemory", int(1.1 * int(small.client.info("memory")["used_memory"])))
        wait_for_condition(
            kube, broker, "MemoryAvailable", "False", "MemoryPressure", saying="result_expires"
        )
        wait_for(lambda: warnings_of(kube, broker), 10, what="a warning")
        labels = f'{{broker="default",namespace="{namespace}"}}'
        for name in ("up", "memory_used_bytes", "memory_max_bytes", "connected_clients"):
            assert f"taskfleet_broker_{name}{labels}" in shared_operator.get("/metrics")[1]
        small.client.config_set("maxmemory", 2**30)
        wait_for_condition(kube, broker, "MemoryAvailable", "True", "SufficientMemory")
        small.client.config_set("maxmemory-policy", "allkeys-lru")
        wait_for_condition(kube, broker, "MemoryAvailable", "False", "KeyEvictionEnabled")


@pytest.mark.parametrize(
    ("value", "reason", "sentence"),
    [
        pytest.param("redis.example:6379", "InvalidUrl", "URL with a host. Use redis://", id="no-scheme"),
        pytest.param("https://redis.example", "InvalidUrl", "is not a redis:// or amqp:// URL", id="another-scheme"),
        pytest.param("redis://:p@ss/w0rd@h:6379/0", "InvalidUrl", "Use redis://USER:PASSWORD@", id="unquoted"),
        pytest.param("redis://redis.example:6379/0\n", "InvalidUrl", "white space, possibly at its end", id="newline"),
        pytest.param("redis://redis.example/0?visibility_timeout=9", "InvalidUrl", "set spec.visibilityTimeout.", id="parameter"),
        pytest.param("redis://redis.example/zero", "InvalidUrl", "does not have a database number", id="database"),
        pytest.param("sentinel://s1;sentinel://s2", "InvalidUrl", "Set spec.external.sentinel.masterName", id="sentinel"),
        pytest.param("amqp://guest@rabbit.example//?heartbeat=9", "InvalidUrl", "set broker_heartbeat", id="amqp-parameter"),
    ],
)  # fmt: skip
def test_url_that_cannot_be_used_is_told_by_its_key_and_never_shown(
    kube: Kube, shared_namespace: str, value: str, reason: str, sentence: str
) -> None:
    name = f"odd-{secrets.token_hex(4)}"
    broker = apply_external(kube, shared_namespace, value, name)
    told = wait_for_condition(kube, broker, "Ready", "False", reason, saying=sentence)
    assert f"Key 'url' of Secret '{name}-url'" in condition(told, "Ready")["message"]
    assert value.rpartition("://")[2].strip("\n") not in str(told["status"])
    assert condition(told, "Stalled")["status"] == "False"


def test_secret_that_comes_later_is_found_and_one_that_goes_is_missed(
    kube: Kube, namespace: str, server: RedisServer
) -> None:
    keyless = applied(kube, namespace, "keyless")
    kube.apply(secret(namespace, "keyless-url", uri=url(server)))
    broker = applied(kube, namespace)
    without = "'default-url' does not exist. Create it with key 'url'"
    wait_for_condition(kube, broker, "Ready", "False", "SecretMissing", saying=without)
    wait_for_condition(kube, keyless, "Ready", "False", "SecretMissing", saying="has no key 'url'. Add it")
    kube.apply(secret(namespace, "default-url", url=url(server)))
    wait_for_condition(kube, broker, "Ready", "True", "Reachable")
    kube.delete("Secret", "default-url", namespace)
    gone = wait_for_condition(kube, broker, "Ready", "False", "SecretMissing")
    assert not {"version", "memory", "clients", "endpoint"} & gone["status"].keys()


def test_password_that_changes_in_the_secret_is_followed(
    kube: Kube, namespace: str, server: RedisServer
) -> None:
    broker = apply_external(kube, namespace, url(server))
    wait_for_condition(kube, broker, "Ready", "True")
    set_password(server, OTHER_PASSWORD)
    wait_for_condition(
        kube, broker, "Ready", "False", "AuthenticationFailed", saying="Correct the URL in the Secret."
    )
    kube.apply(secret(namespace, "default-url", url=url(server, OTHER_PASSWORD)))
    wait_for_condition(kube, broker, "Ready", "True", "Reachable")
    set_password(server, PASSWORD)


@pytest.mark.parametrize(
    ("password", "sentence"),
    [
        pytest.param("wrong", "rejects the user name or password", id="wrong"),
        pytest.param(None, "Correct the URL in the Secret", id="none"),
    ],
)
def test_password_that_is_refused(
    kube: Kube, namespace: str, server: RedisServer, password: str | None, sentence: str
) -> None:
    broker = apply_external(kube, namespace, url(server, password))
    wait_for_condition(kube, broker, "Ready", "False", "AuthenticationFailed", saying=sentence)


def test_server_that_goes_away_and_comes_back(kube: Kube, namespace: str, tmp_path: Path) -> None:
    with RedisServer(tmp_path) as server:
        broker = apply_external(kube, namespace, server.url)
        wait_for_condition(kube, broker, "Ready", "True")
        server.kill()
        gone = wait_for_condition(
            kube, broker, "Ready", "False", "Unreachable", saying="that the server is running"
        )
        assert not {"version", "memory", "clients"} & gone["status"].keys()
        server.start()
        wait_for_condition(kube, broker, "Ready", "True")


def test_what_answers_and_is_no_redis_is_unreachable(kube: Kube, namespace: str) -> None:
    with no_redis() as port:
        broker = apply_external(kube, namespace, f"redis://127.0.0.1:{port}/0")
        told = wait_for_condition(kube, broker, "Ready", "False", "Unreachable")
        assert "s3cret-banner" not in str(told["status"]) + str(events_of(kube, broker))


@contextmanager
def no_redis() -> Iterator[int]:
    """A server that says something of its own to everybody; its port."""

    def serve() -> None:
        while True:
            connection, _ = listener.accept()
            with connection:
                if stop.is_set():
                    return
                connection.recv(1000)
                connection.sendall(b"HTTP/1.1 400 s3cret-banner\r\n\r\n")

    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = threading.Thread(target=serve)
        server.start()
        port = listener.getsockname()[1]
        yield port
        stop.set()
        socket.create_connection(("127.0.0.1", port)).close()
        server.join()


def test_broker_whose_server_never_was_is_told_once(kube: Kube, namespace: str, tmp_path: Path) -> None:
    nobody = RedisServer(tmp_path)  # not started: nobody listens at its port
    broker = apply_external(kube, namespace, nobody.url)
    nobody.client.close()
    wait_for_condition(kube, broker, "Ready", "False", "Unreachable", saying=f"127.0.0.1:{nobody.port}")
    wait_for(lambda: warnings_of(kube, broker), 10, what="a warning")
    stays(lambda: len(warnings_of(kube, broker)) == 1, 2, what="one warning")
