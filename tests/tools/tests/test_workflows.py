from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.tools.workflows import WORKFLOWS, problems

MAKEFILE = Path(__file__).parents[3] / "Makefile"
DIGEST = "0" * 40


def workflow(*steps: dict[str, Any], **changes: Any) -> dict[str, Any]:
    job = {"permissions": {}, "steps": list(steps)}
    return {"permissions": {}, "jobs": {"test": job}, **changes}


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        pytest.param([{"uses": f"actions/checkout@{DIGEST}"}, {"run": "make test A=$B"}], [], id="good"),
        pytest.param(
            [{"uses": "actions/checkout@v7"}], ["use 'actions/checkout@v7' by the digest"], id="tag"
        ),
        pytest.param([{"run": "make test && curl x"}], ["is more than a make target"], id="shell"),
    ],
)
def test_a_step_is_an_action_by_digest_or_a_make_target(
    steps: list[dict[str, Any]], expected: list[str]
) -> None:
    found = list(problems(workflow(*steps)))
    assert len(found) == len(expected)
    assert all(part in sentence for part, sentence in zip(expected, found, strict=True))


def test_a_workflow_starts_without_rights() -> None:
    assert "start with {}" in next(problems(workflow(permissions={"contents": "write"})))


@pytest.mark.parametrize("path", sorted(WORKFLOWS.glob("*.yaml")), ids=lambda path: path.name)
def test_every_workflow_calls_targets_that_exist(path: Path) -> None:
    steps = [step for job in yaml.safe_load(path.read_text())["jobs"].values() for step in job["steps"]]
    called = {word for step in steps if "run" in step for word in [step["run"].split("make ")[1].split()[0]]}
    targets = {line.split(":")[0] for line in MAKEFILE.read_text().splitlines() if line[:1].isalpha()}
    assert called
    assert called - targets == set()
