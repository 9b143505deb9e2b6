"""How often brokers are read: those of one tenant for 1.2 % of a core at most, all for 3 %, shared out fairly. Pure."""

from collections import defaultdict
from collections.abc import Hashable, Sequence

_FASTEST_SECONDS = 0.1
_SLOWEST_SECONDS = 0.5  # tasks that arrive do not wait longer for a decision, however many pods report
_SLOWEST_REPORTS_SECONDS = 2.0  # an idle pod says nothing new within that time
_TENANTS_SHARE_OF_A_CORE = 0.012
# More than one tenant can use: a single greedy one takes nothing from the others.
_SHARE_OF_A_CORE = 0.03
# Above this a broker is read less often than tasks would like: it takes from all others.
_MOST_OF_A_CORE = 0.05
_WEIGHT_OF_THE_LAST = 0.3  # one costly reading, as when many pools are decided on, says little of the next


class PollInterval:
    """One for all brokers. A tenant that is cheap to read is read ten times a second, whatever others cost: the share
    of the core is given out from the cheapest to the dearest, and the brokers of one tenant have one share.
    """

    def __init__(self) -> None:
        self._costs: dict[Hashable, dict[Hashable, float]] = defaultdict(dict)  # tenant -> broker -> seconds
        self._pauses: dict[Hashable, float] = {}
        self._news = 0  # since they were worked out

    def spent(self, tenant: Hashable, broker: Hashable, seconds: float) -> None:
        """So much CPU went into a reading of a broker with all its reports."""
        costs = self._costs[tenant]
        before = costs.get(broker, seconds)
        costs[broker] = before + _WEIGHT_OF_THE_LAST * (seconds - before)
        self._news += 1

    def forget(self, tenant: Hashable, broker: Hashable) -> None:
        costs = self._costs.get(tenant, {})
        costs.pop(broker, None)
        if not costs:
            self._costs.pop(tenant, None)
        self._pauses.pop(tenant, None)

    def pause(self, tenant: Hashable) -> float:
        """Seconds from one reading of a tenant's broker to the next."""
        pause = self.reports_pause(tenant)
        return pause if pause > _SLOWEST_REPORTS_SECONDS else min(_SLOWEST_SECONDS, pause)

    def reports_pause(self, tenant: Hashable) -> float:
        """Seconds from one reading of all reports to the next; what waits in the queues costs next to nothing."""
        # Once in a round of all tenants: a thousand of them would spend their time on this.
        if self._news and self._news >= len(self._pauses):
            costs = {each: sum(brokers.values()) for each, brokers in self._costs.items()}
            self._pauses, self._news = _pauses(costs), 0
        return self._pauses.get(tenant, _FASTEST_SECONDS)


def _pauses(costs: dict[Hashable, float]) -> dict[Hashable, float]:
    """The pause of each tenant, by the seconds that reading all of its brokers once costs."""
    share = _fair_share([cost / _FASTEST_SECONDS for cost in costs.values()])
    return {
        tenant: max(
            min(_SLOWEST_REPORTS_SECONDS, max(_FASTEST_SECONDS, cost / share)), cost / _MOST_OF_A_CORE
        )
        for tenant, cost in costs.items()
    }


def _fair_share(wishes: Sequence[float]) -> float:
    """The most that one may have, so that all together have no more than there is: max-min fairness."""
    left, share = _SHARE_OF_A_CORE, _TENANTS_SHARE_OF_A_CORE
    for rank, wanted in enumerate(sorted(min(wanted, _TENANTS_SHARE_OF_A_CORE) for wanted in wishes)):
        share = left / (len(wishes) - rank)
        if wanted > share:
            return share
        left -= wanted
    return _TENANTS_SHARE_OF_A_CORE
