"""The files of an image, as its layers leave them."""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass
from posixpath import basename, dirname, join, normpath
from typing import IO

from tests.tools.release.sbom.spdx import File

_REMOVED = ".wh."
_EMPTIED = ".wh..wh..opq"
_READ = (
    "/METADATA",
    "/RECORD",
    "/dpkg/status",
)  # what tells of packages; of others only the digests are kept


@dataclass(frozen=True)
class Content:
    """A regular file."""

    file: File
    text: str = ""  # of a file that tells of packages


def rootfs(layers: Iterable[IO[bytes]]) -> dict[str, Content]:
    """Regular files by path, without a leading slash."""
    found: dict[str, Content] = {}
    for layer in layers:
        with tarfile.open(fileobj=layer, mode="r|*") as archive:
            below, added = set(found), {}
            for entry in archive:
                path = normpath(entry.name).lstrip("/")
                name = basename(path)
                if name == _EMPTIED:
                    _remove(found, below, dirname(path))
                elif name.startswith(_REMOVED):
                    _remove(found, below, join(dirname(path), name.removeprefix(_REMOVED)))
                elif entry.isreg():
                    added[path] = _content(path, archive.extractfile(entry))
                elif entry.islnk():
                    target = normpath(entry.linkname).lstrip("/")
                    added[path] = _linked(path, added.get(target) or found[target])
                elif not entry.isdir():  # a link in place of a file
                    found.pop(path, None)
        found |= added
    return found


def _remove(found: dict[str, Content], below: set[str], path: str) -> None:
    """A file or folder of the layers below is gone."""
    for one in below:
        if one == path or one.startswith(f"{path}/"):
            found.pop(one, None)


def _content(path: str, stream: IO[bytes] | None) -> Content:
    data = stream.read() if stream else b""
    text = data.decode(errors="replace") if path.endswith(_READ) else ""
    return Content(File(path, hashlib.sha1(data).hexdigest(), hashlib.sha256(data).hexdigest()), text)


def _linked(path: str, target: Content) -> Content:
    return Content(File(path, target.file.sha1, target.file.sha256), target.text)
