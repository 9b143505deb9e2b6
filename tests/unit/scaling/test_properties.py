"""What holds whatever happens, in whatever order: two pools, shared queues, an operator that comes and goes."""

from dataclasses import replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from taskfleet.scaling.behavior import Rules
from taskfleet.scaling.load import Limits, PodState
from tests.unit.scaling.world import Pod, Pool, World

CALM_SECONDS = 90
pool = st.integers(0, 1)


class Fleets(RuleBasedStateMachine):
    """Chance drives tasks, pods, nodes, the broker, rollouts, users and the operator; the rule must bear it all."""

    @initialize(
        seed=st.integers(0, 10_000),
        capacity=st.integers(1, 3),
        least=st.integers(0, 2),
        keepalive=st.sampled_from([0.0, 1.0, 30.0]),
    )
    def begin(self, seed: int, capacity: int, least: int, keepalive: float) -> None:
        limits = Limits(capacity, least=0, most=6, down=Rules(keepalive))
        high = Pool("a", ("high", "low"), limits)
        low = Pool("b", ("low",), replace(limits, least=least, most=4))
        self.world = World([high, low], seed=seed)

    @rule(rounds=st.integers(1, 12), tasks=st.integers(0, 12), ends=st.sampled_from([0.1, 0.5, 1.0]))
    def life_goes_on(self, rounds: int, tasks: int, ends: float) -> None:
        """Tasks come and end, pods move on by chance, the operator looks twice a second."""
        self.world.queues["low"] += tasks // 2
        self.world.queues["high"] += tasks - tasks // 2
        for _ in range(rounds):
            self.world.live(0.5, ends=ends)
            self._look()

    @rule(seconds=st.sampled_from([1.0, 4.0, 11.0, 40.0]), ends=st.sampled_from([0.0, 0.3, 1.0]))
    def the_operator_is_away(self, seconds: float, ends: float) -> None:
        """Its successor knows nothing but what it sees."""
        for _ in range(int(seconds)):
            self.world.live(1.0, ends=ends)
        self.world.restart_operator()
        self._look()

    @rule(seconds=st.sampled_from([0.5, 3.0, 9.0]))
    def nothing_changes_for_a_while(self, seconds: float) -> None:
        self.world.now += seconds
        self._look()

    @rule(at=st.integers(0, 50), silent=st.booleans())
    def a_pod_falls_silent_or_speaks_again(self, at: int, silent: bool) -> None:
        everyone = self._pods()
        if everyone:
            everyone[at % len(everyone)][1].silent = silent

    @rule(away=st.sampled_from([6.0, 40.0]))
    def draining_pods_hang_and_the_operator_is_away(self, away: float) -> None:
        """Their reports still say what held before; after 30 s they consume again, their marks still on them."""
        for _, pod in self._pods():
            pod.silent = pod.silent or pod.lease is not None
        self.the_operator_is_away(away, 0.3)

    @rule(reachable=st.booleans())
    def the_broker_goes_or_comes(self, reachable: bool) -> None:
        self.world.broker_reachable = reachable

    @rule(at=pool, surge=st.integers(0, 2))
    def a_rollout_begins_or_ends(self, at: int, surge: int) -> None:
        self.world.roll(self.world.pools[at], surge)

    @rule(at=pool, why=st.sampled_from([None, "ImagePullBackOff"]))
    def new_pods_stop_or_start_to_work(self, at: int, why: str | None) -> None:
        self.world.pools[at].cannot_start = why

    @rule(at=pool, surges=st.booleans())
    def pods_grow_old(self, at: int, surges: bool) -> None:
        self.world.pools[at].surges = surges
        for each in self.world.pools[at].pods.values():
            each.old = True

    @rule(nodes=st.booleans())
    def nodes_are_short_or_come(self, nodes: bool) -> None:
        self.world.nodes = nodes

    @rule(at=pool, least=st.integers(0, 3), more=st.integers(0, 6))
    def the_user_sets_other_limits(self, at: int, least: int, more: int) -> None:
        changed = self.world.pools[at]
        changed.limits = replace(changed.limits, least=least, most=least + more)

    @invariant()
    def no_pod_with_work_was_removed(self) -> None:
        assert self.world.wrongly_removed == []

    @invariant()
    def the_check_after_a_shrink_raises_no_false_alarm(self) -> None:
        assert [each.counted for each in self.world.pools] == [[], []]

    def teardown(self) -> None:
        """Peace: nothing is left to do and nobody is silent. Pods without a node never get one."""
        self.world.broker_reachable, self.world.nodes = True, False
        self.world.queues = dict.fromkeys(self.world.queues, 0)
        for each in self.world.pools:
            each.cannot_start = None
            self.world.roll(each, 0)
            for pod in each.pods.values():
                pod.silent = pod.old = False  # its replacement would find no node
        for _ in range(CALM_SECONDS):
            self.world.live(1.0, ends=1.0)
            self._look()
        assert [each.replicas for each in self.world.pools] == [
            each.limits.least for each in self.world.pools
        ]
        assert self.world.wrongly_removed == []

    def _look(self) -> None:
        before = [each.replicas for each in self.world.pools]
        self.world.tick()
        for each, replicas in zip(self.world.pools, before, strict=True):
            self._check_step(each, replicas)
        assert sum(self.world.shares.values()) <= sum(self.world.queues.values())

    def _check_step(self, each: Pool, before: int) -> None:
        assert each.last is not None
        load, verdict, step = each.last
        chosen = {*step.drain, *step.resume, *step.mark, *step.unmark}
        assert chosen <= {pod.name for pod in load.pods}, "a pod is chosen that nobody knows"
        silent = {pod.name for pod in load.of(PodState.CONSUMING) if pod.stale}
        assert not silent & set(step.drain), "a pod is chosen that may be busy"
        if self.world.broker_reachable:
            assert verdict.want is not None
            leaving = len(load.of(PodState.DRAINING) + load.of(PodState.DRAINED))
            more = verdict.recycled is not None
            assert step.replicas <= max(before, verdict.want.pods + leaving, verdict.pods + leaving + more), (
                "it grows without being asked to"
            )
            assert step.replicas <= max(before, each.limits.most + more)
            assert step.replicas >= each.limits.least or each.cannot_start is not None

    def _pods(self) -> list[tuple[Pool, Pod]]:
        return [(each, pod) for each in self.world.pools for pod in each.pods.values()]


Fleets.TestCase.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
TestFleets = Fleets.TestCase
