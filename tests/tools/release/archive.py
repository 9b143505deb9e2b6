"""Archives whose bytes depend on names and contents only."""

import gzip
import io
import tarfile
from collections.abc import Mapping
from pathlib import Path


def write(
    path: Path, files: Mapping[str, bytes], epoch: int, *, executable: frozenset[str] = frozenset()
) -> None:
    """A .tar.gz in the order of the names, owned by nobody, of one time."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name in sorted(files):
            entry = tarfile.TarInfo(name)
            entry.size = len(files[name])
            entry.mtime = epoch
            entry.mode = 0o755 if name in executable else 0o644
            archive.addfile(entry, io.BytesIO(files[name]))
    with (
        path.open("wb") as file,
        gzip.GzipFile("", "wb", compresslevel=9, fileobj=file, mtime=epoch) as packed,
    ):
        packed.write(plain.getvalue())
