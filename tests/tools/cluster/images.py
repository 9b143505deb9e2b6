"""The images that tests run, and the tag that each gets from what goes into it."""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.tools.cluster import programs
from tests.tools.cluster.state import ClusterError

ROOT = Path(__file__).parents[3]
BASE = "base"  # Debian with Python and Redis, see debootstrap.py
DOCKERFILE = "Dockerfile.staged"


@dataclass(frozen=True)
class Image:
    """How an image is built: a Dockerfile, the folder that its COPY lines start from, its base."""

    name: str
    dockerfile: str  # from the root of the checkout
    context: str = "."  # the same
    target: str | None = None
    # The image passed as build argument BASE; None: the Dockerfile has no such argument.
    base: str | None = BASE
    programs: tuple[str, ...] = ()  # built programs to put into the context
    public: str | None = None  # used as it is where nodes can pull


def _own(name: str, program: str) -> Image:
    folder = f"tests/tools/cluster/dockerfiles/{name}"
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
DJANGO = Image("taskfleet-django", "examples/django/Dockerfile", "examples/django")
POSTGRES = Image(
    "postgres",
    "tests/tools/cluster/dockerfiles/postgres/Dockerfile",
    "tests/tools/cluster/dockerfiles/postgres",
    public="postgres:17",
)
REDIS = Image(
    "redis",
    "tests/tools/cluster/dockerfiles/redis/Dockerfile",
    "tests/tools/cluster/dockerfiles/redis",
    public="redis:7-alpine",
)
RABBITMQ = Image(
    "rabbitmq",
    "tests/tools/cluster/dockerfiles/rabbitmq/Dockerfile",
    "tests/tools/cluster/dockerfiles/rabbitmq",
    public="rabbitmq:3",
)
PAUSE = _own("pause", "pause")
COREDNS = _own("coredns", "coredns")

PRODUCT = (OPERATOR, WORKER, CELERY, QUICKSTART, DJANGO)
CATALOGUE = {image.name: image for image in (*PRODUCT, REDIS, POSTGRES, RABBITMQ, PAUSE, COREDNS)}


def find(name: str) -> Image:
    if name not in CATALOGUE:
        raise ClusterError(f"no image {name!r}: known are {', '.join(CATALOGUE)}.")
    return CATALOGUE[name]


def prefixed(prefix: str, name: str, tag: str) -> str:
    """The full name of an image. A prefix may be given with or without its last slash."""
    return f"{prefix.rstrip('/')}/{name}:{tag}" if prefix else f"{name}:{tag}"


def version() -> str:
    """Of this checkout: the tag of the images that users build."""
    return str(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"])


def copied(dockerfile: str) -> list[str]:
    """The sources of a Dockerfile's COPY lines that come from the context."""
    sources: list[str] = []
    for line in dockerfile.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        if words[:1] == ["COPY"] and not any(word.startswith("--from") for word in words):
            sources += [word for word in words[1:-1] if not word.startswith("--")]
    return sources


def stage(image: Image, folder: Path) -> None:
    """Copy what goes into an image, and nothing else, into a build context."""
    source = ROOT / image.context
    shutil.copyfile(ROOT / image.dockerfile, folder / DOCKERFILE)
    for name in copied((folder / DOCKERFILE).read_text()):
        if name in image.programs:
            os.link(programs.program(name), folder / name)
            continue
        if not (source / name).exists():
            raise ClusterError(f"{image.dockerfile} copies {source / name}, which does not exist.")
        for path in _files(source / name):
            target = folder / path.relative_to(source)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, target)


def _files(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
    yield from (one for one in path.rglob("*") if one.is_file() and "__pycache__" not in one.parts)


def tag(image: Image, context: Path, base: str | None) -> str:
    """Of everything that goes in, the base's full name included: an unchanged image keeps its tag."""
    sha = hashlib.sha256(f"{base} {image.target}".encode())
    for path in sorted(path for path in context.rglob("*") if path.is_file()):
        name = str(path.relative_to(context))
        sha.update(f"\0{name} {path.stat().st_mode & 0o100}\0".encode())
        # A built program lies in a folder named by what it is made of.
        known = programs.program(name).parent.name.encode() if name in image.programs else None
        sha.update(known or path.read_bytes())
    return sha.hexdigest()[:12]
