"""SHA-256 of every file of a release, in the form that `sha256sum --check` reads."""

import hashlib
from pathlib import Path

NAME = "checksums.txt"


def digests(folder: Path) -> dict[str, str]:
    """By name below the folder."""
    paths = (path for path in folder.rglob("*") if path.is_file() and path.name != NAME)
    return {path.relative_to(folder).as_posix(): file_digest(path) for path in sorted(paths)}


def file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write(folder: Path) -> None:
    lines = (f"{digest}  {name}\n" for name, digest in digests(folder).items())
    (folder / NAME).write_text("".join(lines))
