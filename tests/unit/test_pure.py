"""A module whose docstring ends in "Pure." imports nothing that reads or writes, not even by way of others."""

import ast
import sys
import tomllib
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


def test_plans_and_reports_are_pure_and_in_the_contract_that_keeps_clocks_out() -> None:
    files = (REPOSITORY / "operator/taskfleet/controllers").glob("*.py")
    decide = {
        f"taskfleet.controllers.{path.stem}"
        for path in files
        if path.stem == "plan" or path.stem.endswith(("_plan", "_report"))
    }
    assert decide <= set(pure_modules())
    pyproject = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    contracts = pyproject["tool"]["importlinter"]["contracts"]
    held = next(one["source_modules"] for one in contracts if one["name"].startswith("Plans and reports"))
    assert decide <= set(held), "add it to the contract in pyproject.toml"
