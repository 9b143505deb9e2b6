"""The parts of this package put together around one Celery worker."""

from __future__ import annotations

import os
import signal
from time import time
from typing import Any, Callable

from taskfleet_worker import amqp_channel, fetching, last_loss, native, redis_channel, stopping
from taskfleet_worker.amqp_thread import AmqpThread
from taskfleet_worker.broker_thread import BrokerThread, Voice
from taskfleet_worker.deliveries import Deliveries
from taskfleet_worker.ending import LAST_WORDS, must_leave, overdue, patience
from taskfleet_worker.fence import Fence
from taskfleet_worker.gate import Gate
from taskfleet_worker.handback import keeps_waiting, take_back
from taskfleet_worker.health import Health
from taskfleet_worker.intake import Intake
from taskfleet_worker.jobs import Jobs
from taskfleet_worker.keys import Keys
from taskfleet_worker.pool_calls import PoolCalls
from taskfleet_worker.prefork import is_with_a_child, keep_running_jobs, read_results, results_unread
from taskfleet_worker.redis_link import Link
from taskfleet_worker.redis_thread import Connection, RedisThread
from taskfleet_worker.report import Worker, content, held_by_queue
from taskfleet_worker.revokes import Revokes
from taskfleet_worker.room import Room
from taskfleet_worker.settings import Settings
from taskfleet_worker.tasks import Tasks
from taskfleet_worker.unseen import Unseen
from taskfleet_worker.unsettled import Unsettled
from taskfleet_worker.waits import NOTABLE, Waits
from taskfleet_worker.waking import Waker, sleeps_on

# The fetch that is under way at TERM ends within a second; a dead connection is not waited for.
FETCH_PATIENCE = 3.0
# A worker that knows no revokes yet fetches nothing for as long as this.
REVOKES_PATIENCE = 10.0
# An unanswered command fails after the socket's timeout of 10 s.
ANSWER_LIMIT = 15.0


class Runtime:
    """One worker process from its start to its end."""

    def __init__(
        self,
        settings: Settings,
        health: Health,
        keys: Keys,
        clock: Callable[[], float],
        *,
        amqp: bool = False,
    ) -> None:
        self.settings = settings
        self._amqp = amqp
        self.health = health
        self.notes: list[str] = []
        self.deliveries = Deliveries()
        self.gate = Gate()
        self.revokes = Revokes()
        self.jobs = Jobs(clock)
        self.tasks = Tasks(self.deliveries, self.jobs, clock)
        self.fence = Fence(self.deliveries, clock)
        self.unsettled = Unsettled(self.deliveries, self.jobs, self.tasks, clock)
        self.room = Room(self.deliveries)
        self.unseen = Unseen()
        self.intake = Intake(self.deliveries, self.jobs)
        self.link = Link(self.deliveries, self.gate, self.intake, keys.held)
        self._keys = keys
        self._clock = clock
        self._started = clock()
        self._started_at = time()
        self._ready_after = 0.0
        self._stopping_since: float | None = None
        self._state: Any = None
        self._consumer: Any = None
        self._thread: BrokerThread | None = None
        self._waker: Waker | None = None
        self._given_up: Any = None  # AMQP: the consumer whose connection was replaced
        self._cancelled: Any = None  # AMQP: the consumer that a closed gate has stopped
        self._queues: list[str] = []  # consumed from the start
        self._cold_code: int | None = None  # of a cold shutdown that waits for its last fetch
        self._stop_noted = native.allocate_lock()
        health.active = lambda: self.tasks.active
        health.last_end = lambda: self.tasks.last_end
        health.pool_idle = self.jobs.idle_with_work
        health.obstacle = self._obstacle
        self.waits = Waits(clock, ended=health.turned)
        health.waiting = self.waits.now

    def attach(self, state: Any) -> None:
        """Hook into `celery.worker.state`, before the modules that take its functions are imported."""
        self._state = state
        self.tasks.watch(state)
        self.revokes.watch(state)
        PoolCalls(self.jobs, self.settings.pool_type, self.tasks.job_begun, self.fence.stops).install()
        asked = state.maybe_shutdown
        state.maybe_shutdown = lambda: self._turn(asked)
        self._watch_requests()
        self.waits.watch()
        self.intake.install()
        stopping.watch_soft_shutdown(begun=self.shutting_down)
        stopping.watch_cold_shutdown(self._takes_over_cold)
        stopping.stop_in_the_loop(state)
        stopping.end_the_loop_of_a_stopped_pool(state)
        self.room.install()
        self.unseen.install()
        if self._amqp:
            amqp_channel.install(self.deliveries, closed=self._keeps_from_fetching)
            return
        self.link.is_consumers = lambda channel: channel is self._channel()
        self.link.tags_that_run_on = self._tags_that_run_on
        self.link.settle_pending = self._settle_pending
        note = redis_channel.install(self.link)
        if note:
            self.notes.append(note)

    def _watch_requests(self) -> None:
        from celery.exceptions import WorkerLostError
        from celery.worker.request import Request

        failed, acknowledge, reject = Request.on_failure, Request.acknowledge, Request.reject

        def on_failure(request: Any, exc_info: Any, *args: Any, **kwargs: Any) -> Any:
            error = getattr(exc_info.exception, "exc", exc_info.exception)
            if isinstance(error, (WorkerLostError, SystemExit, KeyboardInterrupt)):
                self.deliveries.lost.add(request.message.delivery_tag)
            return failed(request, exc_info, *args, **kwargs)

        def acknowledge_or_note(request: Any) -> None:
            # Celery leaves it to the consumer's loop, which may not come round any more.
            if not request.acknowledged and request.message.delivery_tag in self.deliveries.held:
                self.deliveries.settling.add(request.message.delivery_tag)
            acknowledge(request)

        def reject_or_fail(request: Any, requeue: bool = False) -> None:
            tag = request.message.delivery_tag
            delivery = self.deliveries.held.get(tag) if tag in self.deliveries.lost else None
            last = (
                requeue and not request.acknowledged and delivery is not None and last_loss.is_last(delivery)
            )
            text = last_loss.reason(delivery) if delivery is not None else ""
            reject(request, requeue)
            if last:
                last_loss.fail(request, text)

        Request.on_failure, Request.acknowledge = on_failure, acknowledge_or_note
        Request.reject = reject_or_fail

    def _turn(self, asked: Callable[[], None]) -> None:
        """Once in each turn of the consumer's loop, before it fetches."""
        self.health.turned()
        self.waits.in_loop()
        self._note_stop()
        if self._waker is not None:
            self._waker.listen()
        closed = self.gate.turn()
        self.revokes.apply(native.monotonic())
        if self._consumer is not None:
            self.unsettled.settle(self._state, self._consumer)
            self.room.make(self._consumer)
            if self._amqp:
                self._expect_own_connection()
                self._follow_gate()
            if self.fence.take_news():
                self.fence.drop(take_back(self._consumer, self._state, self._was_taken))
            if closed:
                self._hand_back()
        since = self._stopping_since
        if self._cold_code is not None and since is not None and self._may_leave(since):
            self._leave(self._cold_code)
        elif since is None or stopping.is_cold(self._state) or self._may_stop(since):
            asked()

    def _may_stop(self, since: float) -> bool:
        """Whether Celery may be let know of TERM."""
        if self._amqp:  # its loop sends the heartbeats without which a long task is given to another worker
            return not self.tasks.active and not self._reserved() and not self.deliveries.held
        # What a fetch still brings would stay in the socket until the last task has ended.
        return self._may_leave(since)

    def _may_leave(self, since: float) -> bool:
        return not self._fetching() or self._clock() - since >= FETCH_PATIENCE

    def _expect_own_connection(self) -> None:
        """Raises, once, the error that makes Celery connect anew; it asks for more turns on the way there."""
        from amqp.exceptions import RecoverableConnectionError

        task_consumer = self._consumer.task_consumer
        if task_consumer is not self._given_up and amqp_channel.was_replaced(self._consumer):
            self._given_up = task_consumer
            raise RecoverableConnectionError("the consumer's connection was replaced")

    def _keeps_from_fetching(self, channel: Any) -> bool:
        return self.gate.closed and channel is self._channel()

    def _follow_gate(self) -> None:
        """AMQP pushes: a closed gate means no consumers, also of a connection that is made meanwhile."""
        task_consumer = self._consumer.task_consumer
        if task_consumer is None or not task_consumer.channel.is_open:
            return  # also called between two connections
        if self.gate.closed and amqp_channel.consumes(task_consumer):
            task_consumer.cancel()
            self._cancelled = task_consumer
        elif not self.gate.closed and self._cancelled is task_consumer:
            self._cancelled = None
            task_consumer.consume()

    def _hand_back(self) -> None:
        messages = take_back(self._consumer, self._state, self._returnable)
        channel = self._channel()
        if isinstance(getattr(channel, "link", None), Link):
            channel.qos.give_back([message.delivery_tag for message in messages])
            return
        for message in messages:
            message.requeue()

    def _returnable(self, request: Any) -> bool:
        delivery = self.deliveries.held.get(request.message.delivery_tag)
        return delivery is not None and delivery.returnable

    def _was_taken(self, request: Any) -> bool:
        return request.message.delivery_tag in self.deliveries.taken

    def consumer_ready(self, consumer: Any) -> None:
        """The worker fetches from now on."""
        self._consumer = consumer
        self._queues = sorted(fetching.queues_consumed(consumer.task_consumer))
        self._ready_after = self._clock() - self._started
        self.health.consumer_ready(consumer)
        self.unseen.consumer_ready()
        self.notes.extend(self._opted_out(consumer.app))
        if self.settings.pool_type == "prefork":
            keep_running_jobs(consumer.pool)
        if (self.settings.pool_type == "threads" or self._amqp) and sleeps_on(consumer.hub):
            self._waker = Waker(consumer.hub)
        self.link.refusals.running = True
        if consumer.connection.transport.driver_type == "redis":
            self.health.fetch_age = self._fetch_age
            self.link.fetched_at = since = self._clock()
            self.link.may_fetch = lambda: self.revokes.known or self._clock() - since >= REVOKES_PATIENCE
            if (note := redis_channel.note_on(self._channel())) is not None:
                self.notes.append(note)
            self._start(thread := self._redis_thread(consumer.app))
            self.fence.answered = lambda: thread.answered
        elif self._amqp:
            self._start(AmqpThread(self._voice(), consumer.app, wake=self._wake))

    def _opted_out(self, app: Any) -> list[str]:
        if self.settings.acknowledge != "Late":
            return []
        early = sorted(
            name for name, task in app.tasks.items() if not task.acks_late and not name.startswith("celery.")
        )
        return [f"Tasks that set acks_late to False: {', '.join(early)}"] if early else []

    def _redis_thread(self, app: Any) -> RedisThread:
        import redis
        from kombu.utils.json import dumps

        def connect() -> Connection:
            # Through kombu, so that TLS, Sentinel and credentials are whatever the app's are.
            channel = app.connection_for_read().channel()
            return redis.Redis(connection_pool=channel.pool), self.link.names_of(channel), dumps

        return RedisThread(
            self._voice(),
            connect=connect,
            visibility_timeout=self.settings.visibility_timeout,
            deliveries=self.deliveries,
            revokes=self.revokes,
            fence=self.fence,
        )

    def _voice(self) -> Voice:
        return Voice(
            keys=self._keys,
            prefix=self.settings.global_key_prefix or "",
            gate=self.gate,
            signature=self._signature,
            content=lambda: content(self._look()),
            asked_to_stop=self._terminate,
            clock=self._clock,
        )

    def _wake(self) -> None:
        """The consumer's loop comes round; green pools' does every 2 s."""
        if self._consumer.hub is not None:
            self._consumer.hub.call_soon(_nothing)

    def _start(self, thread: BrokerThread) -> None:
        thread.start(timeout=2.0)
        self._thread = thread
        self.health.broker_reachable = lambda: self._clock() - thread.answered < ANSWER_LIMIT

    def _terminate(self) -> None:
        if self._stopping_since is None:
            os.kill(os.getpid(), signal.SIGTERM)

    def shutting_down(self) -> None:
        """The worker stops; called by any thread and in signal handlers, perhaps more than once."""
        if self._stop_noted.acquire(False):
            self._stopping_since = self._clock()
            self.gate.stopping = self.health.stopping = True
            native.start_new_thread(self._end_when_overdue, ())

    def _note_stop(self) -> None:
        if self._stopping_since is None and stopping.is_stopping(self._state, self._controller()):
            self.shutting_down()

    def _controller(self) -> Any:
        return getattr(self._consumer, "controller", None)

    def shut_down(self) -> None:
        """Celery has stopped everything; called more than once."""
        if self._thread is not None:
            self._thread.finish(timeout=self._patience())

    def _patience(self) -> float:
        """Seconds for the last words to the broker."""
        refused = self.link.refusals.since is not None and self.deliveries.unsettled
        return patience(
            stopping_since=self._stopping_since,
            grace_period=self.settings.grace_period,
            refused=refused,
            now=self._clock(),
        )

    def ended(self) -> None:
        """Celery has returned, from whatever end; what is held now no task will settle."""
        self._note_stop()
        if not self.deliveries.unsettled:
            self.shut_down()
            return
        # A thread of the pool might go on with its task, which another worker is given.
        self._leave(stopping.exit_code(self._state, self._controller()))

    def _takes_over_cold(self) -> bool:
        """Leave with what runs going back to its queue, once no fetch can swallow it. The codes are Celery's own."""
        pool_type = self.settings.pool_type
        if self._stopping_since is None or pool_type not in ("gevent", "eventlet", "solo"):
            return False
        if not self.tasks.active:
            return False
        self._cold_code = 1 if pool_type == "gevent" else 0
        if pool_type == "solo" or not self._fetching():
            self._leave(self._cold_code)
        return True

    def _leave(self, code: int) -> None:
        self.link.leaving = True
        if self._thread is not None:
            self._thread.leave(timeout=2.0, before=self._collect_what_has_ended)
        if self._has_children():
            for child in getattr(self._consumer.pool._pool, "_pool", ()):
                os.kill(child.pid, signal.SIGKILL)
        os._exit(code)

    def _end_when_overdue(self) -> None:
        last_active = self._clock()
        while not self._should_leave(last_active):
            if self._busy() or self._patience() > LAST_WORDS:
                last_active = self._clock()
            native.sleep(0.25)
        native.complain("taskfleet: every task has ended but the worker has not; exiting now")
        self._leave(stopping.exit_code(self._state, self._controller()))

    def _should_leave(self, last_active: float) -> bool:
        now, since = self._clock(), self._stopping_since
        if not overdue(stopping_since=since, last_active=last_active, now=now):
            return False
        last = must_leave(stopping_since=since, grace_period=self.settings.grace_period, now=now)
        return last or not self.unseen.works()

    def _collect_what_has_ended(self) -> None:
        if self._has_children():
            read_results(self._consumer.pool)
        self.deliveries.let_go()

    def _busy(self) -> bool:
        unread = len(results_unread(self._consumer.pool)) if self._has_children() else 0
        return max(self.tasks.active, self.jobs.running) > unread

    def _has_children(self) -> bool:
        return self.settings.pool_type == "prefork" and self._consumer is not None

    def _channel(self) -> Any:
        task_consumer = getattr(self._consumer, "task_consumer", None)
        return getattr(task_consumer, "channel", None)

    def _fetching(self) -> bool:
        if self._amqp:
            task_consumer = getattr(self._consumer, "task_consumer", None)
            return task_consumer is not None and amqp_channel.consumes(task_consumer)
        return bool(getattr(self._channel(), "_in_poll", None))

    def _fetch_age(self) -> float | None:
        channel = self._channel()
        wanted = self._consumer.app.amqp.queues.consume_from  # empty: somebody has cancelled every consumer
        if channel is None or self.gate.closed or not wanted or not channel.qos.can_consume():
            return None
        return self._clock() - self.link.fetched_at

    def _tags_that_run_on(self) -> set[str]:
        """Of messages that a lost connection must not give to others: their tasks run on, or have just ended."""
        if self._stopping_since is not None and not self.tasks.active:
            return set(self.deliveries.settling)
        keep = {tag for tag, delivery in list(self.deliveries.held.items()) if delivery.begun}
        for request in list(self._state.reserved_requests):
            # The other pools run what they were handed; prefork drops what it has not sent to a child.
            if self.settings.pool_type != "prefork" or is_with_a_child(request):
                keep.add(request.message.delivery_tag)
        return keep

    def _settle_pending(self) -> None:
        """Before a stopping worker gives back the rest: up to Celery 5.5 green pools leave acknowledgements behind."""
        self.unsettled.settle_ended(self._state)
        if self._stopping_since is not None and self._consumer is not None and not self._consumer.hub:
            self._consumer.perform_pending_operations()

    def _reserved(self) -> int:
        return len(self._state.reserved_requests)

    def _drained(self) -> bool:
        idle = not self.tasks.active and not self._reserved() and not self.deliveries.unsettled
        if self._amqp and keeps_waiting(self._consumer):
            return False  # of a queue with no_ack, which AMQP counts as nobody's
        return self.gate.settled and idle and not self._fetching()

    def _state_name(self) -> str:
        if self._stopping_since is not None:
            return "stopping"
        if self.gate.lease is None:
            return "ready" if self._obstacle() is None else "paused"
        return "drained" if self._drained() else "draining"

    def _signature(self) -> tuple[Any, ...]:
        """What makes a new report worth sending at once; cheap, as it is asked ten times a second."""
        self._note_stop()
        state = self._state_name()
        self.health.drained = state == "drained"
        done = sum(count.done for count in list(self.tasks.queues.values()))
        seen = state, self.gate.lease, self.tasks.active, done, self._reserved(), len(self.deliveries.held)
        return (*seen, self._capacity(), *self._standing())

    def _obstacle(self) -> str | None:
        if self._consumer is None or self.gate.closed:
            return None
        waited_for = self.waits.now(longer_than=NOTABLE)
        if waited_for is not None:
            return f"the worker waits for {waited_for}"
        return fetching.obstacle(self._consumer, self.settings.pool_type)

    def _capacity(self) -> int:
        return fetching.pool_size(self._consumer.pool, self.settings.pool_type)

    def _standing(self) -> list[str]:
        """Sentences about what keeps it from fetching now, while it neither drains nor stops."""
        if self.gate.closed:
            return []
        obstacle = self._obstacle()
        if obstacle is not None:
            return [f"The worker does not fetch: {obstacle}."]
        missing = fetching.missing_queues(self._queues, self._consumer)
        return [f"Queues that remote control cancelled: {', '.join(missing)}."] if missing else []

    def _notes(self) -> list[str]:
        mine = (self.room.note, self.unsettled.note, self.intake.note, self.fence.note)
        others = (*mine, self.revokes.note, self.link.refusals.note)
        return [*self._standing(), *self.notes, *(note for note in others if note)]

    def _look(self) -> Worker:
        active = self.tasks.active
        return Worker(
            state=self._state_name(),
            drain=self.gate.lease,
            active=active,
            prefetched=max(0, self._reserved() - active),
            eta=self.deliveries.waiting_for_eta,
            limited=len(self.deliveries.limited),
            capacity=self._capacity(),
            started_at=self._started_at,
            ready_after=self._ready_after,
            notes=tuple(self._notes()),
            queues=dict(self.tasks.queues),
            held=held_by_queue(self.deliveries.held),
        )


def _nothing() -> None:
    """For a loop that only has to come round."""
