"""The native thread on AMQP: reports go out and orders come in through RabbitMQ's own exchange `amq.direct`.

Nothing is declared there but a queue that goes with the connection, so nothing stays behind; what nobody listens to
is dropped.
"""

from __future__ import annotations

import contextlib
import socket
from typing import Any, Callable

from taskfleet_worker.broker.broker_thread import LEASE, BrokerThread, Voice

EXCHANGE = "amq.direct"
# Seconds; a connection that has gone silent is noticed after twice as long.
HEARTBEAT = 10
_SHORTEST = 0.001  # a timeout of 0 would mean none
_TRANSIENT = 1


class AmqpThread(BrokerThread):
    """Connects as the app does. `wake` makes the consumer's loop look at the gate."""

    def __init__(self, voice: Voice, app: Any, *, wake: Callable[[], None]) -> None:
        super().__init__(voice)
        self._app = app
        self._wake = wake
        self._checked = float("-inf")

    def _connect(self) -> Any:
        connection = self._app.connection_for_read(heartbeat=HEARTBEAT)
        channel = connection.channel()
        queue = channel.queue_declare("", exclusive=True, auto_delete=True).queue
        channel.queue_bind(queue, EXCHANGE, self._voice.keys.drain)
        channel.basic_consume(queue, no_ack=True, callback=self._ordered)
        return connection, channel

    def _ordered(self, message: Any) -> None:
        self._obey(message.body)
        self._wake()

    def _turn(self, connection: Any) -> None:
        link, channel = connection
        now = self._clock()
        with contextlib.suppress(socket.timeout):
            while True:
                link.drain_events(timeout=_SHORTEST)
        if self._gate.lease is not None and now - self.lease_seen >= LEASE:
            self._gate.lease = None
        self._report(lambda value: self._publish(channel, value), now)
        if now - self._checked >= 1.0:
            link.heartbeat_check()
            self._checked = now

    def _publish(self, channel: Any, body: str) -> None:
        keys = self._voice.keys
        properties = {"message_id": keys.start, "delivery_mode": _TRANSIENT}
        message = channel.prepare_message(body, content_encoding="utf-8", properties=properties)
        channel.basic_publish(message, EXCHANGE, keys.reports)

    def _lost(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(Exception):
                self._connection[0].collect()
        self._connection = None

    def _leave(self, connection: Any) -> None:
        link, channel = connection
        self._publish(channel, "")  # nothing is held any more: forget this start
        link.release()
