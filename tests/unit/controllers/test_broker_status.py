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
REACHABLE = Probe(Verdict.REACHABLE, version="7.2.4", used_memory=1258291, max_memory=256 * MIB, clients=4)
AWAY = Probe(Verdict.UNREACHABLE, "No answer.")
REFUSED = Probe(Verdict.AUTHENTICATION_FAILED, "The server refuses the password.")
EXTERNAL = {"external": {"urlSecretRef": {"name": "redis", "key": "url"}}}


def redis_pod(reason: str, message: str = "") -> Object:
    status = {"name": "redis", "image": "redis:7", "ready": False}
    waiting = {"waiting": {"reason": reason, "message": message}}
    return pod("default-broker-0", status={"containerStatuses": [{**status, "state": waiting}]})


def seen(spec: Object | None = None, **changes: Any) -> BrokerSeen:
    parsed = Broker.parse(broker(meta={"generation": 3}, **(spec or {})))
    given: dict[str, Any] = {"endpoint": ENDPOINT, "binding": "default-broker-connection", "probe": REACHABLE}
    return BrokerSeen(parsed, **(given | changes))


def status(spec: Object | None = None, **changes: Any) -> Object:
    return broker_status(seen(spec, **changes), now=NOW)


def test_broker_that_answers_is_ready_with_its_figures() -> None:
    told = status()
    assert of_type(told, "Ready")["message"] == f"Redis 7.2.4 at {ENDPOINT} is reachable."
    fields = {name: value for name, value in told.items() if name != "conditions"}
    assert fields == {
        "observedGeneration": 3,
        "endpoint": ENDPOINT,
        "version": "7.2.4",
        "memory": "1.2Mi of 256Mi",
        "clients": 4,
        "binding": {"name": "default-broker-connection"},
        "credentials": None,
        "expiredRequeued": None,
    }


def test_a_broker_that_does_not_announce_changes_is_ready_and_says_that_it_is_polled() -> None:
    because = "its user is not allowed to run CLIENT TRACKING (+client|tracking)"
    told = of_type(status(polls_because=because), "Ready")
    assert (told["status"], told["reason"]) == ("True", "Reachable")
    assert told["message"].endswith(f" is reachable. The operator polls it because {because}.")


@pytest.mark.parametrize(
    ("endpoint", "kept"),
    [(ENDPOINT, True), ("other:6379", False), (None, False)],
    ids=["same", "other", "none"],
)
def test_what_was_found_holds_for_the_same_server_only(endpoint: str | None, kept: bool) -> None:
    found = [
        {"type": kind, "status": "True", "reason": "SufficientMemory"}
        for kind in ("MemoryAvailable", "VisibilityTimeoutsMatch")
    ]
    before = Broker.parse(broker(status={"endpoint": ENDPOINT, "conditions": found, "foreignUnacked": 3}))
    told = broker_status(BrokerSeen(before, endpoint=endpoint, probe=AWAY), now=NOW)
    types = {one["type"] for one in told["conditions"]}
    assert ({"MemoryAvailable", "VisibilityTimeoutsMatch"} <= types) is kept
    assert ("foreignUnacked" in told) is not kept  # named to be removed


@pytest.mark.parametrize(("shown", "expected"), [(None, 4), (1, 1), (7, 7), (8, 4)])
def test_number_of_clients_stays_as_it_is_shown_while_it_is_nearly_right(
    shown: int | None, expected: int
) -> None:
    before = Broker.parse(broker(status={"clients": shown} if shown else {}))
    told = broker_status(BrokerSeen(before, endpoint=ENDPOINT, probe=REACHABLE), now=NOW)
    assert told["clients"] == expected


@pytest.mark.parametrize(
    ("changes", "reason", "ready"),
    [
        pytest.param({}, BrokerReason.REACHABLE, "True", id="answers"),
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


def test_what_is_known_of_a_server_is_not_said_of_the_next() -> None:
    stored = [
        {"type": kind, "status": "False", "reason": reason, "message": "old"}
        for kind, reason in (
            ("MemoryAvailable", "MemoryPressure"),
            ("VisibilityTimeoutsMatch", "RedeliveredWhileRunning"),
        )
    ]
    before = Broker.parse(broker(status={"endpoint": "old:6379", "conditions": stored, "foreignUnacked": 3}))
    for endpoint, kept in (("new:6379", False), (None, False), ("old:6379", True)):
        told = broker_status(BrokerSeen(before, endpoint=endpoint), now=NOW)
        kinds = {each["type"] for each in told["conditions"]}
        assert ({"MemoryAvailable", "VisibilityTimeoutsMatch"} <= kinds) == kept
        assert ({"MemoryAvailable", "VisibilityTimeoutsMatch"}.isdisjoint(kinds)) != kept
        assert ("foreignUnacked" in told) != kept, "None removes it"


@pytest.mark.parametrize(("sharers", "expected"), [(1, 4), (20, 30)])
def test_brokers_that_share_a_server_do_not_write_for_each_others_connections(
    sharers: int, expected: int
) -> None:
    before = Broker.parse(broker(status={"clients": 30, "memory": "2.4Mi of 256Mi"}))
    told = broker_status(BrokerSeen(before, endpoint=ENDPOINT, probe=REACHABLE, sharers=sharers), now=NOW)
    assert told["clients"] == expected
    assert (told["memory"] == "2.4Mi of 256Mi") == (sharers == 20)
