"""Fifteen public deployments, chosen by the rule of tests/convert/CORPUS.md, through the whole of convert."""

import pytest
from tests.unit.convert.corpus import CASES, CORPUS, check_golden, converted

from taskfleet.api import KINDS, Object, WorkerPool
from taskfleet.convert.output import manifests_text
from taskfleet.convert.report import report_text

_MODELS = {info.kind: info.model for info in KINDS}


@pytest.mark.parametrize("case", CASES)
def test_a_deployment_becomes_what_it_became_before(case: str) -> None:
    """A difference is what people get by the next version: look at it, then renew with UPDATE_GOLDEN=1."""
    conversion = converted(case)
    check_golden(case, "manifests.yaml", manifests_text(conversion.manifests))
    check_golden(case, "report.txt", report_text(conversion.notes))


@pytest.mark.parametrize("case", CASES)
def test_the_models_take_every_field_that_is_written(case: str) -> None:
    for manifest in converted(case).manifests:
        read = _MODELS[manifest["kind"]].parse(manifest).to_object()
        assert _missing(manifest["spec"], read["spec"]) == []


def test_every_deployment_has_a_worker() -> None:
    without = [case for case in CASES if not _pools(case)]
    assert not without


def test_the_list_names_every_input() -> None:
    listed = (CORPUS / "CORPUS.md").read_text()
    assert [case for case in CASES if f"| `{case}` |" not in listed] == []
    assert len(CASES) == 15


def _pools(case: str) -> list[WorkerPool]:
    return [WorkerPool.parse(one) for one in converted(case).manifests if one["kind"] == "WorkerPool"]


def _missing(written: Object, read: Object, path: str = "spec") -> list[str]:
    """Fields that were written and that a model does not know; what is kept as it is has all of its own."""
    missing = []
    for name, value in written.items():
        if name not in read:
            missing.append(f"{path}.{name}")
        elif isinstance(value, dict):
            missing += _missing(value, read[name], f"{path}.{name}")
    return missing
