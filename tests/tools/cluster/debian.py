"""Programs from Debian packages: what is missing, and how to get it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.tools.cluster.progress import step
from tests.tools.cluster.state import ClusterError, lock

OS_RELEASE = Path("/etc/os-release")
# Package -> a file or a program on PATH that shows that it is there.
CONTROL_PLANE = {"openssl": "openssl", "iproute2": "ip"}
FULL = {
    **CONTROL_PLANE,
    "containerd": "containerd",
    "runc": "runc",
    "containernetworking-plugins": "/usr/lib/cni/bridge",
    "iptables": "iptables",
    "conntrack": "conntrack",
    "procps": "sysctl",
    "mount": "mount",
    "util-linux": "unshare",
    "buildah": "buildah",
    "debootstrap": "debootstrap",
}


# A machine that has just started may be installing something itself.
_PATIENT = ("-o", "DPkg::Lock::Timeout=120", "-o", "Acquire::Retries=3")


def require(packages: dict[str, str]) -> None:
    """Install what is missing (Debian 12 as root, asked once on a terminal), or say what to install."""
    needs_root = packages is FULL
    if needs_root and os.geteuid() != 0:
        raise ClusterError(
            "a bare cluster with nodes needs root (namespaces, mounts): run this as root, use a Docker engine "
            "(provider kind), or your own cluster (TASKFLEET_KUBECONFIG, provider existing)."
        )
    missing = [name for name, proof in packages.items() if not found(proof)]
    if not missing:
        return
    command = f"apt-get install --no-install-recommends {' '.join(missing)}"
    if not is_debian_12(OS_RELEASE.read_text()):
        raise ClusterError(
            f"missing programs: {', '.join(missing)} (names of Debian 12 packages). A bare cluster is made for "
            f"Debian 12; there it is `{command}`. Elsewhere use a Docker engine (provider kind) or your own cluster "
            "(TASKFLEET_KUBECONFIG, provider existing)."
        )
    if os.geteuid() != 0 or not _agreed(command):
        raise ClusterError(f"missing packages: {', '.join(missing)}. Install them: `{command}`")
    install(missing)


def found(proof: str) -> bool:
    path = f"{os.environ['PATH']}:/usr/sbin:/sbin"
    return Path(proof).exists() if proof.startswith("/") else shutil.which(proof, path=path) is not None


def is_debian_12(os_release: str) -> bool:
    lines = {line.replace('"', "") for line in os_release.splitlines()}
    return {"ID=debian", "VERSION_ID=12"} <= lines


def _agreed(command: str) -> bool:
    """Ask a person; the end of the input (Ctrl-D) means no. A machine without a person (CI, no terminal) agrees."""
    if os.environ.get("CI") or not sys.stdin.isatty():
        return True
    try:
        answer = input(f"Packages are missing. Run `{command}`? [Y/n] ")
    except EOFError:
        print()  # ends the line of the question
        return False
    return answer.strip().lower() in ("", "y", "yes")


def install(packages: list[str]) -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    commands = (
        # An installation that was interrupted lets none begin until it has been ended.
        ["dpkg", "--configure", "-a"],
        ["apt-get", *_PATIENT, "update", "-qq"],
        ["apt-get", *_PATIENT, "install", "-y", "-qq", "--no-install-recommends", *packages],
    )
    # Tests that run beside each other may install at the same time, which apt refuses.
    with step(f"installing {' '.join(packages)}"), lock("apt"):
        for command in commands:
            result = subprocess.run(command, check=False, capture_output=True, text=True, env=environment)
            if result.returncode != 0:
                raise ClusterError(f"`{' '.join(command)}` failed:\n{result.stderr[-2000:]}")
