"""What is built, written out. A difference here is what an upgrade of the operator does to running fleets."""

import os
from pathlib import Path

import pytest
import yaml
from tests.unit.resources.cases import CASES

from taskfleet.plain_yaml import PlainDumper

GOLDEN = Path(__file__).parent / "golden"
RENEW = os.environ.get("UPDATE_GOLDEN") == "1"


@pytest.mark.parametrize("case", CASES)
def test_what_is_built_stays_what_it_was(case: str) -> None:
    """Another inputs-hash, or another pod of a Broker, restarts every fleet on the upgrade: keep it as it was.

    Another template of the workers restarts nothing, but pools stay UpToDate=False until they are upgraded.
    Where that is wanted, `make golden` renews the files.
    """
    file = GOLDEN / f"{case}.yaml"
    built = yaml.dump_all(CASES[case], Dumper=PlainDumper, width=110)
    if RENEW:
        file.parent.mkdir(exist_ok=True)
        file.write_text(built)
    assert built == file.read_text(), "if it is wanted: `make golden`"


def test_every_golden_file_has_its_case() -> None:
    assert sorted(file.stem for file in GOLDEN.glob("*.yaml")) == sorted(CASES)
