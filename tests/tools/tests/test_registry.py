"""The tests' registry, with the clients that users have."""

import json
import os
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.error import HTTPError

import pytest

from tests.tools.cluster import programs
from tests.tools.registry import Registry

ROOT = Path(__file__).parents[3]


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    with Registry(tmp_path / "registry") as running:
        yield running


@pytest.fixture
def private(tmp_path: Path) -> Iterator[Registry]:
    with Registry(tmp_path / "private", user="reader", password="open sesame") as running:
        yield running


def layout(folder: Path) -> Path:
    """An image of one small layer, as a folder that `crane push` takes."""
    (folder / "content").mkdir(parents=True)
    (folder / "content/hello").write_text("hello")
    subprocess.run(["tar", "-C", folder / "content", "-cf", folder / "layer.tar", "hello"], check=True)
    crane(
        "append",
        "--new_layer",
        folder / "layer.tar",
        "--new_tag",
        "hello:1",
        "--output",
        folder / "image.tar",
    )
    return folder / "image.tar"


def crane(
    *arguments: str | Path, home: Path | None = None, check: bool = True
) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **({"DOCKER_CONFIG": str(home)} if home else {})}
    command = [programs.program("crane"), *arguments]
    return subprocess.run(command, check=check, capture_output=True, text=True, env=environment)


def test_an_image_is_pulled_as_it_was_pushed(registry: Registry, tmp_path: Path) -> None:
    reference = f"{registry.address}/team/hello:1"
    pushed = crane("push", layout(tmp_path / "image"), reference).stdout.strip()
    assert crane("digest", reference).stdout.strip() in pushed
    assert crane("ls", f"{registry.address}/team/hello").stdout == "1\n"
    assert crane("export", reference, "-").stdout.count("hello") >= 1
    crane("validate", "--remote", reference)


def test_an_image_is_copied_to_another_registry_under_the_same_digest(
    registry: Registry, private: Registry, tmp_path: Path
) -> None:
    crane("push", layout(tmp_path / "image"), f"{registry.address}/team/hello:1")
    login(private, tmp_path / "home")
    mirrored = f"{private.address}/mirror/hello:1"
    crane("copy", f"{registry.address}/team/hello:1", mirrored, home=tmp_path / "home")
    copied = crane("digest", mirrored, home=tmp_path / "home").stdout
    assert copied == crane("digest", f"{registry.address}/team/hello:1").stdout


def test_a_private_registry_wants_a_password(private: Registry, tmp_path: Path) -> None:
    (tmp_path / "nobody").mkdir()
    refused = crane("ls", f"{private.address}/team/hello", home=tmp_path / "nobody", check=False)
    assert "UNAUTHORIZED" in refused.stderr


def login(registry: Registry, home: Path) -> None:
    crane("auth", "login", registry.address, "--username=reader", "--password=open sesame", home=home)


def test_helm_pulls_the_chart_that_it_pushed(registry: Registry, tmp_path: Path) -> None:
    helm = programs.program("helm")
    chart = ROOT / "charts/taskfleet"
    subprocess.run(
        [str(helm), "package", str(chart), "--destination", str(tmp_path)], check=True, capture_output=True
    )
    [package] = tmp_path.glob("*.tgz")
    address = f"oci://{registry.address}/charts"
    subprocess.run(
        [str(helm), "push", str(package), address, "--plain-http"], check=True, capture_output=True
    )
    pulled = tmp_path / "pulled"
    pulled.mkdir()
    command = [str(helm), "pull", f"{address}/taskfleet", "--plain-http", "--destination", str(pulled)]
    subprocess.run(command, check=True, capture_output=True)
    assert next(pulled.iterdir()).read_bytes() == package.read_bytes()


def request(registry: Registry, method: str, path: str, body: bytes = b"") -> tuple[int, bytes]:
    asked = urllib.request.Request(f"http://{registry.address}{path}", data=body or None, method=method)
    try:
        with urllib.request.urlopen(asked) as answer:
            return answer.status, answer.read()
    except HTTPError as error:
        with error:
            return error.code, error.read()


def test_content_under_a_wrong_digest_is_refused(registry: Registry) -> None:
    digest = f"sha256:{'0' * 64}"
    status, body = request(registry, "POST", f"/v2/team/hello/blobs/uploads/?digest={digest}", b"hello")
    assert (status, json.loads(body)["errors"][0]["code"]) == (400, "DIGEST_INVALID")
    assert request(registry, "GET", f"/v2/team/hello/blobs/{digest}")[0] == 404


@pytest.mark.parametrize(
    "path", ["/v2/team/../../etc/tags/list", "/v2/Team/tags/list", "/", "/v2/nothing/tags/list"]
)
def test_what_is_not_stored_is_not_found(registry: Registry, path: str) -> None:
    assert request(registry, "GET", path)[0] == 404


def test_a_signature_is_found_by_what_it_signs(registry: Registry) -> None:
    media_type = "application/vnd.oci.image.manifest.v1+json"
    subject = {
        "mediaType": media_type,
        "digest": f"sha256:{'1' * 64}",
        "size": 2,
    }
    manifest = {"schemaVersion": 2, "artifactType": "application/x-signature", "subject": subject}
    registry.storage.add_manifest("team/hello", "signature", media_type, json.dumps(manifest).encode())
    status, body = request(registry, "GET", f"/v2/team/hello/referrers/{subject['digest']}")
    [found] = json.loads(body)["manifests"]
    assert (status, found["artifactType"]) == (200, "application/x-signature")
