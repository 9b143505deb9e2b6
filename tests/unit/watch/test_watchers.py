"""A stand-in for kopf that starts watchers as kopf names them."""

import asyncio
import threading
from contextlib import suppress

import pytest

from taskfleet.watch.watchers import WatchersEndedError, while_all_run
from tests.tools.virtual_time import run, virtual_loop

KINDS = ("pods.v1@a", "deployments.v1.apps@a")


class FakeKopf:
    def __init__(self, *kinds: str) -> None:
        self.kinds = kinds
        self.watchers: dict[str, asyncio.Task[None]] = {}
        self.cancelled = False

    async def run(self) -> None:
        for kind in self.kinds:
            self.watchers[kind] = asyncio.create_task(asyncio.sleep(1e6), name=f"watcher for {kind}")
        try:
            await asyncio.sleep(1e6)
        finally:
            self.cancelled = True
            for watcher in self.watchers.values():
                watcher.cancel()

    def fail(self, kind: str) -> None:
        self.watchers[kind].cancel()


def test_stop_ends_kopf_without_an_error() -> None:
    async def story() -> None:
        stop, kopf = threading.Event(), FakeKopf(*KINDS)
        virtual_loop().call_later(100, stop.set)
        await while_all_run(kopf.run(), expected=2, stop=stop)
        assert kopf.cancelled
        assert 100 <= virtual_loop().time() < 101

    run(story())


def test_watcher_that_ends_is_named_and_kopf_is_ended() -> None:
    async def story() -> None:
        kopf = FakeKopf(*KINDS)
        virtual_loop().call_later(100, kopf.fail, "pods.v1@a")
        with pytest.raises(WatchersEndedError, match=r"^stopped: pods\.v1@a$"):
            await while_all_run(kopf.run(), expected=2, stop=threading.Event())
        assert kopf.cancelled
        assert 100 <= virtual_loop().time() < 101

    run(story())


def test_watcher_that_outlives_being_cancelled_is_cancelled_until_it_ends() -> None:
    class StubbornKopf(FakeKopf):
        async def run(self) -> None:
            watcher = asyncio.create_task(self._watch(), name="watcher for pods.v1@a")
            try:
                await asyncio.sleep(1e6)
            finally:
                watcher.cancel()
                await asyncio.wait({watcher})

        async def _watch(self) -> None:
            for _ in range(3):
                with suppress(asyncio.CancelledError):
                    await asyncio.sleep(1e6)

    async def story() -> None:
        stop = threading.Event()
        virtual_loop().call_later(100, stop.set)
        await while_all_run(StubbornKopf().run(), expected=1, stop=stop)
        assert virtual_loop().time() < 105

    run(story())


def test_watcher_that_does_not_start_is_noticed() -> None:
    async def story() -> None:
        with pytest.raises(WatchersEndedError, match=r"only 1 of 2 have started: pods\.v1@a"):
            await while_all_run(FakeKopf("pods.v1@a").run(), expected=2, stop=threading.Event())
        assert 30 <= virtual_loop().time() < 31

    run(story())


def test_error_of_kopf_comes_out() -> None:
    async def failing() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run(while_all_run(failing(), expected=2, stop=threading.Event()))


def test_kopf_that_ends_by_itself_is_an_error() -> None:
    with pytest.raises(WatchersEndedError, match="kopf has stopped"):
        run(while_all_run(asyncio.sleep(1), expected=2, stop=threading.Event()))
