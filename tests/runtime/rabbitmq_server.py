"""A real RabbitMQ on loopback, with its data in a folder of the test."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import uuid
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar
from urllib.parse import quote

import aiormq
from aiormq.abc import AbstractChannel
from pamqp.commands import Basic

from tests.runtime.messages import message
from tests.runtime.ports import free_port
from tests.runtime.worker import Worker
from tests.tools.cluster import debian
from tests.tools.waiting import wait_for

T = TypeVar("T")

PROGRAM = "/usr/lib/rabbitmq/bin/rabbitmq-server"  # the one on PATH changes the user
_BASE = "taskfleet:cluster-1:test"
# One scheduler that does not spin, and little memory: a server of a test has little to do.
_ERLANG = "+S 1:1 +sbwt none +sbwtdcpu none +sbwtdio none +A 4"
_CONFIGURATION = """
listeners.tcp.default = 127.0.0.1:{port}
vm_memory_high_watermark.absolute = 256MB
disk_free_limit.absolute = 50MB
default_user = {user}
default_pass = {password}
log.console = false
log.file.level = info
num_acceptors.tcp = 2
"""


class RabbitMQServer:
    """Started on entry, stopped on exit; `kill` and `start` again keep the port and the data."""

    def __init__(
        self, folder: Path, *configuration: str, user: str = "shop", password: str = "s3cret"
    ) -> None:
        self.port = free_port()
        self.user, self.password = user, password
        self._folder = folder
        self._configuration = configuration
        self._epmd_port = free_port()
        self._epmd: subprocess.Popen[bytes] | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"amqp://{self.user}:{quote(self.password, safe='')}@127.0.0.1:{self.port}//"

    def start(self) -> None:
        debian.require({"rabbitmq-server": PROGRAM})
        with (self._folder / "output.log").open("ab") as log:
            if self._epmd is None:
                # Erlang would leave one running for ever: this one is ours to end.
                command = ["epmd", "-port", str(self._epmd_port), "-address", "127.0.0.1"]
                self._epmd = subprocess.Popen(command, stdout=log, stderr=log)
            # A shell script, so what it starts is ended as a group.
            self._process = subprocess.Popen(
                [PROGRAM], stdout=log, stderr=log, env=self._environment(), start_new_session=True
            )
        wait_for(self._answers_or_ended, 120, what="RabbitMQ to answer", poll=0.2)
        assert self._process.poll() is None, (self._folder / "output.log").read_text()[-3000:]

    def _environment(self) -> dict[str, str]:
        folder = self._folder
        values = {"port": self.port, "user": self.user, "password": self.password}
        lines = [_CONFIGURATION.format(**values), *self._configuration]
        (folder / "rabbitmq.conf").write_text("\n".join(lines) + "\n")
        (folder / "plugins").write_text("[].\n")
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "LANG": "C.UTF-8",
            "ERL_EPMD_PORT": str(self._epmd_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": f"test-{self.port}@localhost",
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
            "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(folder / "log"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": f"{_ERLANG} -kernel inet_dist_use_interface {{127,0,0,1}}",
        }

    def kill(self) -> None:
        """SIGKILL; messages on disk stay, and so do some that were acknowledged in the last moments."""
        assert self._process is not None
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def stop(self) -> None:
        """As an administrator does."""
        assert self._process is not None
        os.killpg(self._process.pid, signal.SIGTERM)
        wait_for(self._has_ended, 60, what="RabbitMQ to stop")

    def _has_ended(self) -> bool:
        assert self._process is not None
        self._process.poll()
        try:
            os.killpg(self._process.pid, 0)
        except ProcessLookupError:
            return True
        return False

    def send(
        self, tasks: int, task: str, *args: object, queue: str = "celery", eta: str | None = None
    ) -> list[str]:
        """The ids of messages as a producer sends them, to a queue that is made where it is not there."""
        ids = [str(uuid.uuid4()) for _ in range(tasks)]

        async def push(channel: AbstractChannel) -> None:
            await _declare(channel, queue)
            for task_id in ids:
                await publish(channel, task, args, task_id=task_id, queue=queue, eta=eta)

        self.do(push)
        return ids

    def send_raw(self, body: bytes, headers: dict[str, Any], *, queue: str) -> None:
        """Something else than a producer sends, as JSON."""
        properties = Basic.Properties(
            content_type="application/json", content_encoding="utf-8", headers=headers
        )

        async def push(channel: AbstractChannel) -> None:
            await channel.basic_publish(body, exchange="", routing_key=queue, properties=properties)

        self.do(push)

    def waiting(self, queue: str = "celery") -> int:
        """Messages that are ready."""
        return self.do(lambda channel: _count(channel, queue))

    def order(self, worker: Worker, text: str) -> None:
        """As the operator does: a lease's number, `stop`, or nothing to lift it."""
        key = f"{_BASE}:drain:uid-1/{worker.name}"

        async def say(channel: AbstractChannel) -> None:
            await channel.basic_publish(text.encode(), exchange="amq.direct", routing_key=key)

        self.do(say)

    def report_when(
        self, worker: Worker, fits: Callable[[dict[str, Any]], bool], *, timeout: float = 30
    ) -> dict[str, Any]:
        """The worker's first report from now on that fits; empty for the last one, which takes it away."""

        async def look(channel: AbstractChannel) -> dict[str, Any]:
            async with asyncio.timeout(timeout):
                return await _first_report(channel, worker.name, fits)

        return self.do(look)

    def do(self, step: Callable[[AbstractChannel], Awaitable[T]]) -> T:
        """On a channel of a connection of its own."""

        async def run() -> T:
            connection = await aiormq.connect(self.url)
            try:
                return await step(await connection.channel(publisher_confirms=True))
            finally:
                await connection.close()

        return asyncio.run(run())

    def __enter__(self) -> "RabbitMQServer":
        self.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.kill()
        assert self._epmd is not None
        self._epmd.kill()
        self._epmd.wait()

    def _answers_or_ended(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            return True
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=5) as sock:
                sock.sendall(b"AMQP\x00\x00\x09\x01")
                return bool(sock.recv(1))
        except OSError:
            return False


async def _declare(channel: AbstractChannel, queue: str) -> None:
    """As Celery does: with an exchange of the same name."""
    await channel.exchange_declare(queue, exchange_type="direct", durable=True)
    await channel.queue_declare(queue, durable=True)
    await channel.queue_bind(queue, queue, routing_key=queue)


async def publish(
    channel: AbstractChannel,
    task: str,
    args: Sequence[object],
    *,
    task_id: str,
    queue: str = "celery",
    eta: str | None = None,
) -> None:
    """A message as Celery's producer makes it, kept on disk."""
    whole = message(task, tuple(args), task_id=task_id, priority=0, eta=eta, route=(queue, queue))
    properties = Basic.Properties(
        content_type=whole["content-type"],
        content_encoding="utf-8",
        headers={name: value for name, value in whole["headers"].items() if value is not None},
        correlation_id=task_id,
        delivery_mode=2,
    )
    body = json.dumps([args, {}, {"callbacks": None, "errbacks": None, "chain": None, "chord": None}])
    await channel.basic_publish(body.encode(), exchange="", routing_key=queue, properties=properties)


async def _count(channel: AbstractChannel, queue: str) -> int:
    return (await channel.queue_declare(queue, passive=True)).message_count or 0


async def _first_report(
    channel: AbstractChannel, pod: str, fits: Callable[[dict[str, Any]], bool]
) -> dict[str, Any]:
    found: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()

    async def look(delivered: Any) -> None:
        report = json.loads(delivered.body or b"{}")
        if f"/{pod}/" in delivered.header.properties.message_id and fits(report) and not found.done():
            found.set_result(report)

    queue = (await channel.queue_declare("", exclusive=True, auto_delete=True)).queue
    assert queue is not None
    await channel.queue_bind(queue, "amq.direct", routing_key=f"{_BASE}:reports")
    await channel.basic_consume(queue, look, no_ack=True)
    return await found
