"""Build images where there is neither a Docker engine nor a registry: buildah, on a base by debootstrap.

Everything that buildah keeps lies in the cache. It runs in a mount namespace of its own, as it leaves a
mount of its store behind.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.cluster import debootstrap, images
from tests.cluster.images import Image
from tests.cluster.imagestore import BuiltImages, ImageStore
from tests.cluster.progress import step
from tests.cluster.state import ClusterError, cache_dir, lock

PREFIX = "localhost/"
_CERTIFICATES = Path("/etc/ssl/certs")


def build(wanted: Sequence[Image]) -> BuiltImages:
    """Build those images that the cache does not have."""
    with lock("images"):
        tags = [(image.name, _built_tag(image)) for image in wanted]
    return {f"{PREFIX}{name}:{tag}": (name, tag) for name, tag in tags}


def store() -> ImageStore:
    """The images built."""
    return ImageStore(_folder())


def _built_tag(image: Image) -> str:
    """The tag of an image that is in the store now. It is taken from the copy of the sources that is built."""
    base = None if image.base is None else _base_reference(image.base)
    context = _new_folder(f"context-{image.name}")
    images.stage(image, context)
    tag = images.tag(image, context, base)
    if not store().has(image.name, tag):
        with step(f"building image {image.name}:{tag}"):
            _build(image, tag, context, base)
        for old in store().remove_old(image.name):
            _buildah("rmi", "--force", f"{PREFIX}{image.name}:{old}")
    shutil.rmtree(context)
    return tag


def _base_reference(name: str) -> str:
    """The full name of a base image that is in buildah's store now: Debian, or another image of the table."""
    if name == images.BASE:
        reference = f"{PREFIX}{name}:{debootstrap.digest()}"
        if not _exists(reference):
            _build_debian(reference)
        return reference
    return f"{PREFIX}{name}:{_built_tag(images.find(name))}"


def _build_debian(reference: str) -> None:
    rootfs = debootstrap.rootfs(_folder())
    with step(f"building image {reference.removeprefix(PREFIX)}"):
        context = _new_folder("context-base")
        os.link(rootfs, context / rootfs.name)
        dockerfile = f'FROM scratch\nADD {rootfs.name} /\nCMD ["/bin/sh"]\n'
        (context / "Dockerfile").write_text(dockerfile)
        _buildah("bud", "--quiet", "--tag", reference, str(context))
        shutil.rmtree(context)


def _build(image: Image, tag: str, context: Path, base: str | None) -> None:
    name = f"{PREFIX}{image.name}:{tag}"
    arguments = ["bud", "--quiet", "--layers", "--pull-never", "--network", "host", "--tag", name]
    arguments += ["--file", str(context / images.DOCKERFILE)]
    arguments += ["--target", image.target] if image.target else []
    arguments += ["--build-arg", f"BASE={base}"] if base else []
    if _CERTIFICATES.exists():  # pip inside must trust what the machine trusts
        arguments += ["--volume", f"{_CERTIFICATES}:{_CERTIFICATES}:ro"]
        arguments += ["--build-arg", f"PIP_CERT={_CERTIFICATES}/ca-certificates.crt"]
    _buildah(*arguments, str(context))
    store().add(image.name, tag, _export(name))


def _export(name: str) -> Mapping[str, str]:
    """Copy an image's blobs to the store; its descriptor. Not compressed: they never leave the machine."""
    layout = _new_folder("layout")
    (layout / "blobs").symlink_to(store().blobs)
    _buildah("push", "--quiet", "--disable-compression", name, f"oci:{layout}:image")
    (descriptor,) = json.loads((layout / "index.json").read_text())["manifests"]
    return {key: descriptor[key] for key in ("mediaType", "digest", "size")}


def _exists(name: str) -> bool:
    return bool(_buildah("images", "--quiet", "--filter", f"reference={name}").strip())


def _buildah(*arguments: str) -> str:
    """Run buildah on the store in the cache; its output. /var/lib is hidden from it, where it keeps a cache."""
    script = 'mount -t tmpfs tmpfs /var/lib; exec buildah "$@"'
    command = ["unshare", "--mount", "--propagation", "private", "sh", "-ec", script, "sh"]
    command += ["--root", str(_folder() / "store"), "--runroot", str(_folder() / "run")]
    command += ["--storage-driver", "overlay", *arguments]
    environment = {**os.environ, "BUILDAH_ISOLATION": "chroot", "TMPDIR": str(_new_folder("tmp"))}
    result = subprocess.run(command, check=False, capture_output=True, text=True, env=environment)
    if result.returncode != 0:
        raise ClusterError(f"buildah {' '.join(arguments)} failed.\n{result.stderr[-3000:]}")
    return result.stdout


def _folder() -> Path:
    return cache_dir() / "images"


def _new_folder(name: str) -> Path:
    """An empty folder for one step's files; what an interrupted run left in it is removed."""
    folder = _folder() / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
