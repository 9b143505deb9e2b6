"""What a bare cluster leaves on the machine, looked for without the code that removes it."""

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path

from tests.tools.cluster.addresses import Addresses
from tests.tools.cluster.state import read_record, run_dir

# What container programs write to where nobody told them otherwise.
_USUAL_PLACES = (
    "/etc/cni/net.d", "/run/containerd", "/run/netns", "/run/xtables.lock", "/var/lib/cni", "/var/lib/containerd",
    "/var/lib/kubelet", "/var/log/containers", "/var/log/pods",
)  # fmt: skip


@dataclass(frozen=True)
class Footprint:
    """Where to look for a cluster; taken while it runs, because its namespaces have no name afterwards."""

    name: str
    folder: Path
    slot: int
    namespaces: frozenset[str]
    taken: int  # clock ticks since the machine's start: the kernel gives a namespace's number again after its end


def footprint(name: str) -> Footprint:
    record = read_record(name)
    assert record is not None
    here = Footprint(name, run_dir(name), record.slot, frozenset(), taken=0)
    own = set(_namespaces(os.getpid()))
    inside = {one for pid in _pids() if _names(pid, here) for one in _namespaces(pid)} - own
    return Footprint(name, here.folder, record.slot, frozenset(inside), taken=_ticks_now())


def machine() -> dict[str, str]:
    """What a cluster must not change outside of its own things."""
    places = {place: "\n".join(sorted(_below(Path(place)))) for place in _USUAL_PLACES}
    rules = subprocess.run(["iptables-save"], check=True, capture_output=True, text=True).stdout
    rules = "\n".join(line for line in rules.splitlines() if not line.startswith("#"))  # times
    return {**places, "iptables": rules}


def traces(of: Footprint) -> list[tuple[str, str]]:
    """(kind, what) of everything that is there."""
    return [
        *(("process", _command(pid)) for pid in _pids() if _names(pid, of) or _shares(pid, of)),
        *(
            ("mount", line)
            for line in Path("/proc/self/mountinfo").read_text().splitlines()
            if _in_mount(line, of)
        ),
        *(
            ("link", name)
            for name in os.listdir("/sys/class/net")
            if name.split("n")[0] == Addresses(of.slot).link()
        ),
        *(("route", line) for line in _routes(of)),
        *(("control group", path) for path in _control_groups() if path.endswith(f"/taskfleet-{of.name}")),
        *(("file", path) for path in _below(of.folder)),
    ]


def _control_groups() -> Iterator[str]:
    """All of the machine; of another cluster's some may go meanwhile, which `walk` passes over and `glob` does not."""
    return (folder for folder, _, _ in os.walk("/sys/fs/cgroup"))


def _names(pid: int, of: Footprint) -> bool:
    """Whether a process names the cluster's folder or is in its control group."""
    return any(
        f"{of.folder}/" in text or text.rstrip("\0").endswith(str(of.folder))
        for text in (_read(pid, "cmdline"), *_read(pid, "environ").split("\0"))
    ) or f"/taskfleet-{of.name}/" in _read(pid, "cgroup")


def _shares(pid: int, of: Footprint) -> bool:
    """Whether a process that was there when the footprint was taken is in a namespace of the cluster."""
    return not of.namespaces.isdisjoint(_namespaces(pid)) and _started(pid) <= of.taken


def _started(pid: int) -> int:
    """proc(5), stat: `starttime`; 0 for a process that has just ended."""
    fields = _read(pid, "stat").rpartition(")")[2].split()
    return int(fields[19]) if fields else 0


def _ticks_now() -> int:
    return int(float(Path("/proc/uptime").read_text().split()[0]) * os.sysconf("SC_CLK_TCK"))


def _in_mount(line: str, of: Footprint) -> bool:
    return str(of.folder) in line or any(namespace in line for namespace in of.namespaces)


def _routes(of: Footprint) -> list[str]:
    addresses = Addresses(of.slot)
    networks = (addresses.node_network, addresses.pod_network, addresses.service_network)
    output = subprocess.run(["ip", "-json", "-4", "route"], check=True, capture_output=True).stdout
    targets = [route["dst"] for route in json.loads(output) if route["dst"] != "default"]
    return [one for one in targets if any(IPv4Network(one).overlaps(network) for network in networks)]


def _pids() -> list[int]:
    """All but this process, and but those that have ended: whose parent is gone, init has yet to bury."""
    others = (int(entry) for entry in os.listdir("/proc") if entry.isdigit() and int(entry) != os.getpid())
    return [pid for pid in others if "\nState:\tZ" not in _read(pid, "status")]


def _namespaces(pid: int) -> Iterator[str]:
    for kind in ("net", "mnt", "pid"):
        try:
            yield os.readlink(f"/proc/{pid}/ns/{kind}")
        except OSError:  # ended meanwhile
            return


def _read(pid: int, file: str) -> str:
    try:
        return Path(f"/proc/{pid}/{file}").read_bytes().decode(errors="replace")
    except OSError:
        return ""


def _command(pid: int) -> str:
    return f"{pid} {_read(pid, 'cmdline').replace(chr(0), ' ')}"


def _below(path: Path) -> list[str]:
    return [str(path), *map(str, path.rglob("*"))] if path.exists() else []
