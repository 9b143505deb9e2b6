"""An image without layers, as the archive of an OCI layout: enough for everything but running it."""

import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import Any

from tests.tools.registry.server import Registry

_KIND = "application/vnd.oci.image"


def write(path: Path) -> None:
    files = _layout("")
    with tarfile.open(path, "w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


def push(registry: Registry, repository: str, tag: str, *, label: str = "") -> None:
    """Into a registry's storage. Another label makes another digest."""
    index = _layout(label)["index.json"]
    registry.storage.add_manifest(repository, tag, f"{_KIND}.index.v1+json", index)


def _layout(label: str) -> dict[str, bytes]:
    files: dict[str, bytes] = {"oci-layout": b'{"imageLayoutVersion": "1.0.0"}'}
    platform = {"os": "linux", "architecture": "amd64"}
    config = {
        **platform,
        "rootfs": {"type": "layers", "diff_ids": []},
        "config": {"Labels": {"label": label}},
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": f"{_KIND}.manifest.v1+json",
        "config": _blob(files, config, "config"),
        "layers": [],
    }
    entry = {**_blob(files, manifest, "manifest"), "platform": platform}
    index = {"schemaVersion": 2, "mediaType": f"{_KIND}.index.v1+json", "manifests": [entry]}
    files["index.json"] = json.dumps(index).encode()
    return files


def _blob(files: dict[str, bytes], value: Any, kind: str) -> dict[str, Any]:
    """Add a blob; its descriptor."""
    content = json.dumps(value).encode()
    digest = hashlib.sha256(content).hexdigest()
    files[f"blobs/sha256/{digest}"] = content
    return {"mediaType": f"{_KIND}.{kind}.v1+json", "digest": f"sha256:{digest}", "size": len(content)}
