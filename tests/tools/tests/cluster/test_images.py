from pathlib import Path

import pytest

from tests.tools.cluster import images
from tests.tools.cluster.images import CATALOGUE, Image, copied, prefixed, stage, tag
from tests.tools.cluster.state import ClusterError

DOCKERFILE = """\
ARG BASE=python
FROM ${BASE} AS build
COPY --from=other /x /y
# COPY comment /x
COPY --chown=app:app a.py sub \\
     /app/
FROM scratch
COPY --from=build /app /app
"""


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "checkout"
    (root / "sub" / "__pycache__").mkdir(parents=True)
    (root / "Dockerfile").write_text(DOCKERFILE)
    (root / "a.py").write_text("a")
    (root / "sub" / "b.py").write_text("b")
    (root / "secret").write_text("not copied")
    (root / "sub" / "__pycache__" / "b.pyc").write_text("bytes")
    monkeypatch.setattr(images, "ROOT", root)
    return root


def staged_tag(folder: Path, *, base: str = "base:1", **fields: str) -> str:
    folder.mkdir()
    image = Image("x", "Dockerfile", **fields)  # type: ignore[arg-type]
    stage(image, folder)
    return tag(image, folder, base)


def test_sources_are_those_of_copy_lines_from_the_context() -> None:
    assert copied(DOCKERFILE) == ["a.py", "sub"]


def test_only_what_the_dockerfile_copies_gets_into_the_context(checkout: Path, tmp_path: Path) -> None:
    staged_tag(tmp_path / "context")
    found = {str(path.relative_to(tmp_path / "context")) for path in (tmp_path / "context").rglob("*.*")}
    assert found == {"a.py", "sub/b.py", images.DOCKERFILE}
    assert (checkout / "secret").exists()


def test_an_unchanged_image_keeps_its_tag(checkout: Path, tmp_path: Path) -> None:
    before = staged_tag(tmp_path / "one")
    (checkout / "secret").write_text("changed")
    (checkout / "sub" / "b.py").touch()
    assert staged_tag(tmp_path / "two") == before


@pytest.mark.parametrize("change", ["content", "name", "mode", "dockerfile", "base", "target"])
def test_a_changed_image_gets_another_tag(checkout: Path, tmp_path: Path, change: str) -> None:
    before = staged_tag(tmp_path / "one")
    base, fields = "base:1", {}
    match change:
        case "content":
            (checkout / "a.py").write_text("other")
        case "name":
            (checkout / "sub" / "b.py").rename(checkout / "sub" / "c.py")
        case "mode":
            (checkout / "a.py").chmod(0o755)
        case "dockerfile":
            (checkout / "Dockerfile").write_text(DOCKERFILE + "USER 1\n")
        case "base":
            base = "base:2"
        case "target":
            fields = {"target": "build"}
    assert staged_tag(tmp_path / "two", base=base, **fields) != before


def test_a_source_that_does_not_exist_is_named(checkout: Path, tmp_path: Path) -> None:
    (checkout / "a.py").unlink()
    with pytest.raises(ClusterError, match=r"Dockerfile copies .*/a\.py, which does not exist"):
        staged_tag(tmp_path / "context")


@pytest.mark.parametrize("image", CATALOGUE.values(), ids=lambda image: image.name)
def test_every_image_of_the_table_names_a_dockerfile_and_a_base_that_exist(image: Image) -> None:
    assert (images.ROOT / image.dockerfile).is_file()
    assert image.base in (None, images.BASE, *CATALOGUE)


@pytest.mark.parametrize("prefix", ["registry.example/team", "registry.example/team/"])
def test_a_prefix_may_end_with_a_slash_or_not(prefix: str) -> None:
    assert prefixed(prefix, "redis", "7") == "registry.example/team/redis:7"


def test_without_a_prefix_the_name_stands_alone() -> None:
    assert prefixed("", "redis", "7") == "redis:7"
