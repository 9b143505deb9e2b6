"""The network between the machine and its nodes: one bridge, a veth pair for each node, routes to the pods."""

from __future__ import annotations

import json
import socket
import subprocess
from collections.abc import Sequence
from ipaddress import IPv4Network

from tests.tools.cluster.addresses import ETCD_PORT, Addresses


def connect(addresses: Addresses, holders: Sequence[int]) -> None:
    """Join the nodes to the bridge. A node is given by the pid of a process in its network namespace."""
    bridge = addresses.link()
    _ip("link", "add", bridge, "type", "bridge")
    _ip("address", "add", f"{addresses.host}/24", "dev", bridge)
    _ip("link", "set", bridge, "up")
    for number, holder in enumerate(holders, start=1):
        link = addresses.link(number)
        _ip("link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", str(holder))
        _ip("link", "set", link, "master", bridge, "up")
        _set_up_node(addresses, number, holder)
        _ip("route", "add", str(addresses.pods_of(number)), "via", str(addresses.node(number)))
    for number, holder in enumerate(holders, start=1):
        for other in range(1, len(holders) + 1):
            if other != number:
                route = (str(addresses.pods_of(other)), "via", str(addresses.node(other)))
                _ip("route", "add", *route, namespace_of=holder)
    # kube-proxy of the first node serves the machine's own connections to Services.
    _ip("route", "add", str(addresses.service_network), "via", str(addresses.node(1)))


def _set_up_node(addresses: Addresses, number: int, holder: int) -> None:
    _ip("link", "set", "lo", "up", namespace_of=holder)
    _ip("address", "add", f"{addresses.node(number)}/24", "dev", "eth0", namespace_of=holder)
    _ip("link", "set", "eth0", "up", namespace_of=holder)
    _ip("route", "add", "default", "via", str(addresses.host), namespace_of=holder)
    forward = ["nsenter", "-t", str(holder), "-n", "sysctl", "-qw", "net.ipv4.ip_forward=1"]
    subprocess.run(forward, check=True)


def disconnect(addresses: Addresses) -> None:
    """Remove the slot's links; their addresses and routes go with them."""
    for link in _links(addresses):
        subprocess.run(["ip", "link", "delete", link], check=False, capture_output=True)


def in_use(addresses: Addresses) -> bool:
    """Whether something that is no cluster of this user has the slot's links, routes or loopback address."""
    if _links(addresses):
        return True
    mine = (addresses.node_network, addresses.pod_network, addresses.service_network)
    if any(route.overlaps(network) for route in _routes() for network in mine):
        return True
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            server.bind((str(addresses.loopback), ETCD_PORT))
        except OSError:
            return True
    return False


def _links(addresses: Addresses) -> list[str]:
    bridge = addresses.link()
    names = [name for _, name in socket.if_nameindex()]
    return [name for name in names if name == bridge or name.startswith(f"{bridge}n")]


def _routes() -> list[IPv4Network]:
    output = subprocess.run(["ip", "-json", "-4", "route"], check=True, capture_output=True).stdout
    targets = [route["dst"] for route in json.loads(output)]
    return [IPv4Network(target) for target in targets if target != "default"]


def _ip(*arguments: str, namespace_of: int = 0) -> None:
    prefix = ["nsenter", "-t", str(namespace_of), "-n"] if namespace_of else []
    subprocess.run([*prefix, "ip", *arguments], check=True, capture_output=True, text=True)
