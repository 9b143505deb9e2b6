"""The commit that a release is made of: its files, its time, and the version and registry written into them."""

from __future__ import annotations

import re
import subprocess
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from taskfleet.chart_readme import chart_readme

# As semver, and as Python and Helm understand it alike.
_VERSION = re.compile(r"\d+\.\d+\.\d+(-rc\.\d+)?")
_OCI = "registry.example/charts"  # where the chart's README installs from, before a registry is known


class ReleaseError(Exception):
    """Says what is wrong and what to do; shown to the user without a traceback."""


@dataclass(frozen=True)
class Source:
    """Files of one commit in a folder of their own, with the release's version and registry."""

    folder: Path
    commit: str
    epoch: int  # seconds; the commit's time is the time of every file of the release
    version: str
    registry: str  # host and path that images and chart are published below; empty: not known

    @property
    def python_version(self) -> str:
        """The version as Python's packages spell it."""
        return self.version.replace("-rc.", "rc")

    def image(self, name: str) -> str:
        prefix = f"{self.registry}/" if self.registry else ""
        return f"{prefix}taskfleet-{name}:{self.version}"


def export(repository: Path, folder: Path, version: str, registry: str) -> Source:
    """Write the files of the last commit, stamped. What is not committed is in no release."""
    if not _VERSION.fullmatch(version):
        raise ReleaseError(f"VERSION {version!r}: use a version such as 1.2.3 or 1.2.3-rc.1.")
    commit, epoch = _git(repository, "log", "-1", "--format=%H %ct").decode().split()
    with tarfile.open(fileobj=BytesIO(_git(repository, "archive", "HEAD"))) as archive:
        archive.extractall(folder, filter="data")
    source = Source(folder, commit, int(epoch), version, registry.strip("/"))
    stamp(source)
    return source


def stamp(source: Source) -> None:
    """Write the version and the registry where users meet them: packages, chart, images in manifests."""
    for path in _stamped(source.folder):
        before = path.read_text()
        after = stamped(path.relative_to(source.folder).as_posix(), before, source)
        if after != before:
            path.write_text(after)
    chart = source.folder / "charts/taskfleet"
    readme = chart_readme((chart / "values.yaml").read_text())
    (chart / "README.md").write_text(
        readme.replace(_OCI, f"{source.registry}/charts", 1) if source.registry else readme
    )


def stamped(name: str, text: str, source: Source) -> str:
    """The text of a file of the release."""
    if name == "pyproject.toml":
        return re.sub(r'(?m)^version = ".*"$', f'version = "{source.python_version}"', text, count=1)
    if name.endswith("Chart.yaml"):
        return re.sub(r"(?m)^(version|appVersion): .*$", rf"\1: {source.version}", text)
    if name.endswith("values.yaml"):
        return re.sub(r'(?m)^  prefix: ""$', f'  prefix: "{source.registry}"', text, count=1)
    return re.sub(r"(?<=[ =/])taskfleet-(\w+):\d[\w.-]*", lambda found: source.image(found[1]), text)


def _stamped(folder: Path) -> Iterator[Path]:
    yield from (
        folder / name
        for name in ("pyproject.toml", "charts/taskfleet/Chart.yaml", "charts/taskfleet/values.yaml")
    )
    for pattern in ("*.yaml", "Dockerfile"):
        yield from sorted((folder / "examples").rglob(pattern))


def _git(repository: Path, *arguments: str) -> bytes:
    result = subprocess.run(["git", "-C", str(repository), *arguments], check=False, capture_output=True)
    if result.returncode != 0:
        raise ReleaseError(
            f"`git {arguments[0]}` failed; a release is made from a clone.\n{result.stderr.decode()}"
        )
    return result.stdout
