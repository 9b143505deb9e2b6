"""The operator's image, built twice on the base of the test clusters."""

import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from tests.tools.cluster import buildah
from tests.tools.cluster.images import BASE, OPERATOR
from tests.tools.release import checkout
from tests.tools.release.checksums import digests
from tests.tools.release.images import Builder

ROOT = Path(__file__).parents[4]
pytestmark = pytest.mark.long  # builds an image twice, as root
OURS = 130 * 10**6  # bytes unpacked of what the image adds to its base; half is the Kubernetes client


def built(folder: Path) -> Path:
    source = checkout.export(ROOT, folder / "source", "7.8.9", "registry.example/team")
    target = folder / "dist"
    target.mkdir()
    Builder(buildah.ensure_base(BASE)).build(source, target, [OPERATOR])
    return target


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built(tmp_path_factory.mktemp("images"))


def layout(dist: Path) -> dict[str, bytes]:
    [path] = dist.glob("*.oci.tar")
    with tarfile.open(path) as archive:
        files = {member.name: archive.extractfile(member) for member in archive}
        return {name: file.read() for name, file in files.items() if file}


def manifest(files: dict[str, bytes]) -> dict[str, Any]:
    digest = json.loads(files["index.json"])["manifests"][0]["digest"]
    found: dict[str, Any] = json.loads(files[f"blobs/{digest.replace(':', '/')}"])
    return found


def test_two_builds_have_equal_digests(dist: Path, tmp_path: Path) -> None:
    assert digests(built(tmp_path)) == digests(dist)


def test_its_bill_of_materials_has_the_dependencies_and_no_build_tools(dist: Path) -> None:
    [path] = dist.glob("*.spdx.json")
    names = {package["name"] for package in json.loads(path.read_text())["packages"]}
    assert names >= {"taskfleet", "kopf", "kubernetes", "redis"}
    assert not names & {"pip", "hatchling", "setuptools", "wheel"}


def test_its_program_starts(dist: Path) -> None:
    assert dist.exists()
    container = buildah.run(
        "from", "--pull-never", f"{buildah.PREFIX}release/{OPERATOR.name}:linux-amd64"
    ).strip()
    try:
        assert "Usage: taskfleet" in buildah.run("run", container, "--", "taskfleet", "--help")
    finally:
        buildah.run("rm", container)


def test_what_it_adds_to_its_base_is_bounded(dist: Path) -> None:
    files = layout(dist)
    added = manifest(files)["layers"][1:]
    size = 0
    for layer in added:
        path = dist / "layer"
        path.write_bytes(files[f"blobs/{layer['digest'].replace(':', '/')}"])
        with tarfile.open(path) as archive:
            size += sum(member.size for member in archive)
        path.unlink()
    print(f"the operator's image adds {size / 1e6:.0f} MB to its base")
    assert size < OURS
