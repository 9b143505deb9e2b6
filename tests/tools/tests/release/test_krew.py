"""The manifest for krew, and the archives that it names."""

import hashlib
import tarfile
from pathlib import Path

import pytest
import yaml

from tests.tools.release.checkout import ReleaseError, Source
from tests.tools.release.cli_file import PLATFORMS
from tests.tools.release.krew import MANIFEST, Plugin

DOWNLOADS = "https://downloads.example/v1.2.3"


@pytest.fixture
def source(tmp_path: Path) -> Source:
    folder = tmp_path / "source"
    folder.mkdir()
    (folder / "LICENSE").write_text("A license.")
    return Source(folder, "a-commit", 1_700_000_000, "1.2.3", "registry.example/team")


@pytest.fixture
def release(tmp_path: Path) -> Path:
    """The programs that are built before."""
    folder = tmp_path / "release"
    folder.mkdir()
    for platform in PLATFORMS:
        (folder / f"kubectl-taskfleet-{platform}").write_text(f"#!/bin/sh\necho {platform}\n")
    return folder


def test_each_platform_has_an_archive_with_its_digest_and_a_program_that_starts(
    source: Source, release: Path
) -> None:
    Plugin(f"{DOWNLOADS}/").build(source, release)
    plugin = yaml.safe_load((release / MANIFEST).read_text())
    assert (plugin["metadata"]["name"], plugin["spec"]["version"]) == ("taskfleet", "v1.2.3")
    assert len(plugin["spec"]["shortDescription"]) <= 50
    platforms = {
        "-".join(one["selector"]["matchLabels"].values()): one for one in plugin["spec"]["platforms"]
    }
    assert platforms.keys() == PLATFORMS.keys()
    for name, platform in platforms.items():
        path = release / f"kubectl-taskfleet-{name}.tar.gz"
        assert platform["uri"] == f"{DOWNLOADS}/{path.name}"
        assert platform["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
        with tarfile.open(path) as archive:
            modes = {one.name: one.mode for one in archive}
            assert modes == {"LICENSE": 0o644, "kubectl-taskfleet": 0o755}
            program = archive.extractfile(platform["bin"])
            assert program is not None
            assert name in program.read().decode()


def test_two_builds_have_the_same_bytes(source: Source, release: Path) -> None:
    Plugin(DOWNLOADS).build(source, release)
    before = {path.name: path.read_bytes() for path in release.iterdir()}
    Plugin(DOWNLOADS).build(source, release)
    assert {path.name: path.read_bytes() for path in release.iterdir()} == before


def test_an_address_that_krew_does_not_take_is_refused(source: Source, release: Path) -> None:
    with pytest.raises(ReleaseError, match="only from https://"):
        Plugin("http://downloads.example").build(source, release)
