"""`taskfleet convert`: files in, manifests and a report out."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from taskfleet.convert.conversion import Conversion, convert
from taskfleet.convert.output import manifest_files, manifests_text
from taskfleet.convert.reading import Text, read_texts
from taskfleet.convert.report import report_text


def convert_files(files: Sequence[str], *, out: Path | None, report: Path | None) -> int:
    """Convert files. The exit code: 1 where no Celery was found, 2 where a file cannot be read or written."""
    try:
        conversion = convert_texts(_texts(files))
        _write(conversion, out)
        _report(conversion, report)
    except OSError as error:
        sys.stderr.write(f"{error.filename}: {error.strerror}.\n")
        return 2
    except UnicodeDecodeError as error:
        sys.stderr.write(f"The input is not UTF-8 text: {error.reason}. Save it as UTF-8.\n")
        return 2
    return 0 if conversion.manifests else 1


def convert_texts(texts: Iterable[Text]) -> Conversion:
    """The conversion of texts, whatever forms they have."""
    read = read_texts(list(texts))
    return convert(read.objects, read.workloads, read.notes)


def _texts(files: Sequence[str]) -> Iterator[Text]:
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
