"""The built page, in memory. `ui/` at the root of the repository has its sources; `make ui` builds it."""

import gzip
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files

_TYPES = {
    "index.html": "text/html; charset=utf-8",
    "app.js": "text/javascript; charset=utf-8",
    "app.css": "text/css; charset=utf-8",
    "icon.svg": "image/svg+xml",
}


@dataclass(frozen=True)
class Asset:
    """A file of the page; `packed` is its gzip form."""

    content_type: str
    plain: bytes
    packed: bytes


def assets() -> Mapping[str, Asset]:
    """By file name: these files and no others, so no path leads anywhere else."""
    folder = files("taskfleet.ui") / "assets"
    found = {name: (folder / name).read_bytes() for name in _TYPES}
    return {name: Asset(_TYPES[name], data, gzip.compress(data, 9, mtime=0)) for name, data in found.items()}
