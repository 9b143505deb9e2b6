"""A module whose docstring ends in "Pure." imports nothing that reads or writes, not even by way of others."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import grimp
import pytest

REPOSITORY = Path(__file__).parents[2]
ROOTS = {"taskfleet": REPOSITORY / "operator", "taskfleet_worker": REPOSITORY / "worker-image"}
READ_OR_WRITE = frozenset(
    {
        *("aiohttp", "aiormq", "asyncio", "hiredis", "kopf", "kubernetes", "logging", "prometheus_client"),
        *("random", "redis", "socket", "structlog", "subprocess", "threading"),
    }
)


def pure_modules() -> Iterator[str]:
    for package, root in ROOTS.items():
        for path in sorted((root / package).rglob("*.py")):
            docstring = ast.get_docstring(ast.parse(path.read_text())) or ""
            if docstring.rstrip().endswith("Pure."):
                yield ".".join(path.relative_to(root).with_suffix("").parts)


@pytest.fixture(scope="module")
def imports() -> Iterator[grimp.ImportGraph]:
    sys.path[:0] = [str(root) for root in ROOTS.values()]
    try:
        yield grimp.build_graph(*ROOTS, include_external_packages=True, cache_dir=None)
    finally:
        del sys.path[: len(ROOTS)]


def test_pure_modules_neither_read_nor_write(imports: grimp.ImportGraph) -> None:
    pure = list(pure_modules())
    ways = {
        (module, forbidden): imports.find_shortest_chain(module, forbidden)
        for module in pure
        for forbidden in READ_OR_WRITE & imports.find_upstream_modules(module)
    }
    assert len(pure) > 30
    assert not ways
