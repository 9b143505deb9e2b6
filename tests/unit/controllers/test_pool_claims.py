"""Claims that only one node mounts: which are read, and when a rollout may wait for one for ever."""

from typing import Any

import pytest

from taskfleet.api import Object, WorkerPool
from taskfleet.controllers.pool_claims import claims_to_read, single_node_mode, volumes_shared
from tests.unit.objects import pool

ONCE = {"media": "ReadWriteOnce"}
RECREATE: Object = {"type": "Recreate"}
OLD_FIRST: Object = {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}


def pool_with(*claims: str, **spec: Any) -> WorkerPool:
    volumes = [
        {"name": f"v{at}", "persistentVolumeClaim": {"claimName": one}} for at, one in enumerate(claims)
    ]
    volumes.append({"name": "cache", "emptyDir": {}})
    return WorkerPool.parse(pool(template={"spec": {"volumes": volumes}}, **spec))


def claim(*wanted: str, bound: tuple[str, ...] = ()) -> Object:
    return {"spec": {"accessModes": list(wanted)}, "status": {"accessModes": list(bound)} if bound else {}}


@pytest.mark.parametrize(
    ("found", "mode"),
    [
        pytest.param(claim("ReadWriteOnce"), "ReadWriteOnce", id="one-node"),
        pytest.param(claim("ReadWriteOncePod"), "ReadWriteOncePod", id="one-pod"),
        pytest.param(claim("ReadWriteMany"), None, id="many-nodes"),
        pytest.param(claim("ReadOnlyMany"), None, id="many-read"),
        pytest.param(claim("ReadWriteOnce", "ReadWriteMany"), None, id="either"),
        pytest.param(
            claim("ReadWriteOnce", bound=("ReadWriteOnce", "ReadWriteMany")),
            None,
            id="its-volume-offers-more",
        ),
        pytest.param(None, None, id="there-is-none"),
        pytest.param(claim(), None, id="it-says-nothing"),
    ],
)
def test_what_keeps_a_claim_on_one_node(found: Object | None, mode: str | None) -> None:
    assert single_node_mode(found) == mode


def test_a_rollout_that_starts_new_pods_first_is_told_what_to_do() -> None:
    (told,) = volumes_shared(pool_with("media", "shared"), ONCE)
    assert (told["type"], told["status"], told["reason"]) == ("VolumesShared", "False", "SingleNodeClaim")
    assert told["message"] == (
        "Only one node at a time can mount claim 'media' (ReadWriteOnce). A rollout starts new pods before old ones "
        "stop, and a new pod on another node cannot start while an old one runs. Set spec.strategy.type to Recreate, "
        "or use a claim with access mode ReadWriteMany."
    )


def test_a_claim_of_one_pod_holds_on_the_same_node_too() -> None:
    (told,) = volumes_shared(pool_with("media"), {"media": "ReadWriteOncePod"})
    assert "Only one pod at a time" in told["message"]
    assert "a new pod cannot start" in told["message"]


@pytest.mark.parametrize("strategy", [RECREATE, OLD_FIRST], ids=["recreate", "old-pods-first"])
def test_a_rollout_that_stops_old_pods_first_is_fine(strategy: Object) -> None:
    assert volumes_shared(pool_with("media", strategy=strategy), ONCE) == []
    assert claims_to_read(pool_with("media", strategy=strategy)) == []


def test_a_beat_with_the_pools_template_needs_to_know_its_claims() -> None:
    assert claims_to_read(pool_with("media", strategy=RECREATE, beat={})) == ["media"]
    own = {"template": {"spec": {"priorityClassName": "low"}}}
    assert claims_to_read(pool_with("media", strategy=RECREATE, beat=own)) == []


def test_what_cannot_be_a_name_is_not_read() -> None:
    assert claims_to_read(pool_with("../../other/secrets/x", "media", "media")) == ["media"]


@pytest.mark.parametrize(
    "template",
    [
        {"spec": None},
        {"spec": {"volumes": {"a": 1}}},
        {"spec": {"volumes": ["a", {"name": 1, "persistentVolumeClaim": {"claimName": "media"}}]}},
        {"spec": {"volumes": [{"name": "a", "persistentVolumeClaim": "media"}]}},
    ],
    ids=str,
)
def test_a_template_of_another_shape_names_no_claim(template: Object) -> None:
    assert claims_to_read(WorkerPool.parse(pool(template=template))) == []
