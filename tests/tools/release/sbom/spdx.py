"""An SPDX 2.3 document: one artifact, the packages in it, and their files."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True)
class File:
    """A file, with the two digests that SPDX wants and readers use."""

    path: str  # relative to the root of the artifact
    sha1: str
    sha256: str


@dataclass(frozen=True)
class Package:
    """A piece of software: `purl` is its name in the world."""

    name: str
    version: str
    purl: str
    files: tuple[File, ...] = ()
    sha256: tuple[str, ...] = ()  # of the archives that it is installed from, where a lock file pins them


def file_of(path: str, content: bytes) -> File:
    return File(path, hashlib.sha1(content).hexdigest(), hashlib.sha256(content).hexdigest())


def document(root: Package, packages: Sequence[Package], epoch: int) -> Json:
    """The bill of materials of `root`. Its own files are those that belong to no package."""
    every = [root, *packages]
    ids = _ids(every)
    files = [_file(one, ids[package]) for package in every for one in package.files]
    edges = [_edge("SPDXRef-DOCUMENT", "DESCRIBES", ids[root])]
    edges += [_edge(ids[root], "CONTAINS", ids[package]) for package in packages]
    for package in every:
        edges += [_edge(ids[package], "CONTAINS", _file_id(one, ids[package])) for one in package.files]
    body = {"packages": [_package(package, ids[package]) for package in every], "files": files}
    content = hashlib.sha256(repr(body).encode()).hexdigest()[:16]
    return {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": f"{root.name}-{root.version}",
        "documentNamespace": f"https://taskfleet.dev/spdx/{root.name}-{root.version}-{content}",
        "creationInfo": {
            "created": datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "creators": ["Organization: Taskfleet", "Tool: taskfleet-release"],
        },
        **body,
        "relationships": edges,
    }


def _ids(packages: Iterable[Package]) -> dict[Package, str]:
    """The same name and version can be installed twice, in two folders."""
    return {
        package: "SPDXRef-" + re.sub(r"[^A-Za-z0-9.-]", "-", f"{number}-{package.name}-{package.version}")
        for number, package in enumerate(packages)
    }


def _package(package: Package, identity: str) -> Json:
    found: Json = {
        "SPDXID": identity,
        "name": package.name,
        "versionInfo": package.version,
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": bool(package.files),
        "externalRefs": [
            {
                "referenceCategory": "PACKAGE-MANAGER",
                "referenceType": "purl",
                "referenceLocator": package.purl,
            }
        ],
    }
    if package.files:
        joined = "".join(sorted(one.sha1 for one in package.files))
        code = hashlib.sha1(joined.encode()).hexdigest()
        found["packageVerificationCode"] = {"packageVerificationCodeValue": code}
    # SPDX has one digest of a kind for a package; a lock file pins one for each platform.
    if len(package.sha256) == 1:
        found["checksums"] = [_checksum("SHA256", package.sha256[0])]
    return found


def _file(one: File, package: str) -> Json:
    return {
        "SPDXID": _file_id(one, package),
        "fileName": f"./{one.path}",
        "checksums": [_checksum("SHA1", one.sha1), _checksum("SHA256", one.sha256)],
    }


def _file_id(one: File, package: str) -> str:
    return f"{package}-file-{hashlib.sha256(one.path.encode()).hexdigest()[:16]}"


def _checksum(algorithm: str, value: str) -> Json:
    return {"algorithm": algorithm, "checksumValue": value}


def _edge(source: str, kind: str, target: str) -> Json:
    return {"spdxElementId": source, "relationshipType": kind, "relatedSpdxElement": target}
