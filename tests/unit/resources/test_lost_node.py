"""How long a beat stays on a lost node."""

import pytest

from taskfleet.api import Object
from taskfleet.resources.lost_node import with_prompt_eviction

NOT_READY, UNREACHABLE = "node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"


def seconds(*given: Object) -> dict[str, int | None]:
    template = with_prompt_eviction({"spec": {"tolerations": list(given)} if given else {}})
    return {one.get("key", ""): one.get("tolerationSeconds") for one in template["spec"]["tolerations"]}


def test_a_minute_where_the_user_says_nothing() -> None:
    assert seconds() == {NOT_READY: 60, UNREACHABLE: 60}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param(
            {"key": UNREACHABLE, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 600},
            {UNREACHABLE: 600, NOT_READY: 60},
            id="seconds-of-the-user",
        ),
        pytest.param(
            {"key": UNREACHABLE, "operator": "Exists"}, {UNREACHABLE: None, NOT_READY: 60}, id="every-effect"
        ),
        pytest.param({"operator": "Exists"}, {"": None}, id="every-taint"),
        pytest.param(
            {"key": UNREACHABLE, "operator": "Exists", "effect": "NoSchedule"},
            {UNREACHABLE: 60, NOT_READY: 60},
            id="another-effect",
        ),
        pytest.param(
            {"key": "spot", "operator": "Exists", "effect": "NoExecute"},
            {"spot": None, UNREACHABLE: 60, NOT_READY: 60},
            id="another-taint",
        ),
    ],
)
def test_what_the_user_says_stays(given: Object, expected: dict[str, int | None]) -> None:
    assert seconds(given) == expected
