"""The package declares what it imports, and its lock file is made from the same names."""

import ast
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
# A part of pydantic that it hands out in its own interface, in the version that it asks for.
WITH_ANOTHER = {"pydantic-core": "pydantic"}


def declared() -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return {canonicalize_name(Requirement(one).name) for one in project["dependencies"]}


def imported() -> Iterator[tuple[str, Path]]:
    """The first names of all imports, with a file of each."""
    for path in sorted((ROOT / "operator" / "taskfleet").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module or ""]
            yield from ((name.partition(".")[0], path) for name in names)


def test_every_import_is_declared() -> None:
    own = {*sys.stdlib_module_names, "taskfleet"}
    packages = packages_distributions()
    missing = {}
    for name, path in imported():
        if name not in own:
            distributions = {canonicalize_name(one) for one in packages[name]}
            if not {WITH_ANOTHER.get(one, one) for one in distributions} & declared():
                missing[name] = path.name
    assert missing == {}


def test_the_lock_file_is_made_from_the_same_names() -> None:
    lines = (ROOT / "requirements" / "operator.in").read_text().splitlines()
    names = {canonicalize_name(Requirement(line).name) for line in lines if line and not line.startswith("#")}
    assert names == declared()
