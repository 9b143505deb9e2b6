"""A Debian root file system with Python and Redis: the base of all images where none can be pulled."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path

from tests.tools.cluster.progress import step
from tests.tools.cluster.state import ClusterError

_SUITE = "bookworm"
_PACKAGES = ("python3", "python3-venv", "python-is-python3", "ca-certificates", "redis-server", "redis-tools")
# Documentation, translations and package lists are half of it.
_SCRIPT = """
debootstrap --variant=minbase --include="$1" "$2" "$3" $5 > "$3.log" 2>&1 || { tail -5 "$3.log"; exit 1; }
cd "$3"
rm -rf var/cache/apt/* var/lib/apt/lists/* var/log/* usr/share/doc usr/share/man usr/share/locale usr/share/info
tar --sort=name --numeric-owner -cf "$4" .
"""


def digest() -> str:
    """Of the recipe; the packages' versions are those of the day it is first made."""
    return hashlib.sha256(f"{_SUITE} {_PACKAGES} {_SCRIPT}".encode()).hexdigest()[:12]


def rootfs(folder: Path) -> Path:
    """The root file system as a tar archive in that folder, made first where it is not there."""
    path = folder / f"rootfs-{digest()}.tar"
    if not path.exists():
        with step(f"bootstrapping Debian {_SUITE} as the base of images"):
            _bootstrap(folder / "rootfs", path)
    return path


def _bootstrap(folder: Path, path: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    temporary = path.with_suffix(".new")
    arguments = [",".join(_PACKAGES), _SUITE, str(folder), str(temporary), _mirror()]
    # In a mount namespace: an interrupted debootstrap leaves mounts behind.
    command = ["unshare", "--mount", "--propagation", "private", "sh", "-ec", _SCRIPT, "sh", *arguments]
    result = subprocess.run(command, check=False, capture_output=True, text=True)
    if result.returncode != 0:
        raise ClusterError(f"debootstrap failed; run the command again.\n{result.stdout}{result.stderr}")
    temporary.rename(path)
    shutil.rmtree(folder)


def _mirror() -> str:
    """The mirror that this machine's apt uses; empty for debootstrap's own choice."""
    command = ["apt-get", "indextargets", "--format", "$(RELEASE) $(SITE)", "Identifier: Packages"]
    result = subprocess.run(command, check=False, capture_output=True, text=True)
    sites = [line.split(" ", 1)[1] for line in result.stdout.splitlines() if line.startswith(f"{_SUITE} ")]
    return sites[0] if sites else ""
