"""A release with one small image, and a registry for it that wants a password."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tools.registry import Registry, empty_image
from tests.tools.release import chart
from tests.tools.release.build import release
from tests.tools.release.checkout import Source
from tests.tools.release.login import Login
from tests.tools.release.publish import publish

ROOT = Path(__file__).parents[4]
PASSWORD = "open sesame"


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    with Registry(tmp_path / "registry", user="robot", password=PASSWORD) as running:
        yield running


def image(source: Source, target: Path) -> None:
    empty_image.write(target / f"taskfleet-operator-{source.version}.oci.tar")


@pytest.fixture
def dist(tmp_path: Path, registry: Registry) -> Path:
    parts = [("the chart", chart.build), ("images", image)]
    target = tmp_path / "dist"
    release(ROOT, target, parts, version="7.8.9", registry=f"{registry.address}/team", builder="test")
    return target


def pushed(dist: Path, registry: Registry) -> dict[str, str]:
    """The digests of what is published, by reference."""
    login = Login("robot", PASSWORD)
    return publish(dist, f"{registry.address}/team", plain_http=True, login=login)
