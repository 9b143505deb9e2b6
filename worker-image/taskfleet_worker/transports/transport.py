"""What differs by broker in the life of a worker."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from taskfleet_worker.broker.broker_thread import BrokerThread, Voice


class Transport(Protocol):
    """How this worker fetches from its broker and gives back to it. Called in the consumer's loop if not said otherwise."""

    # Whether the consumer's loop must be woken when a thread asks something of it.
    wakes_the_loop: bool

    def install(self) -> list[str]:
        """Change kombu's channel, before there is one. Sentences for the report."""

    def consumer_ready(self, voice: Callable[[], Voice]) -> tuple[BrokerThread | None, list[str]]:
        """The thread that speaks to the broker, not started; None: this broker has none. Sentences for the report."""

    def turn(self) -> None:
        """Once in each turn of the loop, before it fetches."""

    def fetching(self) -> bool:
        """Whether a fetch is under way. Called by any thread."""

    def may_end_the_loop(self, since: float) -> bool:
        """Whether Celery may be let know of a TERM that came at `since`, by the clock."""

    def give_back(self, messages: list[Any]) -> None:
        """To their queues."""

    def keeps_waiting(self) -> bool:
        """Whether tasks that wait here cannot go back, and nobody counts them. Called by any thread."""

    def refusal(self) -> str | None:
        """For the report: what writes the broker refuses, or has refused. Called by any thread."""

    def fallback(self) -> str | None:
        """For the report: why the worker fetches as Celery does, where it could do better. Called by any thread."""

    def refuses(self) -> bool:
        """Whether the broker refuses writes now, such as acknowledgements. Called by any thread."""

    def leave(self) -> None:
        """The process ends at once: whatever is settled from now on is left to the thread. Called by any thread."""
