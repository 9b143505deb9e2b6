"""How the report reads."""

from tests.unit.convert.manifests import deployment

from taskfleet.convert.conversion import convert
from taskfleet.convert.report import report_text


def test_what_needs_an_action_comes_first() -> None:
    lines = report_text(convert([deployment(command="celery -A shop worker -X a")]).notes).splitlines()
    headings = [line.strip() for line in lines if line.startswith("  ") and not line.startswith("    ")]
    assert headings == ["action required:", "not supported:", "changed:", "kept:"]


def test_what_all_pools_have_in_common_is_said_once() -> None:
    report = report_text(
        convert([deployment("a"), deployment("b", command="celery -A shop worker -c 4")]).notes
    )
    assert report.startswith("every WorkerPool\n")
    assert report.count("no -Q:") == 1
    assert report.count("no -c:") == 1
    assert report.index("no -c:") > report.index("Deployment a")
