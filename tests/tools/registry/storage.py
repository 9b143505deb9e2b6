"""What a registry keeps: blobs by digest, manifests by repository and digest, tags, and uploads in progress."""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

_CHUNK = 2**20
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


class NotStoredError(Exception):
    """Nothing has that name or digest."""


class WrongDigestError(Exception):
    """The content is not what its name says."""


@dataclass(frozen=True)
class Manifest:
    """The bytes that a digest is of, with their media type."""

    digest: str
    media_type: str
    content: bytes


class Storage:
    """Files below one folder. A blob is there for all repositories, as clients ask for it by digest."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        for name in ("blobs", "uploads"):
            (folder / name).mkdir(parents=True, exist_ok=True)

    def blob(self, digest: str) -> Path:
        path = self._folder / "blobs" / digest.removeprefix("sha256:")
        if not _DIGEST.fullmatch(digest) or not path.is_file():
            raise NotStoredError(digest)
        return path

    def start_upload(self) -> str:
        identity = uuid.uuid4().hex
        self._upload(identity).touch()
        return identity

    def append(self, identity: str, body: Iterator[bytes]) -> int:
        """Add to an upload; its size now."""
        with self._existing(identity).open("ab") as file:
            for chunk in body:
                file.write(chunk)
            return file.tell()

    def finish(self, identity: str, digest: str) -> None:
        path = self._existing(identity)
        with path.open("rb") as file:
            found = f"sha256:{_sha256(file)}"
        if found != digest:
            path.unlink()
            raise WrongDigestError(f"the upload has digest {found}, not {digest}")
        path.rename(self._folder / "blobs" / found.removeprefix("sha256:"))

    def add_manifest(self, repository: str, reference: str, media_type: str, content: bytes) -> Manifest:
        """Store a manifest under its digest and, if the reference is a tag, under the tag."""
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        if reference.startswith("sha256:") and reference != digest:
            raise WrongDigestError(f"the manifest has digest {digest}, not {reference}")
        folder = self._manifests(repository)
        folder.mkdir(parents=True, exist_ok=True)
        manifest = {"mediaType": media_type, "content": content.decode()}
        (folder / digest.removeprefix("sha256:")).write_text(json.dumps(manifest))
        if reference != digest:
            tags = self._tags(repository)
            tags.mkdir(parents=True, exist_ok=True)
            (tags / reference).write_text(digest)
        return Manifest(digest, media_type, content)

    def manifest(self, repository: str, reference: str) -> Manifest:
        digest = reference if reference.startswith("sha256:") else self._tagged(repository, reference)
        path = self._manifests(repository) / digest.removeprefix("sha256:")
        if not path.is_file():
            raise NotStoredError(reference)
        stored = json.loads(path.read_text())
        return Manifest(digest, stored["mediaType"], stored["content"].encode())

    def tags(self, repository: str) -> list[str]:
        folder = self._tags(repository)
        if not self._manifests(repository).is_dir():
            raise NotStoredError(repository)
        return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []

    def repositories(self) -> list[str]:
        found = (path.parent for path in (self._folder / "repositories").rglob("_manifests"))
        return sorted(path.relative_to(self._folder / "repositories").as_posix() for path in found)

    def referrers(self, repository: str, digest: str) -> list[dict[str, Any]]:
        """Descriptors of the manifests whose subject is that digest, such as signatures."""
        found = []
        folder = self._manifests(repository)
        for path in sorted(folder.iterdir()) if folder.is_dir() else ():
            manifest = self.manifest(repository, f"sha256:{path.name}")
            content = json.loads(manifest.content)
            if content.get("subject", {}).get("digest") == digest:
                found.append(
                    {
                        "mediaType": manifest.media_type,
                        "digest": manifest.digest,
                        "size": len(manifest.content),
                        "artifactType": content.get("artifactType") or content["config"]["mediaType"],
                        "annotations": content.get("annotations", {}),
                    }
                )
        return found

    def _tagged(self, repository: str, tag: str) -> str:
        path = self._tags(repository) / tag
        if not path.is_file():
            raise NotStoredError(f"{repository}:{tag}")
        return path.read_text()

    def _manifests(self, repository: str) -> Path:
        return self._folder / "repositories" / repository / "_manifests"

    def _tags(self, repository: str) -> Path:
        return self._folder / "repositories" / repository / "_tags"

    def _upload(self, identity: str) -> Path:
        return self._folder / "uploads" / identity

    def _existing(self, identity: str) -> Path:
        path = self._upload(identity)
        if not path.is_file():
            raise NotStoredError(f"upload {identity}")
        return path


def _sha256(file: IO[bytes]) -> str:
    sha = hashlib.sha256()
    while chunk := file.read(_CHUNK):
        sha.update(chunk)
    return sha.hexdigest()
