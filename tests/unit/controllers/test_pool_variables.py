"""Variables that Celery would take for options, in a condition, as long as a pod of the newest template names them."""

from taskfleet.api import WorkerPool
from taskfleet.controllers.pool_variables import LEAD, variables_applied
from tests.unit.objects import pool

CONDITION = {
    "type": "VariablesApplied", "status": "False", "reason": "VariablesIgnored", "message": "m",
    "lastTransitionTime": "2026-01-01T00:00:00Z",
}  # fmt: skip


def parsed(**status: object) -> WorkerPool:
    return WorkerPool.parse({**pool(), "status": status})


def test_the_variables_of_all_pods_are_named_once() -> None:
    notes = {
        "a": [f"{LEAD}CELERY_WORKER_PURGE, BROKER_URL."],
        "b": ["another note", f"{LEAD}CELERY_WORKER_PURGE."],
    }
    (told,) = variables_applied(parsed(), notes)
    assert (told["type"], told["status"], told["reason"]) == ("VariablesApplied", "False", "VariablesIgnored")
    assert "for options: BROKER_URL, CELERY_WORKER_PURGE. They are ignored. Use the fields" in told["message"]


def test_the_condition_goes_with_the_variables_and_stays_while_nobody_reports() -> None:
    known = parsed(conditions=[CONDITION])
    assert variables_applied(known, {"a": ["another note"]}) == []
    nobody: tuple[dict[str, list[str]] | None, ...] = (None, {})
    for unknown in nobody:
        (kept,) = variables_applied(known, unknown)
        assert kept["message"] == "m"
        assert variables_applied(parsed(), unknown) == []
