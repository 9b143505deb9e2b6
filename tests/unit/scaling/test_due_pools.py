"""Which pools a reading is told to."""

from taskfleet.api import Key
from taskfleet.scaling.due_pools import NEVER, NEXT_READING, DuePools

MAIL, SHOP = Key("WorkerPool", "ns", "mail"), Key("WorkerPool", "ns", "shop")


def settled() -> DuePools:
    """Two pools without news, to be looked at again at 60 and 90."""
    attention = DuePools()
    attention.add(MAIL, "mail-uid")
    attention.add(SHOP, "shop-uid")
    attention.looked_at(MAIL, due_at=NEVER, again_at=60.0)
    attention.looked_at(SHOP, due_at=NEVER, again_at=90.0)
    return attention


def test_a_pool_is_looked_at_at_each_reading_until_it_has_settled() -> None:
    attention = DuePools()
    attention.add(MAIL, "mail-uid")
    assert attention.wanted((), now=0.0) == {MAIL}
    attention.looked_at(MAIL, due_at=NEXT_READING, again_at=60.0)
    assert attention.wanted((), now=0.1) == {MAIL}
    attention.looked_at(MAIL, due_at=NEVER, again_at=60.0)
    assert attention.wanted((), now=0.2) == set()


def test_a_pool_with_a_time_of_its_own_is_looked_at_then_and_until_it_has_been() -> None:
    attention = settled()
    attention.looked_at(SHOP, due_at=5.0, again_at=90.0)
    assert (attention.due_at, attention.wanted((), now=4.9)) == (5.0, set())
    assert attention.wanted((), now=5.0) == attention.wanted((), now=5.1) == {SHOP}
    attention.looked_at(SHOP, due_at=NEVER, again_at=90.0)
    assert (attention.due_at, attention.wanted((), now=5.2)) == (NEVER, set())


def test_a_settled_pool_is_looked_at_when_its_pods_have_news_and_when_its_time_has_come() -> None:
    attention = settled()
    assert attention.wanted(("shop-uid", "of-no-pool"), now=1.0) == {SHOP}
    assert attention.wanted((), now=61.0) == {MAIL}
    assert attention.wanted((), now=95.0) == {MAIL, SHOP}


def test_a_pool_can_be_looked_at_sooner() -> None:
    attention = settled()
    assert attention.wanted((), now=1.0) == set()
    attention.look_soon([SHOP])
    assert attention.due_at == NEXT_READING
    assert attention.wanted((), now=1.1) == {SHOP}


def test_a_pool_that_is_gone_is_looked_at_no_more() -> None:
    attention = settled()
    attention.remove(MAIL, "mail-uid")
    assert attention.wanted(("mail-uid",), now=100.0) == {SHOP}
