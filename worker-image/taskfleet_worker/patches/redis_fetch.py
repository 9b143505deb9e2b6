"""How kombu's Redis channel fetches: by one script (broker/redis_fetch.py), and only when there may be something.

Where Redis does not wake the worker (redis_sleep.py), and on channels that are not its own, kombu's BRPOP stays.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from hashlib import sha1
from queue import Empty
from time import time
from typing import Any, Callable

from taskfleet_worker import native
from taskfleet_worker.broker.redis_fetch import FETCH, MOST, Line, Taken, fetch_arguments, read_fetched
from taskfleet_worker.broker.redis_link import prefix_of
from taskfleet_worker.messages.intake import envelope
from taskfleet_worker.patches.redis_client import error_classes
from taskfleet_worker.patches.redis_sleep import SleepingChannel

_SHA = sha1(FETCH.encode(), usedforsecurity=False).hexdigest()


class FetchingChannel(SleepingChannel):
    """Over kombu's channel for Redis."""

    loads: Callable[[str], Any]
    # Queues whose consumer asks for no acknowledgement.
    no_ack: set[str]
    # By BRPOP: the list that the message came from, without the prefix.
    fetched_from: str | None = None
    # The message that is being delivered as it came, until it is known what it is.
    fetched: bytes | str | None = None
    # The message that is being delivered, where a script has fetched it.
    taken: Taken | None = None
    _sent_lines: Sequence[Line] = ()
    _loaded = False

    def _brpop_start(self, *args: Any, **kwargs: Any) -> None:
        link = self.link
        if not link.is_consumers(self):
            super()._brpop_start(*args, **kwargs)  # type: ignore[misc]
            return
        if link.gate.closed:
            return
        link.fetched_at = native.monotonic()
        # What could not be recorded has to be back before more is fetched.
        if link.refusals.paused or link.deliveries.unrecorded or not link.may_fetch():
            return
        if not self.is_woken():
            super()._brpop_start(*args, **kwargs)  # type: ignore[misc]
        elif self.may_look():
            self._send_fetch()

    def _send_fetch(self) -> None:
        link, connection = self.link, self.client.connection
        lines, turn = self._lines()
        if not lines:
            return
        want = self._room()
        arguments = fetch_arguments(
            link.names_of(self),
            lines,
            tags=link.deliveries.tags,
            order=link.deliveries.begin_to_fetch(want),
            want=want,
            share=link.rivals.share,
            turn=turn,
            now=time(),
        )
        self._sent_lines = lines
        self.look_begins(connection)
        try:
            connection.send_command(*(("EVALSHA", _SHA) if self._loaded else ("EVAL", FETCH)), *arguments)
        except Exception:
            self.give_up()
            raise

    def _lines(self) -> tuple[list[Line], int]:
        """The lists in the order of BRPOP's, and how many of them take turns."""
        from kombu.utils.scheduling import priority_cycle

        cycle: Any = self._queue_cycle  # type: ignore[attr-defined]
        queues = cycle.consume(len(self.active_queues))  # type: ignore[attr-defined]
        prefix = prefix_of(self)
        lines = []
        for step in self.priority_steps:  # type: ignore[attr-defined]
            for queue in queues:
                name = self._q_for_pri(queue, step)  # type: ignore[attr-defined]
                lines.append(Line(prefix + name, name, queue, f"{prefix}{queue}.dead", self._records(queue)))
        return lines, 1 if isinstance(cycle, priority_cycle) else len(queues)

    def _records(self, queue: str) -> bool:
        return bool(self.ack_emulation) and queue not in self.no_ack  # type: ignore[attr-defined]

    def _room(self) -> int:
        estimate = self.qos.can_consume_max_estimate()  # type: ignore[attr-defined]
        return max(1, min(self.link.most(), MOST if estimate is None else estimate))

    def _brpop_read(self, *args: Any, **kwargs: Any) -> Any:
        if self.looks:
            return self._read_fetch()
        if self.is_asleep:
            self.renew_or_raise()
            raise Empty
        return self._read_brpop(*args, **kwargs)

    def _read_fetch(self) -> bool:
        reply = self._reply()
        if reply is None:
            return True
        fetched = read_fetched(reply, self._sent_lines)
        batch = deque(self._enter(one) for one in fetched.taken)
        empty = not fetched.taken
        self.link.deliveries.end_of_fetch()
        self.look_ended(empty=empty)
        if not fetched.refusal:
            self.link.refusals.accepted()
        self._deliver_batch(batch)
        if fetched.refusal:
            self._refused(self.exceptions.ResponseError(fetched.refusal))
        if empty:
            raise Empty
        return True

    def _reply(self) -> Any:
        """None where Redis refuses."""
        client = self.client
        try:
            reply = client.parse_response(client.connection, "EVALSHA")
        except self.exceptions.NoScriptError:
            self._loaded = False
            self.give_up()
            return None
        except self.exceptions.ResponseError as error:
            self.give_up()
            self._refused(error)
            return None
        except Exception:
            client.connection.disconnect()
            self.give_up()
            raise
        self._loaded = True
        return reply

    def _refused(self, error: Exception) -> None:
        """Wait, over new connections. Celery ends the worker for a reply that is no connection error."""
        if not self.link.refusals.refused(error):
            raise error_classes(self.exceptions)[1](f"a fetch was refused: {error}") from error
        self.renew()

    def _enter(self, one: Taken) -> tuple[str, Taken, Any]:
        """It is held from now on: its tag and the message, or the error of what is none."""
        tag, line = f"{self.link.deliveries.tags}{one.order}", one.line
        payload, error = self._payload(one)
        self.link.deliveries.fetched(
            tag,
            queue=line.queue,
            prefix=prefix_of(self),
            line=line.name,
            payload=payload,
            order=one.order,
            recorded=line.recorded,
            at_most_once=line.queue in self.no_ack,
        )
        return tag, one, error or payload

    def _payload(self, one: Taken) -> tuple[dict[str, Any], Exception | None]:
        try:
            payload = self.loads(one.raw.decode())
            if not isinstance(payload, dict):
                raise ValueError("it is not a JSON object")
        except (ValueError, RecursionError) as error:
            return envelope(one.raw), error
        return payload, None

    def _deliver_batch(self, batch: deque[tuple[str, Taken, Any]]) -> None:
        """To their consumers; what has none any more goes back, all at once and so in its order."""
        back = []
        callbacks = self.connection._callbacks
        try:
            while batch:
                tag, one, message = batch.popleft()
                if self.link.gate.closed or one.line.queue not in callbacks:
                    back.append(tag)
                elif isinstance(message, Exception):
                    self.qos.refuse_held(tag, message)  # type: ignore[attr-defined]
                else:
                    self._deliver_one(tag, one, message)
        finally:
            back += [tag for tag, _, _ in batch]
            if back:
                self.qos.give_back(back)  # type: ignore[attr-defined]

    def _deliver_one(self, tag: str, one: Taken, message: dict[str, Any]) -> None:
        self._queue_cycle.rotate(one.line.queue)  # type: ignore[attr-defined]
        self.taken, self.fetched = one, one.raw
        try:
            message["properties"]["delivery_tag"] = tag
            self.connection._deliver(message, one.line.queue)
        except Exception as error:
            if self.fetched is None:
                raise
            self.qos.refuse_held(tag, error)  # type: ignore[attr-defined]
        finally:
            self.taken = self.fetched = None

    def _read_brpop(self, *args: Any, **kwargs: Any) -> Any:
        client = self.client
        read = client.parse_response

        def noting_the_list(*call: Any, **options: Any) -> Any:
            try:
                reply = read(*call, **options)
            except self.exceptions.ResponseError as error:
                if not self.link.refusals.refused(error):
                    raise
                self.renew()
                return None
            if reply:
                self.fetched_from, self.fetched = _text(reply[0]), reply[1]
            else:
                self.link.refusals.accepted()
            return reply

        client.parse_response = noting_the_list
        try:
            return super()._brpop_read(*args, **kwargs)  # type: ignore[misc]
        except Exception as error:
            if self.fetched is None:
                raise
            # It is off its list, and no message that kombu could record.
            self.qos.refuse(self.fetched, self.fetched_from, error)  # type: ignore[attr-defined]
            return True
        finally:
            del client.parse_response
            self.fetched_from = self.fetched = None


def _text(name: bytes | str) -> str:
    return name.decode() if isinstance(name, bytes) else name
