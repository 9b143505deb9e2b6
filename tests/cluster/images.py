"""The images that tests run, and the tag that each gets from what goes into it."""

from __future__ import annotations

import hashlib
import shlex
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.cluster import programs
from tests.cluster.state import ClusterError

ROOT = Path(__file__).parents[2]
BASE = "base"


@dataclass(frozen=True)
class Image:
    """How an image is built: a Dockerfile, the folder that its COPY lines start from, its base."""

    name: str
    dockerfile: str  # from the root of the checkout
    context: str = "."  # the same
    target: str | None = None
    base: str | None = (
        BASE  # the image passed as build argument BASE; None: the Dockerfile has no such argument
    )
    programs: tuple[str, ...] = ()  # built programs to put into the context


def _own(name: str, program: str) -> Image:
    folder = f"tests/cluster/dockerfiles/{name}"
    return Image(name, f"{folder}/Dockerfile", folder, base=None, programs=(program,))


OPERATOR = Image("taskfleet-operator", "operator/Dockerfile")
WORKER = Image("taskfleet-worker", "worker-image/Dockerfile", target="worker")
CELERY = Image("taskfleet-celery", "worker-image/Dockerfile", target="celery")
QUICKSTART = Image(
    "taskfleet-quickstart",
    "examples/quickstart/Dockerfile",
    "examples/quickstart",
    base="taskfleet-celery",
)
REDIS = Image("redis", "tests/cluster/dockerfiles/redis/Dockerfile", "tests/cluster/dockerfiles/redis")
PAUSE = _own("pause", "pause")
COREDNS = _own("coredns", "coredns")

PRODUCT = (OPERATOR, WORKER, CELERY, QUICKSTART)
CATALOGUE = {image.name: image for image in (*PRODUCT, REDIS, PAUSE, COREDNS)}


def find(name: str) -> Image:
    if name not in CATALOGUE:
        raise ClusterError(f"no image {name!r}: known are {', '.join(CATALOGUE)}.")
    return CATALOGUE[name]


def copied(dockerfile: str) -> list[str]:
    """The sources of a Dockerfile's COPY lines that come from the context."""
    sources: list[str] = []
    for line in dockerfile.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        if words[:1] == ["COPY"] and not any(word.startswith("--from") for word in words):
            sources += [word for word in words[1:-1] if not word.startswith("--")]
    return sources


def sources(image: Image) -> dict[str, Path]:
    """Every file of an image's build context, by its path in the context."""
    built = {name: programs.program(name) for name in image.programs}
    found: dict[str, Path] = dict(built)
    context = ROOT / image.context
    for source in copied((ROOT / image.dockerfile).read_text()):
        if source not in built:
            found |= {str(path.relative_to(context)): path for path in _files(context / source)}
    return found


def _files(path: Path) -> Iterator[Path]:
    if not path.exists():
        raise ClusterError(f"{path} is copied into an image and does not exist.")
    if path.is_file():
        yield path
    else:
        yield from (one for one in path.rglob("*") if one.is_file() and "__pycache__" not in one.parts)


def tag(image: Image, base: str | None) -> str:
    """Of everything that goes in, the base's own name and tag included: unchanged images keep their tag."""
    sha = hashlib.sha256(f"{base} {image.target}".encode())
    sha.update((ROOT / image.dockerfile).read_bytes())
    for name, path in sorted(sources(image).items()):
        executable = path.stat().st_mode & 0o100
        sha.update(f"\0{name}\0{executable}\0".encode() + path.read_bytes())
    return sha.hexdigest()[:12]


def stage(image: Image, folder: Path) -> None:
    """Copy the build context into a folder, so that nothing else can get into the image."""
    for name, path in sources(image).items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, target)
