"""Service time and arrivals, out of counters that begin anew with every start."""

import pytest

from taskfleet.brokers.polling.worker_report import QueueWork, Report
from taskfleet.scaling.task_rates import TaskRates


def report(done: int, busy: float, held: int = 0) -> Report:
    return Report(state="ready", queues={"q": QueueWork(done=done, busy_seconds=busy, held=held)})


def test_service_time_is_the_mean_of_the_last_hundred_tasks() -> None:
    rates = TaskRates()
    rates.add({"a": report(0, 0.0)}, waiting=0, now=0.0)
    rates.add({"a": report(200, 2000.0)}, waiting=0, now=1.0)
    rates.add({"a": report(300, 2200.0)}, waiting=0, now=2.0)
    assert rates.service_time() == pytest.approx(2.0)


def test_a_new_start_counts_from_zero_and_a_lost_one_takes_nothing_back() -> None:
    rates = TaskRates()
    rates.add({"a": report(100, 300.0)}, waiting=0, now=0.0)
    rates.add({"b": report(10, 30.0)}, waiting=0, now=1.0)
    assert rates.service_time() == pytest.approx(3.0)


def test_arrivals_are_growth_plus_what_was_done() -> None:
    rates = TaskRates()
    rates.add({"a": report(0, 0.0)}, waiting=0, now=0.0)
    rates.add({"a": report(30, 30.0, held=10)}, waiting=20, now=10.0)
    assert rates.arrival_rate(10.0) == pytest.approx(6.0)
    assert rates.received_at == 10.0


def test_old_arrivals_are_forgotten_after_a_minute() -> None:
    rates = TaskRates()
    rates.add({}, waiting=0, now=0.0)
    rates.add({}, waiting=60, now=1.0)
    rates.add({}, waiting=60, now=62.0)
    assert rates.arrival_rate(62.0) == 0.0
    assert rates.received_at == 1.0


def test_a_restarted_operator_knows_the_service_time_from_what_pods_have_done() -> None:
    before, after = TaskRates(), TaskRates()
    before.add({"a": report(0, 0.0)}, waiting=0, now=0.0)
    before.add({"a": report(500, 1000.0)}, waiting=0, now=9.0)
    after.add({"a": report(500, 1000.0)}, waiting=0, now=9.0)
    assert after.service_time() == before.service_time() == pytest.approx(2.0)


def test_what_pods_did_before_the_operator_started_gives_way_to_what_they_do() -> None:
    rates = TaskRates()
    rates.add({"a": report(5000, 5000.0)}, waiting=0, now=0.0)
    rates.add({"a": report(5100, 5500.0)}, waiting=0, now=9.0)
    assert rates.service_time() == pytest.approx(5.0)


def test_what_was_done_before_the_first_reading_has_not_arrived_since() -> None:
    rates = TaskRates()
    rates.add({"a": report(5000, 9.0)}, waiting=0, now=0.0)
    assert rates.arrival_rate(1.0) == 0.0
    assert rates.received_at is None


def test_a_burst_in_the_first_second_is_no_rate_of_its_size() -> None:
    rates = TaskRates()
    rates.add({}, waiting=0, now=0.0)
    rates.add({}, waiting=100, now=0.5)
    assert rates.arrival_rate(0.5) == pytest.approx(10.0)


def test_a_reading_without_reports_does_not_count_their_tasks_again() -> None:
    rates = TaskRates()
    rates.add({"a": report(1000, 1000.0)}, waiting=0, now=0.0)
    rates.add({}, waiting=0, now=1.0)
    rates.add({"a": report(1000, 1000.0)}, waiting=0, now=2.0)
    assert rates.arrival_rate(2.0) == 0.0
