"""What a user sees when a pool cannot start: the condition, in the words of whoever knows."""

import time
from collections.abc import Mapping
from typing import Any

from tests.e2e.fleet import Fleet
from tests.envtest.conditions import wait_for_condition, warnings_of

SECONDS = 30


def test_a_pool_that_cannot_start_says_why(fleet: Fleet, images: Mapping[str, str]) -> None:
    broken: dict[str, dict[str, Any]] = {
        "pulls": {"image": "registry.invalid/nothing:1"},
        "needs": {"envFrom": [{"secretRef": {"name": "not-there"}}]},
        "roots": {"image": images["runs-as-root"]},
        "imports": {"app": "not_there"},
    }
    pools = {name: fleet.pool(name, **spec) for name, spec in broken.items()}
    applied = time.monotonic()

    def says(name: str, reason: str, text: str, *, stalled: str = "False") -> None:
        left = applied + SECONDS - time.monotonic()
        wait_for_condition(fleet.kube, pools[name], "Ready", "False", reason, saying=text, timeout=left)
        wait_for_condition(fleet.kube, pools[name], "Stalled", stalled, timeout=SECONDS)
        print(f"{reason} after {time.monotonic() - applied:.1f} s")

    says("needs", "SecretMissing", 'secret "not-there" not found. Create the object')
    says("roots", "ImageRunsAsRoot", "runAsUser", stalled="True")
    says("imports", "AppFailed", "ModuleNotFoundError: No module named 'not_there'")
    says("pulls", "ImagePullFailed", "cannot pull image 'registry.invalid/nothing:1'")


def test_a_start_without_trouble_warns_of_nothing(fleet: Fleet) -> None:
    pool = fleet.pool("shop", replicas=2)
    fleet.wait_until_ready("shop")
    live = fleet.kube.get("WorkerPool", "shop", fleet.namespace) or pool
    broker = fleet.kube.get("Broker", "default", fleet.namespace) or {}
    assert warnings_of(fleet.kube, live) == []
    assert warnings_of(fleet.kube, broker) == []
    assert broker["status"]["version"]


def test_a_repaired_pool_becomes_ready(fleet: Fleet) -> None:
    pool = fleet.pool("shop", app="not_there")
    wait_for_condition(fleet.kube, pool, "Ready", "False", "AppFailed", timeout=SECONDS)
    fleet.pool("shop")
    fleet.wait_until_ready("shop")
