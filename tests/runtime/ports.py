"""Ports for servers of the tests, outside of what the kernel gives to outgoing connections."""

import fcntl
import random
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_given: set[int] = set()
_lock = threading.Lock()
# Other test processes of this machine choose ports too: one that was given out is not free before its server listens.
_NOTES = Path(tempfile.gettempdir()) / "taskfleet-ports"
_STARTED_AFTER_SECONDS = 120.0


def free_port() -> int:
    """A port that is free now, and is given out once only in this process, and to one process at a time."""
    with _lock, _among_processes():
        while True:
            port = random.randrange(20_000, 32_000)
            if port not in _given and _is_unclaimed(port) and _is_free(port):
                _given.add(port)
                (_NOTES / str(port)).touch()
                return port


@contextmanager
def _among_processes() -> Iterator[None]:
    _NOTES.mkdir(exist_ok=True)
    with (_NOTES / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _is_unclaimed(port: int) -> bool:
    try:
        given_at = (_NOTES / str(port)).stat().st_mtime
    except FileNotFoundError:
        return True
    return time.time() - given_at > _STARTED_AFTER_SECONDS


def _is_free(port: int) -> bool:
    with socket.socket() as sock:
        try:
            sock.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
