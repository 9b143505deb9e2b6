"""Many idle workers of one queue in one process: the rules, the script and the connections of real ones, no tasks."""

import heapq
import selectors
import socket
import time
from types import TracebackType
from typing import Any

import hiredis
import redis

from taskfleet_worker.broker.redis_commands import Unacked
from taskfleet_worker.broker.redis_fetch import FETCH, Line, fetch_arguments, read_fetched
from taskfleet_worker.messages.next_fetch import NextFetch
from taskfleet_worker.messages.rivals import Rivals

QUEUE = "celery"
LINES = [
    Line(name, name, QUEUE, f"{QUEUE}.dead", recorded=True)
    for name in (QUEUE, *(f"{QUEUE}\x06\x16{step}" for step in (3, 6, 9)))
]


class Crowd:
    """So many workers with one free slot each, whose tasks take no time."""

    def __init__(self, port: int, size: int) -> None:
        self._client = redis.Redis(port=port, decode_responses=True)
        self._sha = str(self._client.script_load(FETCH))
        self._selector = selectors.DefaultSelector()
        self._members = [_Member(port, number, self._sha) for number in range(size)]
        for member in self._members:
            self._selector.register(member.fetching.sock, selectors.EVENT_READ, (member, False))
            self._selector.register(member.woken.sock, selectors.EVENT_READ, (member, True))

    def __enter__(self) -> "Crowd":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for member in self._members:
            member.fetching.sock.close()
            member.woken.sock.close()
        self._selector.close()
        self._client.close()

    def run(self, seconds: float, rate: float) -> list[float]:
        """Send so many messages a second; how long each of them waited."""
        now = time.monotonic()
        end, send_at, delays = now + seconds, now, list[float]()
        # A member's time may move on; then the old entry is skipped.
        due = [(now, number) for number in range(len(self._members))]
        while now < end:
            if now >= send_at:
                self._client.lpush(QUEUE, f'{{"sent": {time.monotonic():f}}}')
                send_at += 1 / rate
            while due and due[0][0] <= now:
                _, number = heapq.heappop(due)
                self._members[number].fetch_if_due(now)
            wait = min(send_at, due[0][0] if due else end) - time.monotonic()
            for key, _ in self._selector.select(max(0.0, wait)):
                member, is_push = key.data
                delays += member.read(is_push=is_push)
                heapq.heappush(due, (member.due_at, member.number))
            now = time.monotonic()
        return delays


class _Link:
    """One connection. hiredis' own parser, as pushes come between replies."""

    def __init__(self, port: int) -> None:
        self.sock = socket.create_connection(("127.0.0.1", port))
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.reader = hiredis.Reader()

    def send(self, *command: Any) -> None:
        parts: Any = tuple(str(part) for part in command)  # hiredis' types allow one
        self.sock.sendall(hiredis.pack_command(parts))

    def ask(self, *command: Any) -> Any:
        self.send(*command)
        while (reply := self.reader.gets()) is False:
            self.reader.feed(self.sock.recv(65536))
        return reply


class _Member:
    def __init__(self, port: int, number: int, sha: str) -> None:
        self.number = number
        self.woken, self.fetching = _Link(port), _Link(port)
        identity = self.woken.ask("CLIENT", "ID")
        self.woken.ask("HELLO", 3)
        self.fetching.ask("CLIENT", "TRACKING", "ON", "REDIRECT", identity, "NOLOOP")
        self._rivals = Rivals()
        self._next = NextFetch(self._rivals)
        self._sha = sha
        self._order = 1
        self._under_way = False

    @property
    def due_at(self) -> float:
        now = time.monotonic()
        return now + self._next.due_in(now)

    def fetch_if_due(self, now: float) -> None:
        if self._under_way or self._next.due_in(now):
            return
        names = Unacked("", "unacked", "unacked_index", f"held:{self.number}")
        arguments = fetch_arguments(
            names, LINES, tags=f"{self.number}-", order=self._order, want=1,
            share=self._rivals.share, turn=1, now=time.time(),
        )  # fmt: skip
        self._under_way = True
        self._next.begins()
        self.fetching.send("EVALSHA", self._sha, *arguments)

    def read(self, *, is_push: bool) -> list[float]:
        """What has arrived: for how long each fetched message waited."""
        link = self.woken if is_push else self.fetching
        link.reader.feed(link.sock.recv(65536))
        now, delays = time.monotonic(), list[float]()
        while (reply := link.reader.gets()) is not False:
            if is_push:
                self._next.pushed(now)
            elif self._under_way and isinstance(reply, list):
                delays += self._fetched(reply, now)
        return delays

    def _fetched(self, reply: list[Any], now: float) -> list[float]:
        taken = read_fetched(reply, LINES).taken
        self._under_way = False
        self._order += 1
        self._next.ended(now, empty=not taken)
        for one in taken:  # as an acknowledgement does
            tag = f"{self.number}-{one.order}"
            self.fetching.send("HDEL", "unacked", tag)
            self.fetching.send("ZREM", "unacked_index", tag)
            self.fetching.send("HDEL", f"held:{self.number}", tag)
        return [now - float(one.raw[9:-1]) for one in taken]
