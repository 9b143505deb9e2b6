"""A node: namespaces of its own, held by one process, in which its programs run.

The mounts that containerd and the kubelet make, the network of the pods and what these programs write to
/run, /var/lib and /var/log are seen only in there, and end with the last process in there.
"""

from __future__ import annotations

from pathlib import Path

from tests.tools.cluster import cgroups, config
from tests.tools.cluster.components import Layout
from tests.tools.cluster.processes import log_file, marked, start, wait_until
from tests.tools.cluster.state import ClusterError

# Mounts of the machine are copied into a new mount namespace and would live as long as the node does;
# for another cluster's network namespaces that would be too long.
_HIDDEN = ("/run", "/var/lib", "/var/log")  # a file system of the node's own stands over each
_HOLD = f"""
for mount in $(cut -d ' ' -f 2 /proc/mounts | grep -E '^/(var/)?run/netns' | sort -r); do umount -l "$mount"; done
for folder in {" ".join(_HIDDEN)}; do mount -t tmpfs tmpfs $folder; done
echo ready
exec sleep infinity
"""


def holder_name(number: int) -> str:
    return f"node-{number}"


def check_folder(folder: Path, mounts: str) -> None:
    """ClusterError where nodes cannot have their files in that folder; `mounts` is the text of /proc/mounts."""
    hidden = [top for top in _HIDDEN if folder.is_relative_to(top)]
    if hidden:
        raise ClusterError(
            f"{folder} lies below {hidden[0]}, which nodes cannot see: set XDG_CACHE_HOME elsewhere."
        )
    below = [
        line.split(" ")[1:3] for line in mounts.splitlines() if folder.is_relative_to(line.split(" ")[1])
    ]
    point, kind = max(below, key=lambda mount: len(mount[0]))
    if kind == "overlay":
        raise ClusterError(
            f"{folder} lies on {point}, an overlay file system, on which containerd cannot make another: "
            "set XDG_CACHE_HOME to a folder on a disk or a tmpfs."
        )


def write_files(layout: Layout, number: int, *, pause_image: str) -> None:
    """The configuration of the node's programs."""
    folder, addresses = layout.node(number), layout.addresses
    (folder / "cni").mkdir(parents=True)
    (folder / "containerd").mkdir()
    group = cgroup(layout, number)
    kubelet = config.kubelet(addresses, number, node_dir=folder, pki=layout.pki, cgroup_root=group)
    (folder / "kubelet.yaml").write_text(kubelet)
    (folder / "containerd.toml").write_text(config.containerd(folder, pause_image=pause_image))
    (folder / "cni" / "10-taskfleet.conflist").write_text(config.cni(addresses, number, node_dir=folder))
    (folder / "resolv.conf").write_text(config.resolv_conf(addresses))


def cgroup(layout: Layout, number: int) -> str:
    return f"{cgroups.root_name(layout.record.name)}/node{number}"


def hold(layout: Layout, number: int, environment: dict[str, str]) -> int:
    """Make the node's control group and namespaces; the pid of the process that holds them."""
    cgroups.create(cgroup(layout, number))
    name = holder_name(number)
    argv = ["unshare", "--net", "--mount", "--uts", "--propagation", "slave", "sh", "-ec", _HOLD]
    start(argv, component=name, run_dir=layout.run, environment=environment)
    log = log_file(layout.run, name)
    # A process that becomes `sleep` has no environment for a moment, and so no mark.
    wait_until(
        lambda: "ready" in log.read_text() and bool(_holders(layout.run, number)),
        seconds=10,
        failure=lambda: f"{name}: {log.read_text()}",
    )
    return holder(layout.run, number)


def holder(run_dir: Path, number: int) -> int:
    """The pid of the process that holds a node's namespaces. ClusterError where it does not run."""
    if not (found := _holders(run_dir, number)):
        raise ClusterError(f"node {number} does not run: its process {holder_name(number)} is gone.")
    return found[0]


def _holders(run_dir: Path, number: int) -> list[int]:
    return [process.pid for process in marked(run_dir) if process.component == holder_name(number)]


def inside(pid: int, argv: tuple[str, ...]) -> list[str]:
    """The command that runs a program in the namespaces of a node's holder."""
    return ["nsenter", "-t", str(pid), "-n", "-m", "-u", "--", *argv]
