"""Base images, pinned to what a registry of the test's own has."""

from pathlib import Path

import pytest

from tests.tools.registry import Registry, empty_image
from tests.tools.release.base_images import DOCKERFILES, digest_of, pinned
from tests.tools.release.checkout import ReleaseError

ROOT = Path(__file__).parents[4]


def test_a_tag_is_pinned_and_pinned_again_when_it_moves(tmp_path: Path) -> None:
    with Registry(tmp_path) as registry:
        tag = f"{registry.address}/library/python:3.12-slim"
        empty_image.push(registry, "library/python", "3.12-slim")
        first = digest_of(tag)
        once = pinned(f"ARG BASE={tag}\nFROM ${{BASE}}\n", digest_of)
        assert once == f"ARG BASE={tag}@{first}\nFROM ${{BASE}}\n"
        empty_image.push(registry, "library/python", "3.12-slim", label="newer")
        again = pinned(once, digest_of)
        assert again.count("@sha256:") == 1
        assert first not in again


def test_a_base_that_no_registry_has_is_an_error(tmp_path: Path) -> None:
    with Registry(tmp_path) as registry, pytest.raises(ReleaseError, match="crane"):
        pinned(f"ARG BASE={registry.address}/library/python:3.12-slim\n", digest_of)


@pytest.mark.parametrize("name", DOCKERFILES)
def test_every_dockerfile_has_a_base_that_can_be_pinned(name: str) -> None:
    digest = f"sha256:{'0' * 64}"
    assert f"@{digest}" in pinned((ROOT / name).read_text(), lambda _: digest)
