"""Built images in the cache: blobs that images share, and one small file for each image.

Blobs are named by their digest, so a layer lies here once however many images have it, and a node gets
only those blobs that it lacks.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

BuiltImages = Mapping[str, tuple[str, str]]  # full reference -> name and tag

_KEPT = 3  # tags of each image
_NAME = "io.containerd.image.name"  # the annotation that containerd's import takes the name from


class ImageStore:
    """Descriptors (media type, digest and size of a manifest) by image name and tag."""

    def __init__(self, folder: Path) -> None:
        self._descriptors = folder / "descriptors"
        self.blobs = folder / "blobs"
        for path in (self._descriptors, self.blobs):
            path.mkdir(parents=True, exist_ok=True)

    def has(self, name: str, tag: str) -> bool:
        """Whether an image is there; it counts as used now."""
        with suppress(FileNotFoundError):
            os.utime(self._path(name, tag))
            return True
        return False

    def add(self, name: str, tag: str, exported: Path) -> None:
        """Take over an image from a folder as the `dir:` transport writes it: manifest.json beside the blobs."""
        manifest = (exported / "manifest.json").read_bytes()
        digest = f"sha256:{hashlib.sha256(manifest).hexdigest()}"
        (exported / "manifest.json").rename(self._blob(digest))
        media_type = json.loads(manifest)["mediaType"]
        descriptor = {"mediaType": media_type, "digest": digest, "size": len(manifest)}
        for needed in self._digests(descriptor):
            if not self._blob(needed).exists():
                (exported / self._blob(needed).name).rename(self._blob(needed))
        path = self._path(name, tag)
        temporary = path.with_suffix(".new")
        temporary.write_text(json.dumps(descriptor))
        temporary.rename(path)

    def remove_old(self, name: str) -> list[str]:
        """Forget all but the last used tags of an image, and the blobs that no image has; the tags forgotten."""
        paths = [path for path in self._descriptors.glob("*.json") if path.stem.rpartition("_")[0] == name]
        old = sorted(paths, key=lambda path: path.stat().st_mtime)[:-_KEPT]
        for path in old:
            path.unlink()
        if old:
            descriptors = [json.loads(path.read_text()) for path in self._descriptors.glob("*.json")]
            kept = {digest for descriptor in descriptors for digest in self._digests(descriptor)}
            for path in self.blobs.iterdir():
                if f"sha256:{path.name}" not in kept:
                    path.unlink()
        return [path.stem.rpartition("_")[2] for path in old]

    def write_archive(self, output: IO[bytes], images: BuiltImages, present: set[str]) -> None:
        """Write an OCI archive without the blobs already present."""
        manifests: list[Mapping[str, Any]] = []
        digests: dict[str, None] = {}
        for reference, (name, tag) in images.items():
            descriptor = json.loads(self._path(name, tag).read_text())
            manifests.append({**descriptor, "annotations": {_NAME: reference}})
            digests |= dict.fromkeys(self._digests(descriptor))
        with tarfile.open(fileobj=output, mode="w|", bufsize=2**20) as archive:
            _add(archive, "oci-layout", {"imageLayoutVersion": "1.0.0"})
            for digest in digests:
                if digest not in present:
                    archive.add(self._blob(digest), f"blobs/sha256/{digest.removeprefix('sha256:')}")
            _add(archive, "index.json", {"schemaVersion": 2, "manifests": manifests})

    def _digests(self, descriptor: Mapping[str, Any]) -> Iterator[str]:
        """A manifest's own digest, and those of all that it names."""
        manifest = json.loads(self._blob(descriptor["digest"]).read_text())
        yield descriptor["digest"]
        yield manifest["config"]["digest"]
        yield from (layer["digest"] for layer in manifest["layers"])

    def _blob(self, digest: str) -> Path:
        return self.blobs / digest.removeprefix("sha256:")

    def _path(self, name: str, tag: str) -> Path:
        return self._descriptors / f"{name}_{tag}.json"


def _add(archive: tarfile.TarFile, name: str, content: Mapping[str, Any]) -> None:
    data = json.dumps(content).encode()
    entry = tarfile.TarInfo(name)
    entry.size = len(data)
    archive.addfile(entry, io.BytesIO(data))
