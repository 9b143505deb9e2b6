"""Addresses of a cluster, derived from its slot, so that clusters side by side never share one.

Each slot owns a /19 of 198.18.0.0/15, a range set aside for benchmarks (RFC 2544) that no real network
routes. The programs of the control plane listen on a loopback address of the slot, on their usual ports.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

_RANGE = IPv4Network("198.18.0.0/15")
ETCD_PORT = 2379


@dataclass(frozen=True)
class Addresses:
    """The networks of one slot: /24 number 0 for nodes, 8 to 15 for pods, 16 to 31 for Services."""

    slot: int

    @property
    def _base(self) -> int:
        return int(_RANGE.network_address) + self.slot * 2**13

    @property
    def node_network(self) -> IPv4Network:
        return IPv4Network((self._base, 24))

    @property
    def pod_network(self) -> IPv4Network:
        return IPv4Network((self._base + 8 * 256, 21))

    @property
    def service_network(self) -> IPv4Network:
        return IPv4Network((self._base + 16 * 256, 20))

    @property
    def host(self) -> IPv4Address:
        """The machine itself, as nodes and pods see it."""
        return self.node_network[1]

    def node(self, number: int) -> IPv4Address:
        """Node numbers start at 1."""
        return self.node_network[10 + number]

    def pods_of(self, number: int) -> IPv4Network:
        return list(self.pod_network.subnets(new_prefix=24))[number - 1]

    @property
    def loopback(self) -> IPv4Address:
        return IPv4Address("127.18.0.1") + self.slot * 256

    @property
    def kubernetes_service(self) -> IPv4Address:
        return self.service_network[1]

    @property
    def dns_service(self) -> IPv4Address:
        return self.service_network[10]

    def link(self, number: int = 0) -> str:
        """Name of the host's end of a node's link; number 0 is the bridge between all of them."""
        return f"tf{self.slot}n{number}" if number else f"tf{self.slot}"
