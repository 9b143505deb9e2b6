"""What a reading of a broker says, and when a pod counts as silent."""

import json

from taskfleet.brokers.key_layout import Layout
from taskfleet.brokers.polling.broker_snapshot import (
    BrokerSnapshot,
    Query,
    at_once,
    observe,
    observing_depths,
    resumed,
    unchanged,
)
from taskfleet.brokers.polling.worker_report import Incarnation

LAYOUT = Layout(prefix="app:", reports="taskfleet:c:ns:reports")
QUERY = Query(LAYOUT, ("high", "low"))
POD = Incarnation("uid", "pod-1", "s1")


def report(seq: int, active: int = 0) -> bytes:
    return json.dumps({"v": 1, "seq": seq, "state": "running", "active": active}).encode()


def reading(before: BrokerSnapshot | None, now: float, value: bytes) -> BrokerSnapshot:
    return observe(QUERY, [1, 0, 2, 0, 0, 0, 0, 0, 9, 4, [b"uid/pod-1/s1", value]], before, now=now)


def test_a_queue_counts_on_all_its_priority_lists() -> None:
    assert LAYOUT.lists("high") == ["app:high", "app:high\x06\x163", "app:high\x06\x166", "app:high\x06\x169"]
    seen = reading(None, 0.0, report(1))
    assert (seen.waiting["high"], seen.total("high"), seen.total("low"), seen.total("none")) == (
        (1, 0, 2, 0),
        3,
        9,
        0,
    )


def test_messages_that_were_set_aside_are_counted_apart() -> None:
    assert reading(None, 0.0, report(1)).dead_letters == {"low": 4}


def test_a_pod_is_silent_when_its_number_stands_still_for_ten_seconds() -> None:
    seen = reading(None, 0.0, report(1))
    for second in range(1, 11):
        seen = reading(seen, float(second), report(1))
    assert not seen.reports[POD].stale(10.0)
    assert seen.reports[POD].stale(10.1)
    assert not reading(seen, 10.2, report(2)).reports[POD].stale(10.2)


def test_a_reading_without_news_does_not_make_a_pod_fresh() -> None:
    seen = unchanged(reading(None, 0.0, report(1)), now=11.0)
    assert seen.reports[POD].stale(seen.at)


def test_a_number_that_goes_back_is_no_sign_of_life() -> None:
    seen = reading(reading(None, 0.0, report(5)), 20.0, report(4, active=1))
    assert seen.reports[POD].stale(20.0)


def test_a_report_that_turns_to_garbage_keeps_the_last_good_one() -> None:
    seen = reading(reading(None, 0.0, report(1, active=3)), 1.0, b"garbage")
    assert seen.reports[POD].report.active == 3


def test_a_removed_report_is_forgotten() -> None:
    seen = observe(QUERY, [0] * 10 + [[]], reading(None, 0.0, report(1)), now=1.0)
    assert seen.reports == {}


def test_a_pool_is_told_of_what_its_pods_say_anew_and_of_their_silence() -> None:
    seen = reading(None, 0.0, report(1))
    assert seen.changed == {"uid"}
    seen = reading(seen, 1.0, report(2))
    assert seen.changed == frozenset(), "an idle pod only counts on"
    seen = reading(seen, 2.0, report(3, active=1))
    assert seen.changed == {"uid"}
    seen = unchanged(seen, now=12.0)
    assert seen.changed == frozenset()
    seen = unchanged(seen, now=12.1)
    assert seen.changed == {"uid"}, "it has fallen silent"
    seen = reading(seen, 13.0, report(4, active=1))
    assert seen.changed == {"uid"}, "it speaks again"
    assert observe(QUERY, [0] * 10 + [[]], seen, now=14.0).changed == {"uid"}, "it has gone"


def test_a_reading_of_queues_alone_keeps_the_reports_and_sees_them_grow_old() -> None:
    seen = observe(QUERY, [0] * 10, reading(None, 0.0, report(1, active=2)), now=9.0)
    assert (seen.total("high"), seen.reports[POD].report.active, seen.reports_read) == (0, 2, False)
    assert seen.changed == frozenset()
    seen = observe(QUERY, [3] + [0] * 9, seen, now=10.5)
    assert seen.busy == {"high"}
    assert seen.changed == {"uid"}
    assert reading(seen, 11.0, report(2)).reports_read


def test_while_a_broker_was_away_no_pod_fell_silent() -> None:
    seen = resumed(reading(None, 0.0, report(1)), now=60.0)
    seen = reading(seen, 60.1, report(1))
    assert not seen.reports[POD].stale(70.0)
    assert seen.reports[POD].stale(70.1)


def test_a_pod_that_was_silent_before_the_broker_went_away_is_so_afterwards() -> None:
    silent = unchanged(reading(None, 0.0, report(1)), now=11.0)
    assert resumed(silent, now=60.0).reports[POD].stale(60.0)


def test_a_pod_that_was_silent_for_long_is_so_anew_after_the_broker_was_away() -> None:
    silent = unchanged(reading(None, 0.0, report(1)), now=119.0)
    assert 200.0 - resumed(silent, now=200.0).reports[POD].moved_at == 11.0


def test_a_broker_of_one_list_a_queue_is_seen_with_its_consumers_and_reports() -> None:
    query = Query(Layout(prefix="", reports="r"), ("mail", "none"))
    report = json.dumps({"seq": 1, "v": 1, "state": "ready", "active": 1}).encode()
    seen = at_once(observing_depths(query, {"mail": (3, 2)}, {b"uid/pod/s": report}, None, now=5.0))
    assert (seen.total("mail"), seen.total("none"), seen.busy) == (3, 0, frozenset({"mail"}))
    assert seen.consumers == {"mail": 2}
    assert seen.reports_of("uid")["pod"].report.active == 1
    assert seen.changed == {"uid"}
    again = at_once(observing_depths(query, {"mail": (3, 2)}, {b"uid/pod/s": report}, seen, now=6.0))
    assert (again.lengths == seen.lengths, again.changed) == (True, frozenset())
    assert again.reports_of("uid")["pod"].moved_at == 5.0
