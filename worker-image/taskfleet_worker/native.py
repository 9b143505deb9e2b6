"""Threads and sockets that gevent and eventlet do not patch. Import this before anything is patched.

`_thread` and `_socket` are the C modules below `threading` and `socket`: what is taken from them here stays what
it is when the Python modules above are replaced.
"""

from __future__ import annotations

import _socket
import posix
from _thread import allocate_lock, start_new_thread
from time import monotonic, sleep

__all__ = [
    "allocate_lock", "complain", "connect", "listen", "monotonic", "reachable", "readable", "sleep",
    "start_new_thread",
]  # fmt: skip

from collections.abc import Iterable
from select import POLLIN, poll


def complain(text: str) -> None:
    """A line on standard error; logging takes locks, which are not native ones any more."""
    posix.write(2, (text + "\n").encode())


def readable(descriptors: Iterable[int], *, within: float = 0) -> list[int]:
    """Those that have something to read, or will never have again; waits for the first one `within` so many seconds."""
    poller = poll()
    for descriptor in descriptors:
        poller.register(descriptor, POLLIN)
    return [descriptor for descriptor, _ in poller.poll(within * 1000)]


def listen(port: int) -> _socket.socket:
    """A listening socket on every address, IPv6 and IPv4 where the node has both."""
    try:
        sock = _socket.socket(_socket.AF_INET6, _socket.SOCK_STREAM)
        address = "::"
        sock.setsockopt(_socket.IPPROTO_IPV6, _socket.IPV6_V6ONLY, 0)
    except OSError:
        sock = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)
        address = "0.0.0.0"  # noqa: S104 - the kubelet asks on the pod's address
    sock.setsockopt(_socket.SOL_SOCKET, _socket.SO_REUSEADDR, 1)
    sock.bind((address, port))
    sock.listen(128)
    return sock


def connect(host: str, port: int, timeout: float) -> _socket.socket:
    """A connected socket. Raises OSError."""
    error = OSError(f"cannot resolve {host}")
    for family, kind, protocol, _, address in _socket.getaddrinfo(host, port, 0, _socket.SOCK_STREAM):
        sock = _socket.socket(family, kind, protocol)
        try:
            sock.settimeout(timeout)
            sock.connect(address)
        except OSError as failed:
            sock.close()
            error = failed
        else:
            return sock
    raise error


def reachable(addresses: Iterable[tuple[str, int]], timeout: float = 1.0) -> bool:
    """Whether one of them accepts a connection."""
    for host, port in addresses:
        try:
            connect(host, port, timeout).close()
        except OSError:
            continue
        return True
    return False
