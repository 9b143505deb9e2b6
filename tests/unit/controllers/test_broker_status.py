"""From what was seen of a Broker to its status."""

from datetime import UTC, datetime
from typing import Any

import pytest

from taskfleet.api import Broker, Object
from taskfleet.api.reasons import BrokerReason, PoolReason, Reason
from taskfleet.brokers.probe import Probe, Verdict
from taskfleet.controllers.broker_status import BrokerSeen, broker_status
from tests.unit.objects import broker, of_type, pod

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
MIB = 2**20
ENDPOINT = "default-broker.shop.svc:6379"
ANSWERS = Probe(Verdict.ANSWERS, version="7.2.4", used_memory=1258291, max_memory=256 * MIB, clients=4)
AWAY = Probe(Verdict.UNREACHABLE, "No answer.")
REFUSED = Probe(Verdict.AUTHENTICATION_FAILED, "The server refuses the password.")
EXTERNAL = {"external": {"urlSecretRef": {"name": "redis", "key": "url"}}}


def redis_pod(reason: str, message: str = "") -> Object:
    status = {"name": "redis", "image": "redis:7", "ready": False}
    waiting = {"waiting": {"reason": reason, "message": message}}
    return pod("default-broker-0", status={"containerStatuses": [{**status, "state": waiting}]})


def seen(spec: Object | None = None, **changes: Any) -> BrokerSeen:
    parsed = Broker.parse(broker(meta={"generation": 3}, **(spec or {})))
    given: dict[str, Any] = {"endpoint": ENDPOINT, "binding": "default-broker-connection", "probe": ANSWERS}
    return BrokerSeen(parsed, **(given | changes))


def status(spec: Object | None = None, **changes: Any) -> Object:
    return broker_status(seen(spec, **changes), now=NOW)


def test_broker_that_answers_is_ready_with_its_figures() -> None:
    told = status()
    assert of_type(told, "Ready")["message"] == f"Redis 7.2.4 at {ENDPOINT} answers."
    fields = {name: value for name, value in told.items() if name != "conditions"}
    assert fields == {
        "observedGeneration": 3,
        "endpoint": ENDPOINT,
        "version": "7.2.4",
        "memory": "1.2Mi of 256Mi",
        "clients": 4,
        "binding": {"name": "default-broker-connection"},
        "credentials": None,
        "expiredGivenBack": None,
    }


@pytest.mark.parametrize(("shown", "expected"), [(None, 4), (2, 2), (6, 6), (1, 4), (7, 4)])
def test_number_of_clients_stays_as_it_is_shown_while_it_is_nearly_right(
    shown: int | None, expected: int
) -> None:
    before = Broker.parse(broker(status={"clients": shown} if shown else {}))
    told = broker_status(BrokerSeen(before, endpoint=ENDPOINT, probe=ANSWERS), now=NOW)
    assert told["clients"] == expected


@pytest.mark.parametrize(
    ("changes", "reason", "ready"),
    [
        pytest.param({}, BrokerReason.ANSWERS, "True", id="answers"),
        pytest.param({"probe": None}, BrokerReason.STARTING, "False", id="not-looked-at-yet"),
        pytest.param({"probe": AWAY}, BrokerReason.UNREACHABLE, "False", id="away"),
        pytest.param({"probe": REFUSED}, BrokerReason.AUTHENTICATION_FAILED, "False", id="refuses"),
        pytest.param({"starting": True, "probe": None}, BrokerReason.STARTING, "False", id="starting"),
        pytest.param(
            {"starting": True, "probe": None, "pods": [redis_pod("ImagePullBackOff")]},
            PoolReason.IMAGE_PULL_FAILED,
            "False",
            id="its-image-cannot-be-had",
        ),
        pytest.param(
            {"problem": (BrokerReason.SECRET_MISSING, "Create it."), "probe": None},
            BrokerReason.SECRET_MISSING,
            "False",
            id="secret-missing",
        ),
        pytest.param(
            {"stalled": (Reason.NAME_CONFLICT, "Rename."), "starting": True},
            Reason.NAME_CONFLICT,
            "False",
            id="conflict",
        ),
    ],
)
def test_verdict(changes: Any, reason: str, ready: str) -> None:
    verdict = of_type(status(**changes), "Ready")
    assert (verdict["reason"], verdict["status"]) == (reason, ready)


@pytest.mark.parametrize(
    ("changes", "reconciling", "stalled"),
    [
        pytest.param({}, "False", "False", id="answers"),
        pytest.param({"starting": True, "probe": None}, "True", "False", id="starting"),
        pytest.param(
            {"stalled": (Reason.NAME_CONFLICT, "a"), "starting": True}, "False", "True", id="conflict"
        ),
        pytest.param(
            {
                "starting": True,
                "pods": [redis_pod("CreateContainerConfigError", "container has runAsNonRoot")],
            },
            "False",
            "True",
            id="root-image",
        ),
        pytest.param({"probe": AWAY}, "False", "False", id="away-is-cured-by-no-spec"),
    ],
)
def test_only_what_a_change_of_the_spec_cures_stalls(changes: Any, reconciling: str, stalled: str) -> None:
    told = status(**changes)
    assert of_type(told, "Reconciling")["status"] == reconciling
    assert of_type(told, "Stalled")["status"] == stalled


def test_old_figures_are_not_shown_of_a_broker_that_does_not_answer() -> None:
    told = status(probe=AWAY)
    assert (told["version"], told["memory"], told["clients"]) == (None, None, None)


@pytest.mark.parametrize(
    ("spec", "advice"),
    [
        pytest.param({}, "Delete pod default-broker-0", id="managed"),
        pytest.param(EXTERNAL, "Correct the URL in the Secret", id="external"),
    ],
)
def test_advice_on_a_refused_password_fits_the_broker(spec: Object, advice: str) -> None:
    assert advice in of_type(status(spec, probe=REFUSED), "Ready")["message"]
