"""The command line as one file for each platform: a zip file that Python 3.11 to 3.14 runs."""

from __future__ import annotations

import hashlib
import io
import subprocess
import sys
import zipfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.tools.release import cli_start
from tests.tools.release.checkout import ReleaseError, Source

PYTHONS = ("3.11", "3.12", "3.13", "3.14")
PLATFORMS = {  # of Kubernetes' programs: as uv names it
    "linux-amd64": "x86_64-manylinux_2_28",
    "linux-arm64": "aarch64-manylinux_2_28",
    "darwin-arm64": "aarch64-apple-darwin",
}
_SHEBANG = b"#!/usr/bin/env python3\n"
# Type stubs and C sources do not run. Programs name an interpreter, and there is one entry here.
_LEFT_OUT = (".pyi", ".c", ".h", ".pxd", ".pyx")
_PROGRAMS = "bin"
# Of a package's own records, what does not tell where and when it was installed.
_RECORDS = ("METADATA", "entry_points.txt", "licenses")


def build(source: Source, target: Path) -> None:
    """A file for each platform, with the wheel that lies in the target folder."""
    wheel = next(target.glob("*.whl"))
    for platform, name in PLATFORMS.items():
        path = target / f"kubectl-taskfleet-{platform}"
        write(path, packages(source, wheel, name, PYTHONS), source.epoch)


def packages(source: Source, wheel: Path, platform: str, pythons: Sequence[str]) -> dict[str, bytes]:
    """All that the command line imports, by path, for several versions of Python."""
    files: dict[str, bytes] = {}
    for python in pythons:
        with TemporaryDirectory() as folder:
            _install(source, wheel, Path(folder), python, platform)
            add(files, _read(Path(folder)))
    return files


def add(files: dict[str, bytes], more: Mapping[str, bytes]) -> None:
    """Packages for another Python into the same folder: extension modules differ by name, the rest is equal."""
    for name, content in more.items():
        if files.setdefault(name, content) != content and not _recorded(name):
            raise ReleaseError(
                f"{name} differs between versions of Python: one file cannot serve all of them."
            )


def write(path: Path, files: Mapping[str, bytes], epoch: int) -> None:
    """A zip file in a zip file: Python reads the directory of the outer one at each start, and it is short."""
    packages = _zipped(files, epoch, zipfile.ZIP_DEFLATED)
    start = Path(cli_start.__file__).read_text()
    digest = hashlib.sha256(packages).hexdigest()[:16]
    main = start.replace(f'"{cli_start.DIGEST}"', f'"{digest}"', 1)
    outer = {"__main__.py": main.encode(), cli_start.PACKAGES: packages}
    path.write_bytes(_SHEBANG + _zipped(outer, epoch, zipfile.ZIP_STORED))
    path.chmod(0o755)


def _zipped(files: Mapping[str, bytes], epoch: int, compression: int) -> bytes:
    time = datetime.fromtimestamp(epoch, UTC).timetuple()[:6]
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in sorted(files):
            archive.writestr(zipfile.ZipInfo(name, time), files[name], compression)
    return buffer.getvalue()


def _read(folder: Path) -> dict[str, bytes]:
    paths = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in paths.items() if _kept(name)}


def _kept(name: str) -> bool:
    first, _, rest = name.partition("/")
    if first == _PROGRAMS or name.endswith(_LEFT_OUT):
        return False
    return not _recorded(name) or rest.startswith(_RECORDS)


def _recorded(name: str) -> bool:
    return name.partition("/")[0].endswith(".dist-info")


def _install(source: Source, wheel: Path, folder: Path, python: str, platform: str) -> None:
    """What a machine of that platform would install, from the pinned wheels."""
    uv = [str(Path(sys.executable).with_name("uv")), "pip", "install", "--quiet", "--target", str(folder)]
    uv += ["--no-deps", "--python-version", python, "--python-platform", platform]
    lock = [
        "--no-build",
        "--require-hashes",
        "--requirement",
        str(source.folder / "requirements/operator.txt"),
    ]
    for arguments in (lock, [str(wheel)]):
        result = subprocess.run([*uv, *arguments], check=False, capture_output=True, text=True)
        if result.returncode != 0:
            raise ReleaseError(f"uv pip install for {platform} and Python {python} failed.\n{result.stderr}")
