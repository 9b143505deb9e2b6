"""The bill of materials of the wheel: its own files, and the dependencies that the lock file pins."""

import re
import zipfile
from pathlib import Path

from tests.tools.release.sbom.spdx import Json, Package, document, file_of

_PINNED = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)", re.MULTILINE)
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


def wheel(path: Path, lock_file: str, epoch: int) -> Json:
    with zipfile.ZipFile(path) as archive:
        files = tuple(file_of(name, archive.read(name)) for name in sorted(archive.namelist()))
    name, version = path.name.split("-")[:2]
    root = Package(name, version, f"pkg:pypi/{name}@{version}", files)
    return document(root, pinned(lock_file), epoch)


def pinned(lock_file: str) -> list[Package]:
    """The packages of a requirements file with hashes."""
    starts = list(_PINNED.finditer(lock_file))
    ends = [found.start() for found in starts[1:]] + [len(lock_file)]
    return [
        Package(
            found[1],
            found[2],
            f"pkg:pypi/{found[1].lower()}@{found[2]}",
            sha256=tuple(_HASH.findall(lock_file[found.end() : end])),
        )
        for found, end in zip(starts, ends, strict=True)
    ]
