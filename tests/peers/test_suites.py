"""What passes of Celery's and kombu's own suites with them alone passes with this runtime."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.peers.suites import KINDS, SUITES, outcomes
from tests.runtime.redis_server import RedisServer

_HEADER = "what comes back is marked in delivery_info alone: tasks would copy a header into their retries"
_NO_LOOKUP = "what comes back goes to the list that it came from, so no lookup of bindings can fail"
# docs/how-to/migrate.md names these.
DIFFERENT = {
    "test_restore_visible_requeues_expired_unacked": _HEADER,
    "test_requeue_requeues_message": _HEADER,
    "test_unacked_message_requeued_on_connection_close": _HEADER,
    "test_failed_requeue_keeps_message_unacked": _NO_LOOKUP,
    "test_failed_restore_visible_keeps_message_unacked": _NO_LOOKUP,
}


@pytest.mark.parametrize("name", SUITES)
def test_a_suite(name: str, tmp_path: Path, record_property: Callable[[str, object], None]) -> None:
    found = {}
    for kind in KINDS:
        folder = tmp_path / kind
        folder.mkdir()
        with RedisServer(folder) as server:
            found[kind] = outcomes(SUITES[name], kind, server, folder)
        record_property(kind, dict(Counter(found[kind].values())))
    passed = {test for test, outcome in found["celery"].items() if outcome == "passed"}
    assert passed, "the suite itself does not run"
    failed = {test for test in passed if found["taskfleet"].get(test) != "passed"}
    assert {test for test in failed if test.rpartition("::")[2].partition("[")[0] not in DIFFERENT} == set()
