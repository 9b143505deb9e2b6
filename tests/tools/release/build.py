"""`make release`: every artifact of a release, into one folder."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.tools.cluster.progress import step
from tests.tools.release import chart, checkout, checksums, cli_file, manifests, provenance, python_dists
from tests.tools.release.checkout import ReleaseError, Source
from tests.tools.release.sbom.wheel import wheel as wheel_sbom

# A part writes its artifacts into a folder, where it finds those of the parts before it.
Part = tuple[str, Callable[[Source, Path], None]]
PROVENANCE = "provenance.intoto.json"


def release(
    repository: Path, target: Path, parts: Sequence[Part], *, version: str, registry: str, builder: str
) -> None:
    """Build into an empty folder, so that nothing of an older release is in the checksums."""
    if target.exists() and any(target.iterdir()):
        raise ReleaseError(f"{target} is not empty: remove it, or choose another folder with OUT.")
    target.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as folder:
        source = checkout.export(repository, Path(folder), version, registry)
        for name, build in parts:
            with step(f"building {name}"):
                build(source, target)
        _describe(source, target, builder)


def _wheel_sbom(source: Source, target: Path) -> None:
    wheel = next(target.glob("*.whl"))
    lock = (source.folder / "requirements/operator.txt").read_text()
    write_json(target / f"{wheel.name}.spdx.json", wheel_sbom(wheel, lock, source.epoch))


QUICK: tuple[Part, ...] = (
    ("the Python packages", python_dists.build),
    ("the bill of materials of the wheel", _wheel_sbom),
    ("the chart", chart.build),
    ("the manifests", manifests.build),
)
ALL: tuple[Part, ...] = (*QUICK, ("the command line", cli_file.build))


def write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=1, sort_keys=True) + "\n")


def _describe(source: Source, target: Path, builder: str) -> None:
    """Provenance of everything built, then checksums of that and the provenance."""
    inputs = {name: checksums.file_digest(source.folder / name) for name in provenance.lock_files(source)}
    subjects = checksums.digests(target)
    write_json(target / PROVENANCE, provenance.statement(source, subjects, inputs, builder))
    checksums.write(target)
