"""Build images where there is neither a Docker engine nor a registry: buildah, on a base by debootstrap.

Everything that buildah keeps lies in the cache. It runs in a mount namespace of its own, as it leaves a
mount of its store behind.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.tools.cluster import debootstrap, images
from tests.tools.cluster.images import Image
from tests.tools.cluster.imagestore import BuiltImages, ImageStore
from tests.tools.cluster.progress import step
from tests.tools.cluster.state import ClusterError, cache_dir, lock

PREFIX = "localhost/"
_CERTIFICATES = Path("/etc/ssl/certs")


def build(wanted: Sequence[Image]) -> BuiltImages:
    """Build those images that the cache does not have."""
    return {f"{PREFIX}{image.name}:{tag}": (image.name, tag) for image, tag in map(_built, wanted)}


def store() -> ImageStore:
    """The images built."""
    return ImageStore(_folder())


def _built(image: Image) -> tuple[Image, str]:
    """The image with its tag, in the store now. What the tag was taken from is what is built."""
    with TemporaryDirectory(dir=_folder(), prefix="context-") as context:
        tag = _tag(image, Path(context))
        if not store().has(image.name, tag):
            with lock("images"):  # others build meanwhile; who needs nothing built does not wait
                if not store().has(image.name, tag):
                    _build(image, tag, Path(context))
    return image, tag


def _tag(image: Image, context: Path) -> str:
    """Copies the sources into the context, and takes the tag from there."""
    images.stage(image, context)
    return images.tag(image, context, image.base and _base_reference(image.base))


def _base_reference(name: str) -> str:
    if name == images.BASE:
        return f"{PREFIX}{name}:{debootstrap.digest()}"
    with TemporaryDirectory(dir=_folder(), prefix="context-") as context:
        return f"{PREFIX}{name}:{_tag(images.find(name), Path(context))}"


def ensure_base(name: str) -> str:
    """The full name of a base that is in buildah's store now: Debian, or another image of the table."""
    reference = _base_reference(name)
    if not _exists(reference):
        if name == images.BASE:
            _build_debian(reference)
        else:
            with TemporaryDirectory(dir=_folder(), prefix="context-") as context:
                image = images.find(name)
                _build(image, _tag(image, Path(context)), Path(context))
    return reference


def _build_debian(reference: str) -> None:
    rootfs = debootstrap.rootfs(_folder())
    with step(f"building image {reference.removeprefix(PREFIX)}"):
        context = _new_folder("context-base")
        os.link(rootfs, context / rootfs.name)
        dockerfile = f'FROM scratch\nADD {rootfs.name} /\nCMD ["/bin/sh"]\n'
        (context / "Dockerfile").write_text(dockerfile)
        run("bud", "--quiet", "--tag", reference, str(context))
        shutil.rmtree(context)


def _build(image: Image, tag: str, context: Path) -> None:
    base = image.base and ensure_base(image.base)
    with step(f"building image {image.name}:{tag}"):
        name = f"{PREFIX}{image.name}:{tag}"
        arguments = ["bud", "--quiet", "--layers", "--pull-never", "--network", "host", "--tag", name]
        arguments += ["--file", str(context / images.DOCKERFILE)]
        arguments += ["--target", image.target] if image.target else []
        arguments += ["--build-arg", f"BASE={base}"] if base else []
        if _CERTIFICATES.exists():  # pip inside must trust what the machine trusts
            arguments += ["--volume", f"{_CERTIFICATES}:{_CERTIFICATES}:ro"]
            arguments += ["--build-arg", f"PIP_CERT={_CERTIFICATES}/ca-certificates.crt"]
        run(*arguments, str(context))
        _export(image, tag)
    for old in store().remove_old(image.name):
        run("rmi", "--force", f"{PREFIX}{image.name}:{old}")


def _export(image: Image, tag: str) -> None:
    """Copy an image to the store. Not compressed: it never leaves the machine."""
    folder = _new_folder("export")
    name = f"{PREFIX}{image.name}:{tag}"
    run("push", "--quiet", "--disable-compression", "--format", "oci", name, f"dir:{folder}")
    store().add(image.name, tag, folder)
    shutil.rmtree(folder)


def _exists(name: str) -> bool:
    return bool(run("images", "--quiet", "--filter", f"reference={name}").strip())


def run(*arguments: str) -> str:
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
    folder = cache_dir() / "images"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _new_folder(name: str) -> Path:
    """An empty folder for one step's files; what an interrupted run left in it is removed."""
    folder = _folder() / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
