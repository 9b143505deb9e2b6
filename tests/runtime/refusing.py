"""A Redis that answers, and does not do what it is asked: each reply as the server itself gives it."""

import contextlib
import threading
from collections.abc import Callable, Iterator

import redis

from tests.runtime.ports import free_port
from tests.runtime.redis_server import RedisServer
from tests.tools.waiting import wait_for

Refusal = Callable[[RedisServer], contextlib.AbstractContextManager[None]]


@contextlib.contextmanager
def settings(server: RedisServer, name: str, on: int | str, off: int | str) -> Iterator[None]:
    server.client.config_set(name, on)
    try:
        yield
    finally:
        server.client.config_set(name, off)


def no_replicas(server: RedisServer) -> contextlib.AbstractContextManager[None]:
    return settings(server, "min-replicas-to-write", 1, 0)


def no_memory(server: RedisServer) -> contextlib.AbstractContextManager[None]:
    return settings(server, "maxmemory", 1, 0)


@contextlib.contextmanager
def read_only(server: RedisServer) -> Iterator[None]:
    """As after a failover, behind an address that still leads to the old master."""
    server.client.replicaof("127.0.0.1", str(free_port()))
    try:
        yield
    finally:
        server.client.replicaof("NO", "ONE")


@contextlib.contextmanager
def without_master(server: RedisServer) -> Iterator[None]:
    with settings(server, "replica-serve-stale-data", "no", "yes"), read_only(server):
        yield


@contextlib.contextmanager
def disk_trouble(server: RedisServer) -> Iterator[None]:
    in_the_way = server.folder / "dump.rdb"
    in_the_way.mkdir()
    server.client.config_set("save", "3600 1")
    server.client.bgsave()
    wait_for(
        lambda: server.client.info("persistence")["rdb_last_bgsave_status"] == "err", 30, what="a failed save"
    )
    try:
        yield
    finally:
        server.client.config_set("save", "")
        in_the_way.rmdir()


@contextlib.contextmanager
def busy(server: RedisServer) -> Iterator[None]:
    server.client.config_set("lua-time-limit", 10)
    endless = redis.Redis(port=server.port)

    def run() -> None:
        with contextlib.suppress(redis.ResponseError):  # killed
            endless.eval("while true do end", 0)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        server.client.script_kill()
        thread.join()


@contextlib.contextmanager
def no_rights(server: RedisServer) -> Iterator[None]:
    server.client.acl_setuser("default", enabled=True, commands=["-brpop", "-zrem"])
    try:
        yield
    finally:
        server.client.acl_setuser("default", enabled=True, commands=["+brpop", "+zrem"])


REFUSALS: dict[str, Refusal] = {
    "BUSY": busy,
    "MASTERDOWN": without_master,
    "MISCONF": disk_trouble,
    "NOPERM": no_rights,
    "NOREPLICAS": no_replicas,
    "OOM": no_memory,
    "READONLY": read_only,
}
