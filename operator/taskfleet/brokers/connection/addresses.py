"""Which addresses the operator connects to for a tenant. A name is resolved first, and what it stands for is checked."""

import asyncio
import contextlib
import socket
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Network = IPv4Network | IPv6Network

# Not the loop's own threads: each request to the API server needs one of those for a moment, and names that no server
# answers for hold theirs for many seconds.
_LOOKUPS = ThreadPoolExecutor(32, thread_name_prefix="name-lookup")


class RefusedAddressError(OSError):
    """The operator connects to no such address. The text is ours."""


@dataclass(frozen=True)
class AddressPolicy:
    """`allowed`: these only, where there are any; `refused`: none of these. Link-local, multicast and unspecified
    addresses are refused always: the node's metadata service is at one of them.
    """

    allowed: tuple[Network, ...] = ()
    refused: tuple[Network, ...] = ()

    def lets(self, text: str) -> bool:
        """Whether an address in text form may be connected to."""
        address = _plain(ip_address(text.partition("%")[0]))
        if address.is_link_local or address.is_multicast or address.is_unspecified:
            return False
        if any(address in network for network in self.refused):
            return False
        return not self.allowed or any(address in network for network in self.allowed)

    async def resolve(self, host: str, port: int, namespace: str = "") -> str:
        """An address of `host` that may be connected to. Raises OSError.

        A name without a dot is one of a Service of `namespace`, as it is to the pods there.
        """
        try:
            addresses = await _look_up(host, port, namespace)
        except UnicodeError:  # no name of a host, which Python's own encoding of names says so
            raise OSError("the host name is not valid") from None
        allowed = next((address for address in addresses if self.lets(address)), None)
        if allowed is None:
            raise RefusedAddressError("this installation denies every address of the host")
        return allowed


async def _look_up(host: str, port: int, namespace: str) -> list[str]:
    """The addresses of a host, at once where it is one itself."""
    try:
        return _addresses(host, port, socket.AI_NUMERICHOST)
    except socket.gaierror:
        return await asyncio.get_running_loop().run_in_executor(_LOOKUPS, _named, host, port, namespace)


def _named(host: str, port: int, namespace: str) -> list[str]:
    """As a pod of the namespace finds it: first among the Services there, then wherever its node looks.

    https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/#namespaces-of-services
    """
    if namespace and "." not in host and host != "localhost":
        with contextlib.suppress(socket.gaierror):
            return _addresses(f"{host}.{namespace}", port, 0)
    return _addresses(host, port, 0)


def _addresses(host: str, port: int, flags: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=flags)
    return [str(sockaddr[0]) for *_, sockaddr in found]


def _plain(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """An IPv4 address that is written as an IPv6 one is the IPv4 address."""
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


ANYWHERE = AddressPolicy()
"""Nothing is refused but what always is."""
