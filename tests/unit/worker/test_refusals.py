import pytest
import redis
from redis import exceptions

from taskfleet_worker.patches.redis_client import error_classes, refusing_client
from taskfleet_worker.refusals import MEANINGS, Refusals, code


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


REPLIES = [
    pytest.param(exceptions.ResponseError("NOREPLICAS Not enough good replicas to write."), "NOREPLICAS", id="plain"),
    pytest.param(exceptions.ResponseError("BUSY Redis is busy running a script."), "BUSY", id="busy"),
    pytest.param(exceptions.ResponseError("MISCONF Errors writing to the AOF file: No space"), "MISCONF", id="disk"),
    pytest.param(
        exceptions.ResponseError("UNBLOCKED force unblock from blocking operation, instance state changed"),
        "UNBLOCKED",
        id="unblocked",
    ),
    pytest.param(exceptions.ReadOnlyError("You can't write against a read only replica."), "READONLY", id="replica"),
    pytest.param(exceptions.OutOfMemoryError("command not allowed"), "OOM", id="memory"),
    pytest.param(exceptions.MasterDownError("Link with MASTER is down"), "MASTERDOWN", id="no-master"),
    pytest.param(exceptions.NoPermissionError("this user has no permissions"), "NOPERM", id="rights"),
    pytest.param(
        exceptions.ResponseError("Command # 1 (HSET unacked x : -OOM y) of pipeline caused error: NOREPLICAS Not enough"),
        "NOREPLICAS",
        id="pipeline-with-a-misleading-message",
    ),
    pytest.param(
        exceptions.ExecAbortError("Transaction discarded because of: NOREPLICAS Not enough good replicas"),
        "NOREPLICAS",
        id="transaction",
    ),
    pytest.param(
        exceptions.ResponseError("Error running script (call to f_ab): @user_script:3: @user_script: 3: -MISCONF Redis is"),
        "MISCONF",
        id="script-on-redis-6",
    ),
    pytest.param(exceptions.ResponseError("NOPROTO unsupported protocol version"), None, id="not-curable"),
    pytest.param(exceptions.ResponseError("unknown command 'BRPOP'"), None, id="unknown-command"),
    pytest.param(exceptions.ResponseError("NOPROTO unsupported protocol version"), None, id="protocol"),
]  # fmt: skip


@pytest.mark.parametrize(("error", "expected"), REPLIES)
def test_replies_that_mean_not_now(error: Exception, expected: str | None) -> None:
    assert code(error) == expected
    assert expected is None or expected in MEANINGS


def test_pauses_grow_to_five_seconds_and_end_with_the_refusal() -> None:
    clock = Clock()
    seen = Refusals(clock)
    error = exceptions.ResponseError("NOREPLICAS Not enough good replicas to write.")
    pauses = []
    for _ in range(6):
        assert seen.refused(error)
        start = clock.now
        while seen.paused:
            clock.now += 0.25
        pauses.append(clock.now - start)
    assert pauses == [0.5, 1.0, 2.0, 4.0, 5.0, 5.0]
    seen.accepted()
    assert (
        seen.note == "Redis rejected commands: NOREPLICAS (it has too few replicas). The worker waited 18 s."
    )
    assert not seen.paused


def test_a_missing_right_ends_a_worker_that_never_ran() -> None:
    seen = Refusals(Clock())
    error = exceptions.NoPermissionError("this user has no permissions to run the 'brpop' command")
    assert not seen.refused(error)
    seen.running = True
    assert seen.refused(error)


def test_a_client_of_kombus_says_not_now_as_a_lost_connection() -> None:
    """Celery reconnects for those, and ends for others."""
    clients = refusing_client(redis.Redis, Refusals(Clock()), exceptions)
    client = clients(retry=None)
    client.connection_pool = Answering("NOREPLICAS Not enough good replicas to write.")
    with pytest.raises(exceptions.ConnectionError, match="Redis is not available"):
        client.set("a", "b")
    client.connection_pool = Answering("NOPROTO unsupported protocol version")
    with pytest.raises(exceptions.ResponseError, match="NOPROTO") as raised:
        client.set("a", "b")
    assert not isinstance(raised.value, error_classes(exceptions)[1])


class Answering:
    """A pool that refuses with one text."""

    def __init__(self, text: str) -> None:
        self._text = text

    def get_connection(self, *_: object, **__: object) -> object:
        raise exceptions.ResponseError(self._text)

    def reset(self) -> None: ...
