"""A run's message, built by Celery itself and handed over in place of being sent."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

from taskfleet_worker.beat.due import Run
from taskfleet_worker.beat.entry import Entry
from taskfleet_worker.beat.store import Message
from taskfleet_worker.broker.redis_link import prefix_of


def capturing_channel(app: Any) -> Any:
    """A channel of kombu's Redis transport that keeps the message it should push. Raises kombu's OperationalError."""
    from kombu.transport import redis

    connection = app.connection_for_write()
    transport = connection.transport
    transport.Channel = type("Channel", (_Capturing, transport.Channel), {"dumps": staticmethod(redis.dumps)})
    return connection.channel()


class UnsendableError(ValueError):
    """Celery can make no message of an entry. The text is for the user."""


class _Capturing:
    captured: Message | None = None
    dumps: Any

    def _put(self, queue: str, message: Any, **_: Any) -> None:
        step = self._get_message_priority(message, reverse=False)  # type: ignore[attr-defined]
        place = prefix_of(self) + self._q_for_pri(queue, step)  # type: ignore[attr-defined]
        self.captured = Message(place, self.dumps(message))


class MessageBuilder:
    """Builds messages over one channel, which needs no connection any more once it is made."""

    def __init__(self, app: Any, channel: Any) -> None:
        from kombu import Producer

        self._app = app
        self._channel = channel
        self._producer = Producer(channel, auto_declare=False)

    def build(self, entry: Entry, run: Run, now: float) -> Message:
        """The message of a run that is sent at its planned time, or now where that has passed.

        Raises UnsendableError.
        """
        expires = None
        if entry.expires is not None:
            sent = datetime.fromtimestamp(max(now, run.planned or now), timezone.utc)
            expires = sent + timedelta(seconds=entry.expires)
        try:
            return self._built(entry, run, expires)
        except Exception as error:
            detail = f"{type(error).__name__}: {error}"
            raise UnsendableError(
                f"Celery cannot create the message ({detail}): check spec.args, kwargs and headers."
            ) from error

    def _built(self, entry: Entry, run: Run, expires: datetime | None) -> Message:
        self._app.send_task(
            entry.task,
            args=entry.args,
            kwargs=entry.kwargs,
            task_id=run.task_id,
            queue=entry.queue or "celery",
            priority=entry.priority,
            expires=expires,
            headers={**entry.headers, "periodic_task_name": entry.name},
            producer=self._producer,
            declare=[],  # the script pushes to the list itself; workers declare what they read
            retry=False,
        )
        message: Message = self._channel.captured
        return message
