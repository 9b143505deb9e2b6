"""A master, a replica and three Sentinels on loopback."""

import subprocess
from pathlib import Path
from types import TracebackType
from typing import Any, cast
from urllib.parse import quote

import redis
from redis.sentinel import Sentinel

from tests.runtime.certificates import Certificates
from tests.runtime.ports import free_port
from tests.runtime.redis_server import RedisServer
from tests.tools.waiting import wait_for

MASTER = "main"
_COUNT = 3
_QUORUM = 2


class SentinelGroup:
    """Started on entry, stopped on exit. `password` is that of the Sentinels themselves, `master_password` that of the
    servers; with `certificates` all of them speak TLS among each other and with everybody.
    """

    def __init__(
        self,
        folder: Path,
        *,
        password: str | None = None,
        master_password: str | None = None,
        certificates: Certificates | None = None,
    ) -> None:
        self._folder = folder
        self._password = password
        self._master_password = master_password
        self._certificates = certificates
        tls_ports = free_port(), free_port()
        self.first = RedisServer(
            _made(folder / "first"), "--repl-diskless-sync-delay", "0", *self._secured(tls_ports[0])
        )
        self._first_port = tls_ports[0] if certificates else self.first.port
        self.second = RedisServer(
            _made(folder / "second"),
            *("--replicaof", "127.0.0.1", str(self._first_port)),
            *self._secured(tls_ports[1]),
        )
        self._second_port = tls_ports[1] if certificates else self.second.port
        self.ports = [free_port() for _ in range(_COUNT)]
        self._processes: list[subprocess.Popen[bytes]] = []
        tls = {"ssl": True, "ssl_ca_certs": str(certificates.folder / "ca.crt")} if certificates else {}
        self._sentinel = cast(Any, Sentinel)(  # redis-py gives it no types
            [("127.0.0.1", port) for port in self.ports],
            sentinel_kwargs={"password": password, "socket_timeout": 2, **tls},
            decode_responses=True,
            socket_timeout=5,
            password=master_password,
            **tls,
        )
        for server in (self.first, self.second):
            server.client.connection_pool.connection_kwargs["password"] = master_password
        self.client: redis.Redis = self._sentinel.master_for(MASTER)

    def _secured(self, port: int) -> list[str]:
        options = []
        if self._master_password is not None:
            options += ["--requirepass", self._master_password, "--masterauth", self._master_password]
        if self._certificates is not None:
            options += [*self._certificates.redis_options(port), "--tls-replication", "yes"]
        return options

    def url(self, database: int = 0) -> str:
        user = f":{quote(self._master_password, safe='')}@" if self._master_password else ""
        return ";".join(f"sentinel://{user}127.0.0.1:{port}/{database}" for port in self.ports)

    def master_port(self) -> int:
        """As the Sentinels say."""
        return int(self._sentinel.discover_master(MASTER)[1])

    def stop_sentinel(self, number: int) -> None:
        self._processes[number].kill()
        self._processes[number].wait()

    def fail_over(self) -> None:
        """Kill the master; returns when the Sentinels have made the replica the next one."""
        self.first.kill()
        wait_for(self._second_leads, 60, what="the failover")

    def _second_leads(self) -> bool:
        try:
            return self.master_port() == self._second_port
        except redis.RedisError:
            return False

    def __enter__(self) -> "SentinelGroup":
        self.first.start()
        self.second.start()
        wait_for(self._replicated, 30, what="the replica to have its first copy")
        for port in self.ports:
            self._processes.append(self._start_sentinel(port))
        wait_for(self._agree, 30, what="the Sentinels to know each other and the replica")
        return self

    def _replicated(self) -> bool:
        """A replica that is connected only would be promoted as well, with nothing in it."""
        replica = self.first.client.info("replication").get("slave0", {})
        return bool(replica.get("state") == "online")

    def _start_sentinel(self, port: int) -> subprocess.Popen[bytes]:
        folder = _made(self._folder / f"sentinel-{port}")
        lines = [
            *self._ports_of_sentinel(port),
            *("bind 127.0.0.1", f"dir {folder}"),
            f"sentinel monitor {MASTER} 127.0.0.1 {self._first_port} {_QUORUM}",
            *(f"sentinel down-after-milliseconds {MASTER} 1000", f"sentinel failover-timeout {MASTER} 5000"),
            *([f"requirepass {self._password}"] if self._password else []),
            *([f"sentinel auth-pass {MASTER} {self._master_password}"] if self._master_password else []),
        ]
        file = folder / "sentinel.conf"
        file.write_text("\n".join(lines) + "\n")
        with (folder / "log").open("ab") as log:
            return subprocess.Popen(["redis-server", str(file), "--sentinel"], stdout=log, stderr=log)

    def _ports_of_sentinel(self, port: int) -> list[str]:
        if self._certificates is None:
            return [f"port {port}"]
        words = [*self._certificates.redis_options(port), "--tls-replication", "yes"]
        options = [
            f"{name.removeprefix('--')} {value}" for name, value in zip(words[::2], words[1::2], strict=True)
        ]
        return ["port 0", *options]

    def _agree(self) -> bool:
        try:
            states = [sentinel.sentinel_master(MASTER) for sentinel in self._sentinel.sentinels]
        except redis.RedisError:
            return False
        return all(
            state["num-other-sentinels"] == _COUNT - 1 and state["num-slaves"] == 1 for state in states
        )

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        for process in self._processes:
            process.kill()
            process.wait()
        self.client.close()
        for sentinel in self._sentinel.sentinels:
            sentinel.close()
        for server in (self.first, self.second):
            server.__exit__()


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder
