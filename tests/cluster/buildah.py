"""Build images where there is neither a Docker engine nor a registry: buildah, on a base by debootstrap.

Everything that buildah keeps lies in the cache. It runs in a mount namespace of its own, as it leaves a
mount of its store behind.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

from tests.cluster import images
from tests.cluster.images import Image
from tests.cluster.progress import step
from tests.cluster.state import ClusterError, cache_dir, lock

PREFIX = "localhost/"
_SUITE = "bookworm"
_PACKAGES = ("python3", "python3-venv", "python-is-python3", "ca-certificates", "redis-server", "redis-tools")
_CERTIFICATES = Path("/etc/ssl/certs")
_KEPT_TAGS = 3  # of each image; older ones are removed


def reference(image: Image) -> str:
    """The full name of an image with its content tag."""
    return f"{PREFIX}{image.name}:{images.tag(image, _base_reference(image))}"


def archive(image: Image) -> Path:
    """An archive of the image that containerd can import, built first where the cache does not have it."""
    with lock("images"):
        return _archive(image)


def _archive(image: Image) -> Path:
    base = _base_reference(image)
    tag = images.tag(image, base)
    path = _folder() / f"{image.name}-{tag}.tar"
    if path.exists():
        path.touch()
        return path
    if image.base is not None:
        _ensure_base(image.base)
    with step(f"building image {image.name}:{tag}"):
        context = _new_folder("context")
        images.stage(image, context)
        _build(image, f"{PREFIX}{image.name}:{tag}", context, base)
        shutil.rmtree(context)
        temporary = path.with_suffix(".new")
        temporary.unlink(missing_ok=True)
        name = f"{PREFIX}{image.name}:{tag}"
        _buildah("push", "--quiet", name, f"docker-archive:{temporary}:{name}")
        temporary.rename(path)
    _remove_old(image)
    return path


def _ensure_base(name: str) -> None:
    """The base image in buildah's store: another image of the table, or Debian."""
    if name != images.BASE:
        _archive(images.find(name))
        return
    if _exists(_debian_reference()):
        return
    rootfs = _folder() / f"rootfs-{_debian_digest()}.tar"
    if not rootfs.exists():
        with step(f"bootstrapping Debian {_SUITE} as the base of images"):
            _bootstrap(rootfs)
    with step("building image base"):
        context = _new_folder("context")
        os.link(rootfs, context / "rootfs.tar")
        dockerfile = images.ROOT / "tests/cluster/dockerfiles/base/Dockerfile"
        _buildah("bud", "--quiet", "--file", str(dockerfile), "--tag", _debian_reference(), str(context))
        shutil.rmtree(context)


def _base_reference(image: Image) -> str | None:
    if image.base is None:
        return None
    return _debian_reference() if image.base == images.BASE else reference(images.find(image.base))


def _debian_reference() -> str:
    return f"{PREFIX}{images.BASE}:{_debian_digest()}"


def _debian_digest() -> str:
    return hashlib.sha256(f"{_SUITE} {_PACKAGES} {_BOOTSTRAP}".encode()).hexdigest()[:12]


# Documentation, translations and package lists are a third of it.
_BOOTSTRAP = """
debootstrap --variant=minbase --include="$1" "$2" "$3" $5 > "$3.log" 2>&1 || { tail -5 "$3.log"; exit 1; }
cd "$3"
rm -rf var/cache/apt/* var/lib/apt/lists/* var/log/* usr/share/doc usr/share/man usr/share/locale usr/share/info
tar --sort=name --numeric-owner -cf "$4" .
"""


def _bootstrap(rootfs: Path) -> None:
    folder, temporary = _new_folder("rootfs"), rootfs.with_suffix(".new")
    arguments = [",".join(_PACKAGES), _SUITE, str(folder), str(temporary), _mirror()]
    command = ["unshare", "--mount", "--propagation", "private", "sh", "-ec", _BOOTSTRAP, "sh", *arguments]
    result = subprocess.run(command, check=False, capture_output=True, text=True)
    if result.returncode != 0:
        raise ClusterError(f"debootstrap failed; run the command again.\n{result.stdout}{result.stderr}")
    temporary.rename(rootfs)
    shutil.rmtree(folder)


def _mirror() -> str:
    """The mirror that this machine's apt uses; empty for debootstrap's own choice."""
    command = ["apt-get", "indextargets", "--format", "$(RELEASE) $(SITE)", "Identifier: Packages"]
    result = subprocess.run(command, check=False, capture_output=True, text=True)
    sites = [line.split(" ", 1)[1] for line in result.stdout.splitlines() if line.startswith(f"{_SUITE} ")]
    return sites[0] if sites else ""


def _build(image: Image, name: str, context: Path, base: str | None) -> None:
    arguments = ["bud", "--quiet", "--layers", "--pull-never", "--network", "host", "--tag", name]
    arguments += ["--file", str(images.ROOT / image.dockerfile)]
    arguments += ["--target", image.target] if image.target else []
    arguments += ["--build-arg", f"BASE={base}"] if base else []
    if _CERTIFICATES.exists():  # pip inside must trust what the machine trusts
        arguments += ["--volume", f"{_CERTIFICATES}:{_CERTIFICATES}:ro"]
        arguments += ["--build-arg", f"PIP_CERT={_CERTIFICATES}/ca-certificates.crt"]
    _buildah(*arguments, str(context))


def _exists(name: str) -> bool:
    return bool(_buildah("images", "--quiet", "--filter", f"reference={name}").strip())


def _remove_old(image: Image) -> None:
    """Keep the newest tags only; what is still wanted of the others is built again."""
    paths = sorted(_folder().glob(f"{image.name}-????????????.tar"), key=lambda path: path.stat().st_mtime)
    for path in paths[:-_KEPT_TAGS]:
        path.unlink()
        tag = path.stem.removeprefix(f"{image.name}-")
        if _exists(f"{PREFIX}{image.name}:{tag}"):
            _buildah("rmi", f"{PREFIX}{image.name}:{tag}")


def _buildah(*arguments: str) -> str:
    """Run buildah on the store in the cache; its output. /var/lib is hidden from it, where it keeps a cache."""
    store = _folder() / "store"
    script = 'mount -t tmpfs tmpfs /var/lib; exec buildah "$@"'
    command = ["unshare", "--mount", "--propagation", "private", "sh", "-ec", script, "sh"]
    command += ["--root", str(store), "--runroot", str(_folder() / "run"), "--storage-driver", "overlay"]
    environment = {**os.environ, "BUILDAH_ISOLATION": "chroot", "TMPDIR": str(_new_folder("tmp"))}
    result = subprocess.run(
        [*command, *arguments], check=False, capture_output=True, text=True, env=environment
    )
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
