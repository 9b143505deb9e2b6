"""Ports of loopback that nobody else uses, below those that the kernel gives to outgoing connections."""

import random
import socket
import threading

_given: set[int] = set()
_lock = threading.Lock()


def free_port() -> int:
    """A port that is free now and is given out once only."""
    with _lock:
        while True:
            port = random.randrange(20_000, 32_000)
            if port not in _given and _is_free(port):
                _given.add(port)
                return port


def _is_free(port: int) -> bool:
    with socket.socket() as sock:
        try:
            sock.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
