"""`taskfleet convert`: files in, manifests and a report out."""

import argparse
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from taskfleet.convert.conversion import Conversion, convert
from taskfleet.convert.output import manifest_files, manifests_text
from taskfleet.convert.reading import Text, read_texts
from taskfleet.convert.report import report_text


def convert_files(arguments: argparse.Namespace) -> int:
    """Run it; 1 when no Celery was found, 2 when a file cannot be read or written."""
    try:
        conversion = convert_texts(_texts(arguments.files))
        _write(conversion, arguments.out)
        _report(conversion, arguments.report)
    except OSError as error:
        sys.stderr.write(f"{error.filename}: {error.strerror}.\n")
        return 2
    except UnicodeDecodeError as error:
        sys.stderr.write(f"The input is no UTF-8 text: {error.reason}.\n")
        return 2
    return 0 if conversion.manifests else 1


def convert_texts(texts: Iterable[Text]) -> Conversion:
    """The conversion of texts, whatever forms they have."""
    read = read_texts(list(texts))
    return convert(read.objects, read.workloads, read.notes)


def _texts(files: list[str]) -> Iterator[Text]:
    for file in files or ["-"]:
        if file == "-":
            yield Text("standard input", sys.stdin.read())
        else:
            yield Text(file, Path(file).read_text(encoding="utf-8"))


def _write(conversion: Conversion, folder: Path | None) -> None:
    if folder is None:
        sys.stdout.write(manifests_text(conversion.manifests) if conversion.manifests else "")
        return
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in manifest_files(conversion.manifests).items():
        (folder / name).write_text(text, encoding="utf-8")


def _report(conversion: Conversion, file: Path | None) -> None:
    text = report_text(conversion.notes)
    if file is None:
        sys.stderr.write(text)
    else:
        file.write_text(text, encoding="utf-8")
