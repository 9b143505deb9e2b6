"""What a user sees when a pool cannot start: the condition, in the words of whoever knows."""

from collections.abc import Mapping
from typing import Any

from tests.e2e.fleet import Fleet
from tests.envtest.conditions import wait_for_condition

SECONDS = 30


def test_a_pool_that_cannot_start_says_why(fleet: Fleet, images: Mapping[str, str]) -> None:
    broken: dict[str, dict[str, Any]] = {
        "pulls": {"image": "registry.invalid/nothing:1"},
        "needs": {"envFrom": [{"secretRef": {"name": "not-there"}}]},
        "roots": {"image": images["runs-as-root"]},
        "imports": {"app": "not_there"},
    }
    pools = {name: fleet.pool(name, **spec) for name, spec in broken.items()}

    def says(name: str, reason: str, text: str, *, stalled: str = "False") -> None:
        wait_for_condition(fleet.kube, pools[name], "Ready", "False", reason, saying=text, timeout=SECONDS)
        wait_for_condition(fleet.kube, pools[name], "Stalled", stalled, timeout=SECONDS)

    says("pulls", "ImagePullFailed", "registry.invalid/nothing:1")
    says("needs", "SecretMissing", "not-there")
    says("roots", "ImageRunsAsRoot", "runAsUser", stalled="True")
    says("imports", "AppFailed", "not_there")


def test_a_repaired_pool_becomes_ready(fleet: Fleet) -> None:
    pool = fleet.pool("shop", app="not_there")
    wait_for_condition(fleet.kube, pool, "Ready", "False", "AppFailed", timeout=SECONDS)
    fleet.pool("shop")
    fleet.wait_until_ready("shop")
