"""`make publish`: the images and the chart of a release, pushed to its registry as OCI artifacts."""

from __future__ import annotations

import json
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.tools.cluster import programs
from tests.tools.release.build import PROVENANCE
from tests.tools.release.checkout import ReleaseError
from tests.tools.release.login import Environment, Login, logged_in
from tests.tools.release.tools import run

PUBLISHED = "published.json"  # references with digests; written after checksums.txt, so not in it
IMAGE = ".oci.tar"


def publish(
    release: Path, registry: str, *, plain_http: bool = False, login: Login | None = None
) -> dict[str, str]:
    """Push everything; the digests by reference. Pushing the same release again changes nothing."""
    parameters = _parameters(release)
    if parameters["registry"] != registry:
        raise ReleaseError(
            f"{release} was built for the registry {parameters['registry']!r}, from which its chart pulls, and not "
            f"for {registry!r}: build it again with REGISTRY={registry}, or copy what is published with crane."
        )
    version = parameters["version"]
    with logged_in(registry, login) as environment:
        digests = dict(_push_images(release, registry, version, environment, plain_http=plain_http))
        digests |= _push_chart(release, registry, version, environment, plain_http=plain_http)
    (release / PUBLISHED).write_text(json.dumps(digests, indent=1, sort_keys=True) + "\n")
    return digests


def images(release: Path) -> list[Path]:
    """The archives of images in a release."""
    return sorted(release.glob(f"*{IMAGE}"))


def _parameters(release: Path) -> dict[str, str]:
    try:
        statement = json.loads((release / PROVENANCE).read_text())
    except FileNotFoundError:
        raise ReleaseError(f"{release} has no release: run `make release` first.") from None
    found: dict[str, str] = statement["predicate"]["buildDefinition"]["externalParameters"]
    return found


def _push_images(
    release: Path, registry: str, version: str, environment: Environment, *, plain_http: bool
) -> Iterator[tuple[str, str]]:
    for path in images(release):
        reference = f"{registry}/{path.name.removesuffix(f'-{version}{IMAGE}')}:{version}"
        with TemporaryDirectory() as layout, tarfile.open(path) as archive:
            archive.extractall(layout, filter="data")
            arguments = ["push", "--index", layout, reference, *(["--insecure"] if plain_http else [])]
            pushed = run(programs.program("crane"), *arguments, env=environment)
        yield reference, pushed.strip().rpartition("@")[2]


def _push_chart(
    release: Path, registry: str, version: str, environment: Environment, *, plain_http: bool
) -> dict[str, str]:
    chart = release / f"taskfleet-{version}.tgz"
    # Helm writes the file's time into the manifest, so a release that is pushed again would get another digest.
    epoch = _epoch(release)
    os.utime(chart, (epoch, epoch))
    arguments = ["push", str(chart), f"oci://{registry}/charts", *(["--plain-http"] if plain_http else [])]
    run(programs.program("helm"), *arguments, env=environment)
    reference = f"{registry}/charts/taskfleet:{version}"
    insecure = ["--insecure"] if plain_http else []
    digest = run(programs.program("crane"), "digest", reference, *insecure, env=environment)
    return {reference: digest.strip()}


def _epoch(release: Path) -> int:
    statement = json.loads((release / PROVENANCE).read_text())
    epoch: int = statement["predicate"]["buildDefinition"]["internalParameters"]["SOURCE_DATE_EPOCH"]
    return epoch
