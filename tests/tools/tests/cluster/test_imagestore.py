import hashlib
import io
import json
import os
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.tools.cluster.imagestore import ImageStore


@pytest.fixture
def store(tmp_path: Path) -> ImageStore:
    return ImageStore(tmp_path)


def digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def add(store: ImageStore, name: str, tag: str, layers: list[bytes], *, age_s: int = 0) -> None:
    """As buildah exports: all blobs and the manifest in one folder."""
    exported = store.blobs.parent / f"{name}-{tag}"
    exported.mkdir()
    config = f"config of {name} {tag}".encode()
    for content in (config, *layers):
        (exported / digest(content).removeprefix("sha256:")).write_bytes(content)
    manifest = {
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {"digest": digest(config)},
        "layers": [{"digest": digest(layer)} for layer in layers],
    }
    (exported / "manifest.json").write_text(json.dumps(manifest))
    store.add(name, tag, exported)
    path = next(store.blobs.parent.glob(f"descriptors/{name}_{tag}.json"))
    os.utime(path, (1_000_000 - age_s, 1_000_000 - age_s))


def archived(store: ImageStore, images: Mapping[str, tuple[str, str]], present: set[str]) -> dict[str, Any]:
    output = io.BytesIO()
    store.write_archive(output, images, present)
    output.seek(0)
    with tarfile.open(fileobj=output) as archive:
        return {member.name: archive.extractfile(member).read() for member in archive}  # type: ignore[union-attr]


def test_an_archive_holds_a_shared_layer_once(store: ImageStore) -> None:
    add(store, "one", "1", [b"base", b"one"])
    add(store, "two", "1", [b"base", b"two"])
    content = archived(store, {"x/one:1": ("one", "1"), "x/two:1": ("two", "1")}, set())
    assert sorted(data for data in content.values() if len(data) < 5) == [b"base", b"one", b"two"]
    names = [
        entry["annotations"]["io.containerd.image.name"]
        for entry in json.loads(content["index.json"])["manifests"]
    ]
    assert names == ["x/one:1", "x/two:1"]


def test_what_the_node_has_is_left_out(store: ImageStore) -> None:
    add(store, "one", "1", [b"base", b"one"])
    content = archived(store, {"x/one:1": ("one", "1")}, {digest(b"base")})
    assert b"base" not in content.values()
    assert b"one" in content.values()


def test_the_oldest_tags_go_with_the_layers_that_only_they_have(store: ImageStore) -> None:
    for age, tag in enumerate(["newest", "newer", "old", "oldest"]):
        add(store, "one", tag, [b"base", tag.encode()], age_s=age)
    add(store, "one_more", "1", [b"more"], age_s=100)
    assert store.remove_old("one") == ["oldest"]
    assert not store.has("one", "oldest")
    assert store.has("one", "old")
    assert store.has("one_more", "1"), "an image whose name only begins the same"
    left = {path.read_bytes() for path in store.blobs.iterdir()}
    assert b"oldest" not in left
    assert {b"base", b"old", b"more"} <= left
