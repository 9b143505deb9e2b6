"""`make base-images`: pin what the Dockerfiles start from to the digest that its tag has today."""

import re
import sys
from collections.abc import Callable
from pathlib import Path

from tests.tools.cluster import programs
from tests.tools.release.checkout import ReleaseError
from tests.tools.release.tools import run

ROOT = Path(__file__).parents[3]
DOCKERFILES = ("operator/Dockerfile", "worker-image/Dockerfile", "examples/django/Dockerfile")
_BASE = re.compile(r"(?m)^ARG BASE=(?P<tag>[^@\s]+)(@sha256:[0-9a-f]{64})?$")


def pinned(dockerfile: str, digest_of: Callable[[str], str]) -> str:
    """The Dockerfile with the digest behind the tag, which stays for people to read."""
    if not _BASE.search(dockerfile):
        raise ReleaseError("a Dockerfile has no line `ARG BASE=` with a tag.")
    return _BASE.sub(lambda found: f"ARG BASE={found['tag']}@{digest_of(found['tag'])}", dockerfile)


def digest_of(reference: str) -> str:
    """As a registry tells it: of the index, so that it holds for all platforms."""
    return run(programs.program("crane"), "digest", reference).strip()


def main() -> None:
    for name in DOCKERFILES:
        path = ROOT / name
        path.write_text(pinned(path.read_text(), digest_of))


if __name__ == "__main__":
    try:
        main()
    except ReleaseError as error:
        sys.exit(str(error))
