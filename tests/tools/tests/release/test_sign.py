"""A release that is published, signed by cosign and verified."""

import base64
import json
from pathlib import Path

import pytest

from tests.tools.cluster import programs
from tests.tools.registry import Registry
from tests.tools.release.checkout import ReleaseError
from tests.tools.release.login import Login
from tests.tools.release.sign import sign
from tests.tools.release.tools import run
from tests.tools.tests.release.conftest import PASSWORD, pushed

pytestmark = pytest.mark.long  # cosign takes minutes to build


@pytest.fixture
def signed(dist: Path, registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The digests of what is published and signed, with a key of the test's own and Docker's credentials."""
    monkeypatch.chdir(tmp_path)
    run(programs.program("cosign"), "generate-key-pair", env={"COSIGN_PASSWORD": "of the key"})
    digests = pushed(dist, registry)
    bill = {"spdxVersion": "SPDX-2.3", "name": "taskfleet-operator-7.8.9"}
    (dist / "taskfleet-operator-7.8.9.spdx.json").write_text(json.dumps(bill))
    sign(dist, key="cosign.key", password="of the key", plain_http=True, login=Login("robot", PASSWORD))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    # Whoever verifies logs in too; signing does it by itself.
    login = ["auth", "login", registry.address, "--username=robot", "--password-stdin"]
    run(programs.program("crane"), *login, stdin=PASSWORD)
    return digests


def cosign(command: str, *arguments: str) -> str:
    offline = ["--key=cosign.pub", "--insecure-ignore-tlog"]
    return run(programs.program("cosign"), command, *offline, *arguments)


def test_cosign_verifies_images_chart_and_checksums(dist: Path, signed: dict[str, str]) -> None:
    for reference, digest in signed.items():
        [payload] = json.loads(cosign("verify", "--allow-http-registry", reference))
        assert payload["critical"]["image"]["docker-manifest-digest"] == digest
    bundle = dist / "checksums.txt.bundle"
    cosign("verify-blob", f"--bundle={bundle}", str(dist / "checksums.txt"))


def test_the_bill_of_materials_of_an_image_is_attested(signed: dict[str, str]) -> None:
    [image] = [reference for reference in signed if "operator" in reference]
    attested = cosign("verify-attestation", "--allow-http-registry", "--type=spdxjson", image)
    statement = json.loads(base64.b64decode(json.loads(attested)["payload"]))
    assert statement["predicate"]["name"] == "taskfleet-operator-7.8.9"


def test_another_image_under_the_same_tag_is_not_verified(registry: Registry, signed: dict[str, str]) -> None:
    [image] = [reference for reference in signed if "operator" in reference]
    other = json.dumps({"schemaVersion": 2, "manifests": []}).encode()
    registry.storage.add_manifest(
        "team/taskfleet-operator", "7.8.9", "application/vnd.oci.image.index.v1+json", other
    )
    with pytest.raises(ReleaseError, match="no signatures found"):
        cosign("verify", "--allow-http-registry", image)


def test_changed_checksums_are_not_verified(dist: Path, signed: dict[str, str]) -> None:
    assert signed
    bundle = dist / "checksums.txt.bundle"
    (dist / "checksums.txt").write_text("changed")
    with pytest.raises(ReleaseError, match="invalid signature"):
        cosign("verify-blob", f"--bundle={bundle}", str(dist / "checksums.txt"))
