"""Messages in the hands of a worker that is killed: given back, executed, in their old place in the line."""

import os
import signal
import time

import pytest

from tests.e2e.containers import container_id, ended, first_process
from tests.e2e.fleet import Fleet
from tests.tools.waiting import wait_for

GIVEN_BACK_WITHIN = 10.0  # seconds after the end of the container
COUNT = 5
SECONDS = 7  # a task that is running must not end while its worker is being killed


def test_what_a_killed_worker_held_is_executed_in_its_old_place(fleet: Fleet) -> None:
    pools = ("killed", "deleted")
    for pool in pools:  # one task that runs and one that waits in the worker
        fleet.pool(pool, queues=[pool], prefetchMultiplier=2)
    fleet.wait_until_ready(*pools)
    fleet.send_to({pool: pool for pool in pools}, count=COUNT, seconds=SECONDS)
    held = {pool: _start_that_holds_two(fleet, pool) for pool in pools}
    processes = {pool: first_process(container_id(fleet.pods(pool)[0])) for pool in pools}
    if processes["killed"] is None:
        pytest.skip("the nodes are not on this machine, so no process of theirs can be killed")

    os.kill(processes["killed"], signal.SIGKILL)  # and the kernel kills its children
    gone = fleet.pods("deleted")[0]["metadata"]["name"]
    fleet.kubectl("delete", "pod", gone, "--grace-period=0", "--force")
    for pool in pools:
        wait_for(lambda pool=pool: ended(processes[pool]), 30, what=f"the end of {pool}'s container")  # type: ignore[misc]
    took = _wait_until_given_back(fleet, held)
    wait_for(
        lambda: set(_busy(fleet).values()) == {"1"}, 30, what="BUSY in `kubectl get workerpools`", poll=0.5
    )

    print(f"given back {took:.1f} s after the last container's end")
    for pool in pools:
        # A pod that is deleted by force still gets TERM and 2 s (kubelet's least): its worker gives back by
        # itself what had not started, which another pod may have begun before the operator gives back the rest.
        _assert_executed_in_order(fleet, pool, together=pool == "killed")
        shown = wait_for(lambda pool=pool: _described(fleet, pool, "Requeued"), 30, poll=1)  # type: ignore[misc]
        assert "Tasks that set acks_late to False: e2e_app.early (1 of 1 pods)" in shown
        assert "MessagesRequeued" in shown


def _start_that_holds_two(fleet: Fleet, pool: str) -> str:
    holding = wait_for(
        lambda: [start for start, count in fleet.held(pool).items() if count == 2], 30, what=f"{pool} holds"
    )
    return holding[0]


def _wait_until_given_back(fleet: Fleet, held: dict[str, str]) -> float:
    since = time.monotonic()
    wait_for(
        lambda: not any(start in fleet.held(pool) for pool, start in held.items()),
        GIVEN_BACK_WITHIN,
        what="messages are given back",
    )
    return time.monotonic() - since


def _assert_executed_in_order(fleet: Fleet, pool: str, *, together: bool) -> None:
    """`together`: both messages went back at once, so one is executed right after the other."""
    marks = fleet.wait_until_done(pool, COUNT)
    (interrupted,) = [task for task, count in marks.started.items() if count != 1]
    assert marks.started[interrupted] == 2, "nothing but what ran when its worker was killed runs twice"
    prefetched = marks.sent[marks.sent.index(interrupted) + 1]
    again = COUNT - marks.order[::-1].index(interrupted)  # one task is in the list twice
    assert not together or marks.order[again + 1] == prefetched
    assert marks.order[-1] == marks.sent[-1], "they went before those that still waited"


def _busy(fleet: Fleet) -> dict[str, str]:
    """The column BUSY by pool."""
    header, *rows = [line.split() for line in fleet.kubectl("get", "workerpools").splitlines()]
    return {row[0]: row[header.index("BUSY")] for row in rows}


def _described(fleet: Fleet, pool: str, field: str) -> str:
    """`kubectl describe`, once it shows a field."""
    shown = fleet.kubectl("describe", "workerpool", pool)
    return shown if f"{field}:" in shown else ""
