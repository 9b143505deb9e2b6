from taskfleet_worker.report import Worker, content, encoded
from tests.tools.load.pretend_pods import report


def test_a_pretended_report_is_what_the_runtime_of_an_idle_pod_sends() -> None:
    idle = Worker(
        state="ready",
        drain=None,
        active=0,
        prefetched=0,
        eta=0,
        limited=0,
        capacity=1,
        started_at=1767225600.123,
        ready_after=1.234,
        notes=(),
        queues={},
        held={},
    )
    assert report(7) == encoded(content(idle), 7)
