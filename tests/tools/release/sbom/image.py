"""The bill of materials of an image: Python packages with every file, Debian packages, and our own files."""

from __future__ import annotations

import csv
import email
import re
from collections.abc import Iterator, Mapping
from posixpath import dirname, join, normpath

from tests.tools.release.sbom.rootfs import Content
from tests.tools.release.sbom.spdx import File, Json, Package, document

_COMPILED = re.compile(r"^(.*?)__pycache__/(.+?)\.[\w-]+\.pyc$")
_METADATA = ".dist-info/METADATA"
_STATUS = "var/lib/dpkg/status"
_OURS = "opt/"  # where our Dockerfiles install


def image(name: str, version: str, files: Mapping[str, Content], epoch: int) -> Json:
    """Files below /opt that no package owns are the image's own."""
    python = list(python_packages(files))
    owned = {one.path for package in python for one in package.files}
    own = tuple(
        content.file
        for path, content in sorted(files.items())
        if path.startswith(_OURS) and path not in owned
    )
    root = Package(name, version, f"pkg:oci/{name}?tag={version}", own)
    return document(root, [*python, *debian_packages(files)], epoch)


def python_packages(files: Mapping[str, Content]) -> Iterator[Package]:
    """Installed distributions, each with the files of its RECORD and what was compiled from them."""
    compiled: dict[str, list[File]] = {}
    for path, content in files.items():
        if found := _COMPILED.match(path):
            compiled.setdefault(f"{found[1]}{found[2]}.py", []).append(content.file)
    for path in sorted(path for path in files if path.endswith(_METADATA)):
        message = email.message_from_string(files[path].text)
        name, version = message["Name"], message["Version"]
        own = {one for one in _recorded(path, files) if one in files}
        found_files = {files[one].file for one in own} | {
            each for one in own for each in compiled.get(one, ())
        }
        purl = f"pkg:pypi/{re.sub(r'[-_.]+', '-', name).lower()}@{version}"
        yield Package(name, version, purl, tuple(sorted(found_files, key=lambda one: one.path)))


def _recorded(metadata: str, files: Mapping[str, Content]) -> Iterator[str]:
    """Paths in the image of what a distribution installed. Its own folder counts without a RECORD too."""
    folder = dirname(metadata)
    yield from (path for path in files if path.startswith(f"{folder}/"))
    record = files.get(f"{folder}/RECORD")
    for row in csv.reader(record.text.splitlines() if record else ()):
        if row:
            yield normpath(join(dirname(folder), row[0])).lstrip("/")


def debian_packages(files: Mapping[str, Content]) -> Iterator[Package]:
    """Installed packages, as dpkg knows them."""
    status = files.get(_STATUS)
    for paragraph in status.text.split("\n\n") if status else ():
        field = email.message_from_string(paragraph)
        if (field["Status"] or "").endswith(" installed"):
            name, version = field["Package"], field["Version"]
            purl = f"pkg:deb/debian/{name}@{version.replace('+', '%2B')}?arch={field['Architecture']}"
            yield Package(name, version, purl)
