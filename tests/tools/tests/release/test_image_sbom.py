"""What is in an image, from its layers."""

import io
import json
import tarfile
from pathlib import Path

from spdx_tools.spdx.parser.parse_anything import parse_file
from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document

from tests.tools.release.sbom.image import image
from tests.tools.release.sbom.rootfs import rootfs

SITE = "opt/app/lib"
METADATA = "Metadata-Version: 2.1\nName: Some_Package\nVersion: 1.0\n\nText\n"
RECORD = "some/code.py,,\n../bin/some,,\nsome_package-1.0.dist-info/RECORD,,\n"
STATUS = """\
Package: libc6
Status: install ok installed
Architecture: amd64
Version: 2.36-9+deb12u10

Package: removed
Status: deinstall ok config-files
Architecture: amd64
Version: 1
"""
BASE = {"var/lib/dpkg/status": STATUS, "opt/old/file": "old", "opt/gone": "gone"}
OURS = {
    f"{SITE}/some_package-1.0.dist-info/METADATA": METADATA,
    f"{SITE}/some_package-1.0.dist-info/RECORD": RECORD,
    f"{SITE}/some/code.py": "pass",
    f"{SITE}/some/__pycache__/code.cpython-312.pyc": "compiled",
    "opt/app/bin/some": "#!python",
    "opt/app/main.py": "pass",
    "etc/hostname": "x",
}


def layer(files: dict[str, str]) -> io.BytesIO:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        for name, text in files.items():
            entry = tarfile.TarInfo(f"./{name}")
            entry.size = len(text)
            tar.addfile(entry, io.BytesIO(text.encode()))
    archive.seek(0)
    return archive


def files_of(*layers: dict[str, str]) -> set[str]:
    return set(rootfs(map(layer, layers)))


def test_a_file_that_a_layer_removes_is_gone() -> None:
    assert files_of(BASE, {"opt/.wh.gone": ""}) == {"var/lib/dpkg/status", "opt/old/file"}


def test_a_folder_that_a_layer_empties_keeps_what_the_layer_adds() -> None:
    assert files_of(BASE, {"opt/old/new": "", "opt/old/.wh..wh..opq": ""}) == {
        "var/lib/dpkg/status",
        "opt/gone",
        "opt/old/new",
    }


def test_every_file_of_a_python_package_is_named(tmp_path: Path) -> None:
    document = image("taskfleet-operator", "1.2.3", rootfs([layer(BASE), layer(OURS)]), 0)
    owned: dict[str, set[str]] = {one["name"]: set() for one in document["packages"]}
    names = {one["SPDXID"]: one["name"] for one in document["packages"]}
    paths = {one["SPDXID"]: one["fileName"].removeprefix("./") for one in document["files"]}
    for edge in document["relationships"]:
        if edge["relatedSpdxElement"] in paths:
            owned[names[edge["spdxElementId"]]].add(paths[edge["relatedSpdxElement"]])
    assert owned["Some_Package"] == set(OURS) - {"opt/app/main.py", "etc/hostname"}
    assert owned["taskfleet-operator"] == {"opt/app/main.py", "opt/old/file", "opt/gone"}
    path = tmp_path / "image.spdx.json"
    path.write_text(json.dumps(document))
    assert validate_full_spdx_document(parse_file(str(path))) == []


def test_installed_debian_packages_are_named() -> None:
    document = image("taskfleet-operator", "1.2.3", rootfs([layer(BASE)]), 0)
    locators = {one["externalRefs"][0]["referenceLocator"] for one in document["packages"]}
    assert "pkg:deb/debian/libc6@2.36-9%2Bdeb12u10?arch=amd64" in locators
    assert not [one for one in locators if "removed" in one]
