"""The images of a release, as archives of OCI layouts with one manifest for each platform, and what is in them."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.tools.cluster import buildah
from tests.tools.cluster.images import CELERY, OPERATOR, QUICKSTART, WORKER, Image
from tests.tools.release.build import write_json
from tests.tools.release.checkout import ReleaseError, Source
from tests.tools.release.publish import IMAGE
from tests.tools.release.sbom.image import image as bill_of_materials
from tests.tools.release.sbom.rootfs import rootfs
from tests.tools.release.sign import SBOM

IMAGES = (OPERATOR, WORKER, CELERY, QUICKSTART)
PLATFORMS = ("linux/amd64",)
_INDEX = "application/vnd.oci.image.index.v1+json"
_CERTIFICATES = Path("/etc/ssl/certs")


@dataclass(frozen=True)
class Builder:
    """`base` is what the Dockerfiles start from; empty: what they name themselves."""

    base: str = ""
    platforms: Sequence[str] = PLATFORMS

    def build(self, source: Source, target: Path, images: Sequence[Image] = IMAGES) -> None:
        for image in images:
            with TemporaryDirectory(dir=target) as folder:
                layout = Path(folder)
                for platform in self.platforms:
                    self._build(source, image, platform, layout)
                _finish(layout, self.platforms)
                name = f"{image.name}-{source.version}"
                write_json(target / f"{name}{SBOM}", _bill(image, source, layout))
                _pack(layout, target / f"{name}{IMAGE}", source.epoch)

    def _build(self, source: Source, image: Image, platform: str, layout: Path) -> None:
        reference = _local(image.name, platform)
        base = _local(image.base, platform) if image.base == CELERY.name else self.base
        # Without the cache: what is released is built, not remembered.
        arguments = ["bud", "--quiet", "--no-cache", "--platform", platform, "--tag", reference]
        # The time of the commit instead of the build's, for the image and for each of its files.
        arguments += ["--timestamp", str(source.epoch), "--network", "host"]
        arguments += ["--build-arg", f"SOURCE_DATE_EPOCH={source.epoch}"]
        arguments += ["--file", str(source.folder / image.dockerfile)]
        arguments += ["--target", image.target] if image.target else []
        arguments += ["--build-arg", f"BASE={base}"] if base else []
        if _CERTIFICATES.exists():  # pip inside must trust what the machine trusts
            arguments += ["--volume", f"{_CERTIFICATES}:{_CERTIFICATES}:ro"]
            arguments += ["--build-arg", f"PIP_CERT={_CERTIFICATES}/ca-certificates.crt"]
        buildah.run(*arguments, str(source.folder / image.context))
        buildah.run(
            "push", "--quiet", "--format", "oci", reference, f"oci:{layout}:{platform.replace('/', '-')}"
        )


def _local(name: str, platform: str) -> str:
    """An image's name in buildah's own store."""
    return f"{buildah.PREFIX}release/{name}:{platform.replace('/', '-')}"


def _finish(layout: Path, platforms: Sequence[str]) -> None:
    """Make the layout's index what is pushed: a manifest for each platform, without names of our own."""
    index = json.loads((layout / "index.json").read_text())
    if len(index["manifests"]) != len(platforms):
        raise ReleaseError(f"the image has {len(index['manifests'])} manifests for {', '.join(platforms)}.")
    manifests = []
    for entry, platform in zip(index["manifests"], platforms, strict=True):
        system, _, architecture = platform.partition("/")
        described = {key: entry[key] for key in ("mediaType", "digest", "size")}
        manifests.append({**described, "platform": {"os": system, "architecture": architecture}})
    content = {"schemaVersion": 2, "mediaType": _INDEX, "manifests": manifests}
    (layout / "index.json").write_text(json.dumps(content))


def _bill(image: Image, source: Source, layout: Path) -> dict[str, Any]:
    """Of the first platform: packages are the same on all, their compiled files are not."""
    index = json.loads((layout / "index.json").read_text())
    return bill_of_materials(image.name, source.version, rootfs(_layers(layout, index)), source.epoch)


def _layers(layout: Path, index: dict[str, Any]) -> Iterator[Any]:
    manifest = json.loads(_blob(layout, index["manifests"][0]["digest"]).read_text())
    for layer in manifest["layers"]:
        with _blob(layout, layer["digest"]).open("rb") as file:
            yield file


def _blob(layout: Path, digest: str) -> Path:
    return layout / "blobs" / digest.replace(":", "/")


def _pack(layout: Path, path: Path, epoch: int) -> None:
    """A tar of the layout; its blobs are compressed already."""
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as archive:
        for one in sorted(layout.rglob("*")):
            if one.is_file():
                entry = tarfile.TarInfo(one.relative_to(layout).as_posix())
                entry.size, entry.mtime = one.stat().st_size, epoch
                with one.open("rb") as file:
                    archive.addfile(entry, file)
