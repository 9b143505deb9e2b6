"""Mutations on living objects, many at once: each beside a fresh object of the same spec, and taken back again."""

import json
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import count

import redis

from taskfleet.api import Object
from tests.envtest.mutations.mutation import Mutation
from tests.envtest.operator_process import OperatorProcess
from tests.envtest.proxy import Proxy
from tests.envtest.rules.case import valid_spec
from tests.envtest.states import Owner, State, difference, states
from tests.tools.kube import Kube, RefusedError
from tests.tools.waiting import wait_for

_CONVERGES_SECONDS = 40.0
_REST_SECONDS = 3.0  # several rechecks and resyncs of the operator
_REST_WINDOWS = 6  # counters may follow for some seconds, but not in each of these
_CALLERS = 8
_LASTS_SECONDS = 6.0  # longer than a connection to a server that is not there is tried
# Refused on a living object by a rule of its own, with the field's name.
_FIXED = ("redis.storage", "queueName")


@dataclass
class Subject:
    """An object with its mutation, and what was found wrong."""

    name: str
    mutation: Mutation
    before: State | None = None
    changed: bool = False  # the API server let the mutation in
    problems: list[str] = field(default_factory=list)

    @property
    def owner(self) -> Owner:
        return self.mutation.of.kind, self.name

    def build(self, spec: Object, namespace: str) -> Object:
        # One beat an app.
        own = {"app": self.name} if spec.get("app") == valid_spec("WorkerPool")["app"] else {}
        metadata = {"name": self.name, "namespace": namespace}
        spec = {**spec, **own}
        return {
            "apiVersion": "taskfleet.dev/v1alpha1",
            "kind": self.owner[0],
            "metadata": metadata,
            "spec": spec,
        }

    def names_it(self, text: str) -> bool:
        """Whether a sentence tells which property is meant: by its own name, or that of what it belongs to."""
        return any(part.strip("[]{}") in text for part in self.mutation.of.path.split(".")[-2:])


class Trial:
    """`living` and `fresh` are two namespaces in which everything that specs refer to is the same."""

    def __init__(
        self,
        kube: Kube,
        proxy: Proxy,
        operator: OperatorProcess,
        store: redis.Redis,
        *,
        living: str,
        fresh: str,
    ) -> None:
        self._kube, self._proxy, self._operator, self._store = kube, proxy, operator, store
        self._living, self._fresh = living, fresh
        self._names = (f"m{number}" for number in count())  # of one batch after another

    def run(self, mutations: Iterable[Mutation]) -> list[str]:
        """What is wrong, a line each."""
        subjects = [Subject(next(self._names), mutation) for mutation in mutations]
        log_before = len(self._operator.log())
        self._begin(subjects)
        self._mutate(subjects)
        changed = [subject for subject in subjects if subject.changed]
        self._compare_with_fresh(changed)
        self._rest(changed)
        self._revert(changed)
        self._end(subjects)
        log = self._operator.log()[log_before:]
        bugs = [f"the operator's log: {part[-600:]}" for part in log.split("Traceback")[:-1]]
        return [f"{one.mutation}: {problem}" for one in subjects for problem in one.problems] + bugs

    def _begin(self, subjects: list[Subject]) -> None:
        self._each(subjects, lambda one: self._apply(one, one.mutation.before, self._living))
        self._quiet()
        seen = self._lasting_states()
        for one in subjects:
            one.before = seen[one.owner]
            if not one.before.settled:
                one.problems.append(f"does not settle before: {one.before.conditions}")

    def _lasting_states(self) -> dict[Owner, State]:
        """What holds for some seconds: a first look at a server is a state that passes."""
        seen: dict[Owner, State] = {}

        def lasts() -> bool:
            nonlocal seen
            before, seen = seen, self._states(self._living)
            return before == seen

        wait_for(lasts, _CONVERGES_SECONDS, what="states that last", poll=_LASTS_SECONDS)
        return seen

    def _mutate(self, subjects: list[Subject]) -> None:
        def mutate(one: Subject) -> None:
            refusal = self._apply(one, one.mutation.after, self._living)
            one.changed = refusal is None
            if refusal is not None:
                one.problems += _wrong_refusal(one, refusal)
            elif (refusal := self._apply(one, one.mutation.after, self._fresh)) is not None:
                # An apply that empties a map leaves null, which is nothing; an empty map may be refused.
                one.problems += (
                    [] if one.mutation.title == "removed" else [f"refused for a fresh one only: {refusal}"]
                )
                one.changed = False

        self._each(subjects, mutate)

    def _compare_with_fresh(self, subjects: list[Subject]) -> None:
        def wrong() -> dict[str, str]:
            living, fresh = self._states(self._living), self._states(self._fresh)
            pairs = ((one, living[one.owner], fresh.get(one.owner)) for one in subjects)
            return {one.name: problem for one, a, b in pairs if (problem := _not_as(a, b, "a fresh one"))}

        self._note(subjects, self._until_none(wrong))
        seen = self._states(self._living)
        for one in subjects:
            status, reason, message = seen[one.owner].says("Stalled")
            if status == "True" and not one.names_it(message):
                one.problems.append(f"{reason} without the field's name: {message}")
            elif (
                not one.mutation.valid
                and status != "True"
                and not one.names_it(seen[one.owner].says("Ready")[2])
            ):
                one.problems.append(
                    f"let in, and nothing says that it is wrong: {seen[one.owner].conditions}"
                )

    def _rest(self, subjects: list[Subject]) -> None:
        """Nothing is written about an object in every window of some seconds."""
        writers: set[tuple[str, str]] | None = None
        for _ in range(_REST_WINDOWS):
            since = len(self._proxy.calls)
            resyncs = self._resyncs()
            wait_for(lambda before=resyncs: self._resyncs() >= before + _REST_SECONDS, 60, what="resyncs")  # type: ignore[misc]
            seen = {(call.namespace, call.name) for call in self._proxy.writes(since)}
            writers = seen if writers is None else writers & seen
            if not writers:
                return
        for namespace, name in writers or ():
            for one in subjects:
                if namespace in (self._living, self._fresh) and name.split("-")[0] == one.name:
                    one.problems.append(f"{name} is written at rest")

    def _revert(self, subjects: list[Subject]) -> None:
        def revert(one: Subject) -> None:
            if (refusal := self._apply(one, one.mutation.before, self._living)) is not None:
                one.changed = False
                if not one.mutation.of.path.startswith(_FIXED):
                    one.problems.append(f"cannot be taken back: {refusal}")

        def wrong() -> dict[str, str]:
            living = self._states(self._living)
            pairs = ((one, living[one.owner]) for one in subjects if one.changed)
            return {
                one.name: text
                for one, now in pairs
                if (text := _not_as(_known(now, one.before), one.before, "before"))
            }

        self._each(subjects, revert)
        self._note(subjects, self._until_none(wrong))

    def _end(self, subjects: list[Subject]) -> None:
        def end(one: Subject) -> None:
            for namespace in (self._living, self._fresh):
                self._kube.delete(*one.owner, namespace)

        self._each(subjects, end)

    def _states(self, namespace: str) -> dict[Owner, State]:
        found = states(self._kube, namespace)
        for key in self._store.keys(f"taskfleet:*:{namespace}:schedules"):
            for text in self._store.hvals(key):
                entry = json.loads(text)
                owner, known = ("PeriodicSchedule", entry["name"]), ("v", "name")
                plain = {name: value for name, value in entry.items() if name not in ("since", *known)}
                plain["schedule"] = {**entry["schedule"], "anchor": None}  # when the object was made
                if owner in found:
                    found[owner] = replace(found[owner], children={"entry": plain})
        return found

    def _apply(self, one: Subject, spec: Object, namespace: str) -> str | None:
        """The API server's sentence where it refuses."""
        try:
            self._kube.apply(one.build(spec, namespace))
        except RefusedError as error:
            return error.message
        return None

    def _each(self, subjects: list[Subject], does: Callable[[Subject], object]) -> None:
        with ThreadPoolExecutor(_CALLERS) as callers:
            list(callers.map(does, subjects))

    def _until_none(self, wrong: Callable[[], dict[str, str]]) -> dict[str, str]:
        """What is still wrong when waiting has no more use, by the object's name."""
        found: dict[str, str] = {}

        def none() -> bool:
            nonlocal found
            found = wrong()
            return not found

        try:
            wait_for(none, _CONVERGES_SECONDS, what="all as they should be", poll=0.5)
        except AssertionError:
            return found
        return {}

    def _note(self, subjects: list[Subject], found: dict[str, str]) -> None:
        for one in subjects:
            if one.name in found:
                one.problems.append(found[one.name])

    def _quiet(self) -> None:
        """Return when nothing has been written for a while."""
        seen = -1

        def unchanged() -> bool:
            nonlocal seen
            before, seen = seen, len(self._proxy.writes())
            return before == seen

        wait_for(unchanged, _CONVERGES_SECONDS, what="quiet", poll=1.5)

    def _resyncs(self) -> int:
        return sum(call.verb == "list" and call.resource == "workerpools" for call in self._proxy.calls)


def _wrong_refusal(one: Subject, refusal: str) -> list[str]:
    if not one.names_it(refusal):
        return [f"refused without the field's name: {refusal}"]
    expected = not one.mutation.valid or one.mutation.of.path.startswith(_FIXED) or "exactly one" in refusal
    return [] if expected else [f"refused though valid: {refusal}"]


def _known(now: State, before: State | None) -> State:
    """Without the conditions that came later: a broker is looked at closely only now and then."""
    return replace(
        now,
        conditions={
            kind: now.conditions[kind] for kind in now.conditions if before and kind in before.conditions
        },
    )


def _comparable(state: State) -> dict[str, tuple[str, str, str]]:
    """The conditions, but for what is otherwise on a control plane alone, and what a stalled object keeps.

    Pods report nothing there, so that they count as busy: a pool that had one keeps it. Claims are not bound, so that
    none can be resized.
    """
    if state.says("Stalled")[0] == "True":  # its beat is that of before
        return {kind: told for kind, told in state.conditions.items() if kind != "BeatReady"}
    if "cannot be resized" in state.says("Reconciling")[2]:
        return {**state.conditions, "Reconciling": ("False", "Settled", "Up to date.")}
    if state.says("Ready")[1] in ("Available", "ScaledToZero"):
        same = dict.fromkeys(("Ready", "ScalingActive"), ("True", "", ""))
        return {**state.conditions, **same}
    return state.conditions


def _not_as(living: State, other: State | None, whom: str) -> str | None:
    """How the living object differs; one that is stalled or has lost its Broker keeps the children that it had."""
    if other is None:
        return f"there is nothing like {whom}"
    if not living.settled:
        return f"does not settle: {living.conditions}"
    if (found := difference(_comparable(living), _comparable(other))) is not None:
        return f"says otherwise than {whom}: {found}"
    if living.says("Stalled")[0] == "True" or living.says("Ready")[1] == "BrokerMissing":
        return None
    found = difference(living.children, other.children)
    return None if found is None else f"has not the children of {whom}: {found}"
