"""The inputs of tests/convert: each folder is one deployment, with what comes out of it."""

import os
from pathlib import Path

from taskfleet.convert.command import convert_texts
from taskfleet.convert.conversion import Conversion
from taskfleet.convert.reading import Text

CORPUS = Path(__file__).parents[2] / "convert"
CASES = sorted(folder.name for folder in CORPUS.iterdir() if folder.is_dir())
RESULTS = ("manifests.yaml", "report.txt")
RENEW = os.environ.get("UPDATE_GOLDEN") == "1"


def converted(case: str) -> Conversion:
    """What the input of a case becomes."""
    files = sorted(file for file in (CORPUS / case).iterdir() if file.name not in RESULTS)
    return convert_texts(Text(file.name, file.read_text()) for file in files)


def check_golden(case: str, name: str, text: str) -> None:
    """Compare with the file of that name; UPDATE_GOLDEN=1 writes it."""
    file = CORPUS / case / name
    if RENEW:
        file.write_text(text)
    assert text == file.read_text()
