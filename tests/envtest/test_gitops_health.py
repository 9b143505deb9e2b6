"""Argo CD (with the example's health.lua), kstatus, Flux and `kubectl wait` judge every kind, condition and reason alike."""

import json
import subprocess
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from taskfleet.api import KINDS, Object, reasons
from taskfleet.api.reasons import ConditionType, Reason
from tests.envtest.rules.case import build
from tests.tools.cluster import kubectl, programs
from tests.tools.kube import Kube

HEALTH = Path(__file__).parents[2] / "examples/gitops/argo-cd/health.lua"
DOCUMENT = Path(__file__).parents[2] / "docs/how-to/gitops.md"
# The kind's name ends with what its enum is called: WorkerPool, PoolReason.
REASONS: dict[str, type[StrEnum]] = {
    info.kind: enum
    for info in KINDS
    for name, enum in vars(reasons).items()
    if name != "Reason" and name.endswith("Reason") and info.kind.endswith(name.removesuffix("Reason"))
}
OTHERS = [one for one in ConditionType if one.value not in ("Ready", "Reconciling", "Stalled")]
ALIKE = {"Healthy": "Current", "Progressing": "InProgress", "Degraded": "Failed"}


class State(NamedTuple):
    """What an object's conditions say, and how they are judged. `deciding` has the reason that is tried."""

    said: str
    conditions: dict[str, bool]
    deciding: str
    argo: str
    waited: bool  # whether `kubectl wait --for=condition=Ready` is satisfied
    observed: bool = True  # whether the operator has seen this generation


STATES = (
    State("Ready=True", {"Ready": True, "Reconciling": False, "Stalled": False}, "Ready", "Healthy", waited=True),
    State("Ready=False", {"Ready": False, "Reconciling": False, "Stalled": False}, "Ready", "Progressing", waited=False),
    State(
        "Reconciling=True, Ready=False",
        {"Ready": False, "Reconciling": True, "Stalled": False},
        "Reconciling",
        "Progressing",
        waited=False,
    ),
    State(
        "Reconciling=True, Ready=True",
        {"Ready": True, "Reconciling": True, "Stalled": False},
        "Reconciling",
        "Progressing",
        waited=True,
    ),
    State("Stalled=True", {"Ready": False, "Reconciling": False, "Stalled": True}, "Stalled", "Degraded", waited=False),
    State("changed since the last reconciliation", {"Ready": True}, "Ready", "Progressing", waited=False, observed=False),
)  # fmt: skip


def _condition(kind: str, holds: bool, reason: str, generation: int) -> Object:
    return {
        "type": kind,
        "status": "True" if holds else "False",
        "reason": reason,
        "message": "A sentence.",
        "observedGeneration": generation,
        "lastTransitionTime": "2030-01-01T00:00:00Z",
    }


def _statuses(kind: str, generation: int) -> Iterator[tuple[State, Object]]:
    """Each state with each reason of the kind, and with each of the other conditions true and false."""
    every = [one.value for one in (*Reason, *REASONS[kind])]
    for state in STATES:
        seen = generation if state.observed else generation - 1
        base = {name: _condition(name, holds, "Settled", seen) for name, holds in state.conditions.items()}
        for reason in every:
            decided = {**base[state.deciding], "reason": reason}
            yield state, _status({**base, state.deciding: decided}, seen)
        for other in OTHERS:
            for holds in (True, False):
                yield state, _status({**base, other.value: _condition(other.value, holds, "Any", seen)}, seen)


def _status(conditions: dict[str, Object], generation: int) -> Object:
    return {"observedGeneration": generation, "conditions": list(conditions.values())}


def judge(objects: list[Object]) -> list[dict[str, Any]]:
    """What Argo CD, kstatus and Flux say of each object."""
    result = subprocess.run(
        [str(programs.program("health")), str(HEALTH)],
        input="".join(f"{json.dumps(one)}\n" for one in objects),
        capture_output=True,
        text=True,
        check=True,
    )
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.mark.parametrize("kind", REASONS)
def test_tools_judge_every_state_with_every_reason_alike(kind: str) -> None:
    """The reason never matters, nor does a condition other than Ready, Reconciling and Stalled."""
    cases = list(_statuses(kind, 2))
    metadata = {"name": "a", "namespace": "b", "generation": 2}
    raw = [build(kind, {}) | {"metadata": metadata, "status": status} for _, status in cases]
    for (state, status), found in zip(cases, judge(raw), strict=True):
        judged = found["argo"], found["kstatus"], found["flux"]
        assert judged == (state.argo, ALIKE[state.argo], ALIKE[state.argo]), status


@pytest.mark.parametrize("kind", REASONS)
def test_object_that_the_operator_has_not_seen_is_in_progress(kube: Kube, namespace: str, kind: str) -> None:
    created = kube.create(build(kind, {}, name="new", namespace=namespace))
    (found,) = judge([created])
    assert (found["argo"], found["kstatus"], found["flux"]) == ("Progressing", "InProgress", "InProgress")


@pytest.mark.parametrize("kind", REASONS)
def test_kubectl_wait_is_satisfied_where_the_tools_see_a_healthy_object(
    kube: Kube, kubeconfig: Path, namespace: str, kind: str
) -> None:
    """A pool that is ready while a change is carried out satisfies `kubectl wait` too: its pods work."""
    plural = next(info.plural for info in KINDS if info.kind == kind)
    for number, state in enumerate(STATES):
        created = kube.create(build(kind, {}, name=f"state-{number}", namespace=namespace))
        generation = created["metadata"]["generation"] + (not state.observed)
        conditions = [_condition(*one, "Settled", generation) for one in state.conditions.items()]
        body = {"status": {"observedGeneration": generation, "conditions": conditions}}
        if not state.observed:
            body["status"] = {
                "observedGeneration": generation - 1,
                "conditions": [{**one, "observedGeneration": 0} for one in conditions],
            }
        kube.patch(kind, f"state-{number}", namespace, body, subresource="status")
    waited = kubectl.run(
        kubeconfig,
        "wait",
        "--for=condition=Ready",
        plural,
        "--all",
        f"--namespace={namespace}",
        "--timeout=0s",
    )
    satisfied = {number for number in range(len(STATES)) if f"/state-{number} condition met" in waited.stdout}
    assert satisfied == {number for number, state in enumerate(STATES) if state.waited}


def test_the_table_of_the_documentation_is_this_one() -> None:
    rows = [
        f"| {state.said} | {state.argo} | {ALIKE[state.argo]} | {'satisfied' if state.waited else 'waits'} |"
        for state in STATES
    ]
    assert "\n".join(rows) in DOCUMENT.read_text()
