"""Messages in and out of a queue, from looks at what waits and what pods say."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from taskfleet.brokers.polling.broker_snapshot import BrokerSnapshot, LastReport
from taskfleet.brokers.polling.worker_report import Incarnation, QueueWork, Report
from taskfleet.brokers.queues.message_rates import Flows, MessageRates

POD = Incarnation("uid", "pod-1", "s1")


@dataclass
class Looks:
    """A look every second at one queue and one pod."""

    flows: Flows = field(default_factory=Flows)
    now: float = 1000.0
    reports: dict[Incarnation, LastReport] = field(default_factory=dict)

    def report(self, start: Incarnation = POD, **work: Any) -> None:
        self.reports[start] = LastReport(Report("ready", queues={"mails": QueueWork(**work)}), self.now)

    def look(self, waiting: int, *, times: int = 1) -> MessageRates:
        for _ in range(times):
            self.now += 1
            busy = frozenset({"mails"} if waiting else ())
            seen = BrokerSnapshot(self.now, {"mails": (waiting, 0)}, dict(self.reports), busy=busy)
            self.flows.add(seen, {"mails"})
        return self.flows.rates("mails", self.now)

    @property
    def rates(self) -> MessageRates:
        return self.flows.rates("mails", self.now)


@pytest.fixture
def looks() -> Looks:
    """One that has seen an empty queue and an idle pod for a minute."""
    one = Looks()
    one.report(done=100)
    one.look(0, times=60)
    return one


def test_what_comes_and_waits_has_arrived(looks: Looks) -> None:
    assert looks.look(30) == MessageRates(arrival=0.5)


def test_what_was_there_at_the_first_look_has_not_arrived() -> None:
    one = Looks()
    one.report(done=100, held=2)
    assert one.look(500, times=5) == MessageRates()


def test_what_pods_finish_has_left_and_had_arrived(looks: Looks) -> None:
    looks.report(done=160)
    assert looks.look(0) == MessageRates(arrival=1.0, done=1.0)


def test_a_message_on_its_way_through_counts_once(looks: Looks) -> None:
    looks.look(6)
    looks.report(done=100, held=6, active=6)
    looks.look(0)
    looks.report(done=106)
    looks.look(0)
    assert looks.rates == MessageRates(arrival=0.1, done=0.1)


def test_a_rate_is_over_the_last_minute(looks: Looks) -> None:
    looks.look(60)
    assert looks.look(60, times=58).arrival == 1.0
    assert looks.look(60, times=2).arrival == 0.0


def test_a_burst_at_the_first_looks_is_no_stream() -> None:
    one = Looks()
    one.look(0)
    assert one.look(100).arrival == 10.0


def test_what_nobody_of_ours_took_was_taken_by_others(looks: Looks) -> None:
    looks.look(60)
    looks.look(0, times=4)
    assert looks.rates.other == 0.0
    assert looks.look(0) == MessageRates(arrival=1.0, other=1.0)


def test_a_report_that_comes_late_is_nobody_elses_doing(looks: Looks) -> None:
    looks.look(60)
    for _ in range(3):
        looks.look(0)  # fetched, and not told yet
    looks.report(done=100, held=60)
    assert looks.look(0, times=10).other == 0.0


def test_a_task_that_was_acknowledged_early_has_not_been_taken(looks: Looks) -> None:
    looks.look(1)
    looks.report(done=100, active=1, held=0)
    assert looks.look(0, times=20).other == 0.0


def test_a_pod_that_ends_takes_nothing_with_it_that_counts(looks: Looks) -> None:
    looks.report(done=100, held=5)
    looks.look(0)
    looks.reports.clear()
    assert looks.look(0, times=20).other == 0.0
    assert looks.flows.held("mails") == 0


def test_a_new_pod_counts_from_its_start(looks: Looks) -> None:
    looks.report(Incarnation("uid", "pod-2", "s1"), done=60)
    assert looks.look(0).done == 1.0


def test_what_we_purged_was_not_taken(looks: Looks) -> None:
    looks.look(60)
    looks.flows.purged("mails", 60)
    assert looks.look(0, times=20).other == 0.0


def test_an_idle_queue_is_not_looked_at_again(looks: Looks) -> None:
    looks.look(1)
    looks.flows.purged("mails", 1)
    looks.look(0, times=70)
    assert looks.flows.add(BrokerSnapshot(looks.now, {"mails": (0, 0)}, looks.reports), {"mails"}) == set()
