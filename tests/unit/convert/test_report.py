"""How the report reads."""

from tests.unit.convert.manifests import deployment

from taskfleet.convert.conversion import convert
from taskfleet.convert.report import report_text


def test_what_needs_an_action_comes_first() -> None:
    lines = report_text(convert([deployment(command="celery -A shop worker --uid 1000")]).notes).splitlines()
    headings = [line.strip() for line in lines if line.startswith("  ") and not line.startswith("    ")]
    assert headings == ["action required:", "not supported:", "changed:", "kept:"]


def test_what_all_pools_have_in_common_is_said_once() -> None:
    report = report_text(
        convert([deployment("a"), deployment("b", command="celery -A shop worker -n w@%h")]).notes
    )
    assert report.startswith("every WorkerPool\n")
    assert report.count("prefetch:") == 1
    assert report.count("no -n:") == 1
    assert report.index("no -n:") > report.index("Deployment a")
