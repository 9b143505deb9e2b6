"""`make sign`: cosign over what is published and over the checksums, with a key or with the workflow's identity."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.tools.cluster import programs
from tests.tools.release import checksums
from tests.tools.release.checkout import ReleaseError
from tests.tools.release.login import Login, logged_in
from tests.tools.release.publish import PUBLISHED
from tests.tools.release.tools import run

BUNDLE = f"{checksums.NAME}.bundle"
SBOM = ".spdx.json"


def sign(
    release: Path, *, key: str = "", password: str = "", plain_http: bool = False, login: Login | None = None
) -> None:
    """Sign by digest: a tag can be moved. Without a key, cosign asks the workflow's provider who it is."""
    try:
        published = json.loads((release / PUBLISHED).read_text())
    except FileNotFoundError:
        raise ReleaseError(f"{release} is not published: run `make publish` first.") from None
    cosign = programs.program("cosign")
    with logged_in(next(iter(published)), login) as environment:
        for command in commands(release, published, key=key, plain_http=plain_http):
            run(cosign, *command, env={**environment, "COSIGN_PASSWORD": password})


def commands(
    release: Path, published: Mapping[str, str], *, key: str, plain_http: bool
) -> Iterator[list[str]]:
    """What cosign is called with: each image with its bill of materials, the chart, and the checksums."""
    # A key of one's own needs no public log; an identity is worth nothing without one.
    common = ["--key", key, "--tlog-upload=false"] if key else []
    common += ["--yes"]
    registry = ["--allow-http-registry"] if plain_http else []
    for reference, digest in sorted(published.items()):
        pinned = f"{reference.rpartition(':')[0]}@{digest}"
        yield ["sign", *common, *registry, pinned]
        bill = release / f"{_artifact(reference)}{SBOM}"
        if bill.exists():
            yield ["attest", *common, *registry, "--type=spdxjson", f"--predicate={bill}", pinned]
    yield [
        "sign-blob",
        *common,
        f"--bundle={release / BUNDLE}",
        str(release / checksums.NAME),
    ]


def _artifact(reference: str) -> str:
    """registry.example/team/taskfleet-operator:1.2.3 is taskfleet-operator-1.2.3."""
    return reference.rpartition("/")[2].replace(":", "-")
