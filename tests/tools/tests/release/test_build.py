"""A release, built twice from a clone, in two folders."""

import json
import subprocess
from pathlib import Path

import pytest
import yaml
from spdx_tools.spdx.parser.parse_anything import parse_file
from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document

from tests.tools.cluster import programs
from tests.tools.release.build import QUICK, release
from tests.tools.release.checkout import ReleaseError

ROOT = Path(__file__).parents[4]
VERSION = "7.8.9-rc.1"
REGISTRY = "registry.example/team"


def built(repository: Path, target: Path) -> Path:
    release(repository, target, QUICK, version=VERSION, registry=REGISTRY, builder="test")
    return target


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built(ROOT, tmp_path_factory.mktemp("release") / "dist")


def test_two_builds_in_two_folders_have_equal_digests(dist: Path, tmp_path: Path) -> None:
    clone = tmp_path / "a clone"
    subprocess.run(["git", "clone", "--quiet", "--no-hardlinks", ROOT, clone], check=True)
    again = built(clone, tmp_path / "elsewhere")
    assert (again / "checksums.txt").read_text() == (dist / "checksums.txt").read_text()


def test_sha256sum_checks_every_artifact(dist: Path) -> None:
    result = subprocess.run(
        ["sha256sum", "--check", "--strict", "checksums.txt"],
        cwd=dist,
        check=True,
        capture_output=True,
        text=True,
    )
    checked = {line.split(":")[0] for line in result.stdout.splitlines()}
    assert checked == {path.name for path in dist.iterdir()} - {"checksums.txt"}


def test_the_version_is_in_every_artifact(dist: Path) -> None:
    assert {path.name for path in dist.iterdir()} >= {
        "taskfleet-7.8.9rc1.tar.gz",
        "taskfleet-7.8.9rc1-py3-none-any.whl",
        "taskfleet-7.8.9-rc.1.tgz",
        "taskfleet-kustomize-7.8.9-rc.1.tar.gz",
    }
    assert f"image: {REGISTRY}/taskfleet-quickstart:{VERSION}" in (dist / "quickstart.yaml").read_text()


def test_the_chart_installs_the_images_of_its_registry(dist: Path) -> None:
    command = [str(programs.program("helm")), "template", "taskfleet", str(dist / f"taskfleet-{VERSION}.tgz")]
    command += ["--kube-version=1.34"]
    rendered = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert f"image: {REGISTRY}/taskfleet-operator:{VERSION}" in rendered
    assert f'value: "{REGISTRY}/taskfleet-worker:{VERSION}"' in rendered


def test_install_yaml_has_what_the_chart_has_and_a_namespace(dist: Path) -> None:
    manifests = [one for one in yaml.safe_load_all((dist / "install.yaml").read_text()) if one]
    kinds = [one["kind"] for one in manifests]
    assert kinds[:5] == ["CustomResourceDefinition"] * 4 + ["Namespace"]
    [deployment] = [one for one in manifests if one["kind"] == "Deployment"]
    assert deployment["metadata"]["namespace"] == "taskfleet-system"
    assert deployment["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "kubectl"
    assert "Helm" not in (dist / "install.yaml").read_text()


def test_crds_yaml_has_the_crds_only(dist: Path) -> None:
    manifests = [one for one in yaml.safe_load_all((dist / "crds.yaml").read_text()) if one]
    assert {one["kind"] for one in manifests} == {"CustomResourceDefinition"}
    assert len(manifests) == len(list((ROOT / "crds").glob("*.yaml")))


def test_the_wheels_bill_of_materials_is_valid_and_names_every_dependency(dist: Path) -> None:
    [path] = dist.glob("*.whl.spdx.json")
    document = parse_file(str(path))
    assert validate_full_spdx_document(document) == []
    names = {package.name for package in document.packages}
    assert names > {"taskfleet", "kopf", "kubernetes", "redis", "aiohttp"}


def test_provenance_names_commit_and_artifacts(dist: Path) -> None:
    statement = json.loads((dist / "provenance.intoto.json").read_text())
    head = subprocess.run(
        ["git", "-C", ROOT, "rev-parse", "HEAD"], check=True, capture_output=True, text=True
    )
    commit = statement["predicate"]["buildDefinition"]["resolvedDependencies"][0]
    assert commit["digest"]["gitCommit"] == head.stdout.strip()
    subjects = {one["name"]: one["digest"]["sha256"] for one in statement["subject"]}
    lines = [line.split("  ") for line in (dist / "checksums.txt").read_text().splitlines()]
    sums = {name: digest for digest, name in lines}
    assert subjects == {name: digest for name, digest in sums.items() if name != "provenance.intoto.json"}


def test_a_folder_with_another_release_is_refused(dist: Path) -> None:
    with pytest.raises(ReleaseError, match="is not empty"):
        built(ROOT, dist)


def test_a_version_that_python_and_helm_read_differently_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ReleaseError, match="such as"):
        release(ROOT, tmp_path / "dist", (), version="1.2", registry="", builder="test")
