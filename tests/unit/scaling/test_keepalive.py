"""From when the keepalive counts. Pools are looked at when something changes, so looks can be far apart."""

from dataclasses import replace

from taskfleet.scaling.behavior import Rules
from taskfleet.scaling.load import PodLoad, PodState, PoolLoad
from taskfleet.scaling.sizing import Cause, decide, remember
from tests.unit.scaling.fleet import LIMITS

LIMITS = replace(LIMITS, down=Rules(5.0))


def pool(busy: int, *, size: int = 4, broker_reachable: bool = True) -> PoolLoad:
    pods = tuple(PodLoad(f"p{at}", PodState.CONSUMING, active=int(at < busy)) for at in range(size))
    return PoolLoad(LIMITS, replicas=size, pods=pods, broker_reachable=broker_reachable)


def test_a_want_holds_until_the_look_that_shows_less() -> None:
    _, memory = decide(pool(busy=4), remember(4, 0.0), now=0.0)
    verdict, memory = decide(pool(busy=1), memory, now=9.0)
    assert (verdict.pods, verdict.cause) == (4, Cause.SCALE_DOWN_STABILIZED)
    verdict, _ = decide(pool(busy=1), memory, now=14.0)
    assert verdict.pods == 1


def test_a_broker_that_was_away_for_longer_than_the_keepalive_shrinks_nothing_at_once() -> None:
    _, memory = decide(pool(busy=4), remember(4, 0.0), now=0.0)
    _, memory = decide(pool(busy=0, broker_reachable=False), memory, now=60.0)
    verdict, _ = decide(pool(busy=1), memory, now=61.0)
    assert (verdict.pods, verdict.cause) == (4, Cause.SCALE_DOWN_STABILIZED)


def test_readings_that_change_nothing_do_not_change_when_it_shrinks() -> None:
    _, often = decide(pool(busy=4), remember(4, 0.0), now=0.0)
    seldom = often
    for second in range(1, 9):
        _, often = decide(pool(busy=4), often, now=float(second))
    for now in (9.0, 12.0, 13.9, 14.0, 20.0):
        (a, often), (b, seldom) = decide(pool(busy=2), often, now), decide(pool(busy=2), seldom, now)
        assert a == b
