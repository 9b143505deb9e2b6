"""Every change of other people's code is a file in one folder, with a row in its README that names the test."""

import re
from pathlib import Path

from taskfleet_worker import patches

FOLDER = Path(patches.__file__).parent
ROOT = Path(__file__).parents[3]
ROW = re.compile(r"^\| `(\w+)\.py` \|.*\| `(tests/[\w/]+\.py)` \|$", re.MULTILINE)
# Setting an attribute of an imported class, module or function of Celery's.
CHANGE = re.compile(
    r"^ +(?:[A-Z]\w*|state|signals|pyamqp|redis|worker)(?:\.\w+)+(?:, [\w.]+)* = |^ +setattr\(", re.MULTILINE
)


def test_each_patch_has_a_row_and_each_row_a_test() -> None:
    rows = dict(ROW.findall((FOLDER / "README.md").read_text()))
    assert set(rows) == {path.stem for path in FOLDER.glob("*.py")} - {"__init__"}
    assert [test for test in rows.values() if not (ROOT / test).is_file()] == []


def test_nothing_is_changed_elsewhere() -> None:
    package = FOLDER.parent
    outside = [path for path in package.rglob("*.py") if FOLDER not in path.parents]
    changing = {
        str(path.relative_to(package)): found
        for path in outside
        if (found := CHANGE.findall(path.read_text()))
    }
    assert changing == {}
    assert sum(bool(CHANGE.search(path.read_text())) for path in FOLDER.glob("*.py")) > 10
