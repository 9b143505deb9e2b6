"""One line a step, with the time it took."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def step(what: str) -> Iterator[None]:
    """Show that a step runs, and its time in seconds when it is done."""
    started = time.monotonic()
    print(f"  {what} ...", end="", flush=True, file=sys.stderr)
    outcome = "failed after"
    try:
        yield
        outcome = "done in"
    finally:
        print(f" {outcome} {time.monotonic() - started:.1f} s", flush=True, file=sys.stderr)
