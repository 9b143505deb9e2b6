"""Messages that cannot be taken in: out of the way at once and with the reason, where one would end worker after worker.

Celery rejects what it knows to be wrong: an unknown task, a content type that it does not accept, a body that it cannot
decode. For everything else, such as a task without an id or a body that is no list, its consumer ends with the error,
and the message is the first that the next worker gets.
"""

from __future__ import annotations

import base64
import json
import logging
from typing import Any, Callable
from uuid import uuid4

from taskfleet_worker.deliveries import REASON, Deliveries, after_loss
from taskfleet_worker.pool.jobs import Jobs

logger = logging.getLogger(__name__)

_LONGEST = 200


class Intake:
    """`count` messages were dead-lettered, or rejected on AMQP, the last for the reason `last`."""

    def __init__(self, deliveries: Deliveries, jobs: Jobs) -> None:
        self.count = 0
        self.last = ""
        self._fate = "dead-lettered"
        self._deliveries = deliveries
        self._jobs = jobs

    def take_in(
        self, message: Any, handle: Callable[[Any], Any], passed_on: tuple[type[Exception], ...]
    ) -> None:
        """Have Celery handle a message; errors that are `passed_on` reconnect or end the worker."""
        try:
            handle(message)
        except passed_on as error:
            self._count_loss(message, error)
            raise
        except Exception as error:
            if error is self._jobs.refusal:
                self._count_loss(message, error)
                raise
            logger.exception("taskfleet: cannot process a message")
            self.refuse(message, error)
        except BaseException as error:
            self._count_loss(message, error)
            raise

    def hand_over(self, worker: Any, request: Any, process: Callable[[Any, Any], Any]) -> None:
        """Have Celery pass a task to the pool."""
        from celery.worker import state

        try:
            process(worker, request)
        except Exception as error:
            if error is self._jobs.refusal or isinstance(error, worker.consumer.connection_errors):
                raise
            logger.exception("taskfleet: cannot pass a task to the pool")
            state.task_ready(request)
            self.refuse(request.message, error)
            if worker.process_task != worker._process_task:  # it has waited for one of prefork's slots
                worker._quick_release()

    def refuse(self, message: Any, error: Exception) -> None:
        """To the dead letters, or to where RabbitMQ is told to put what is rejected."""
        tag, qos = message.delivery_tag, getattr(message.channel, "qos", None)
        if tag not in self._deliveries.held or tag in self._deliveries.settling:
            return  # Celery has settled it, and failed after that
        reason = self.reason(error)
        if qos is not None and hasattr(qos, "dead_letter"):
            qos.dead_letter(tag, reason)
        else:
            self._fate = "rejected"
            message.reject()

    def reason(self, error: Exception) -> str:
        """Counted and for the report; the text of the error may hold parts of the message, so it is not."""
        self.count += 1
        self.last = type(error).__name__
        return described(error)

    @property
    def note(self) -> str | None:
        """For the report."""
        if not self.count:
            return None
        return (
            f"{self.count} messages could not be processed and were {self._fate}. The last error: "
            f"{self.last}."
        )

    def _count_loss(self, message: Any, error: BaseException) -> None:
        """Whatever ends the worker now, this message was being taken in."""
        tag = message.delivery_tag
        delivery = self._deliveries.held.get(tag)
        if delivery is None or delivery.begun or delivery.place is None or tag in self._deliveries.settling:
            return
        delivery.place, payload = after_loss(delivery)
        reason = f"workers crashed when they processed it, the last with {type(error).__name__}: {error}"
        delivery.payload = with_reason(payload, reason) if delivery.place == delivery.dead else payload


def described(error: Exception) -> str:
    """For the message's envelope."""
    return f"it cannot be processed: {type(error).__name__}: {error}"[:_LONGEST]


def with_reason(payload: dict[str, Any], reason: str) -> dict[str, Any]:
    """A message on its way to the dead letters."""
    return {**payload, REASON: reason[:_LONGEST]}


def envelope(raw: bytes | str) -> dict[str, Any]:
    """What came off a queue as a message of kombu's: itself, or if it is none, one whose body it is."""
    try:
        payload = json.loads(raw)
        if isinstance(payload, dict):
            return payload
    except (ValueError, RecursionError):
        pass
    body = raw.encode(errors="surrogateescape") if isinstance(raw, str) else raw
    properties = {"delivery_tag": str(uuid4()), "body_encoding": "base64", "delivery_info": {}}
    return {
        "body": base64.b64encode(body).decode(),
        "content-type": "application/octet-stream",
        "content-encoding": "binary",
        "headers": {},
        "properties": properties,
    }
