"""A release, pushed to a registry of the test's own."""

from pathlib import Path

import pytest

from tests.tools.registry import Registry
from tests.tools.release.checkout import ReleaseError
from tests.tools.release.login import Login
from tests.tools.release.publish import publish
from tests.tools.tests.release.conftest import pushed


def test_images_and_chart_are_published_below_the_registry(dist: Path, registry: Registry) -> None:
    digests = pushed(dist, registry)
    assert set(digests) == {
        f"{registry.address}/team/taskfleet-operator:7.8.9",
        f"{registry.address}/team/charts/taskfleet:7.8.9",
    }
    stored = registry.storage.manifest("team/charts/taskfleet", "7.8.9")
    assert stored.digest == digests[f"{registry.address}/team/charts/taskfleet:7.8.9"]


def test_publishing_again_changes_nothing(dist: Path, registry: Registry) -> None:
    first = pushed(dist, registry)
    (dist / "taskfleet-7.8.9.tgz").touch()
    assert pushed(dist, registry) == first


def test_the_password_is_in_no_error(dist: Path, registry: Registry) -> None:
    with pytest.raises(ReleaseError) as caught:
        publish(dist, f"{registry.address}/team", plain_http=True, login=Login("robot", "not the password"))
    assert "not the password" not in str(caught.value)


def test_a_release_for_another_registry_is_refused(dist: Path) -> None:
    with pytest.raises(ReleaseError, match=r"build it again with REGISTRY=elsewhere\.example"):
        publish(dist, "elsewhere.example/team")


def test_a_folder_without_a_release_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ReleaseError, match="run `make release` first"):
        publish(tmp_path, "registry.example/team")
