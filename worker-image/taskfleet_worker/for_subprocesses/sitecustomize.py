"""Imported by every Python that a worker starts: the broker's variables hold for the pool's app only there too.

Any failure leaves that Python as it would be without; a `sitecustomize` of the image is imported as well.
"""

from __future__ import annotations

import os
import sys
from typing import Any


def _load(name: str, path: str) -> Any:
    from importlib.util import module_from_spec, spec_from_file_location

    spec = spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class _AfterCeleryUtils:
    """Changes `celery.app.utils` as it is imported, which most subprocesses never do."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if name != "celery.app.utils":
            return None
        from importlib.machinery import PathFinder

        sys.meta_path.remove(self)
        spec = PathFinder.find_spec(name, path, target)
        if spec is None or spec.loader is None:
            return spec
        execute = spec.loader.exec_module

        def exec_and_change(module: Any) -> None:
            execute(module)
            folder = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
            ours = _load("taskfleet_app_settings", os.path.join(folder, "patches", "app_settings.py"))
            ours.install(module.Settings, os.environ["TASKFLEET_APP"])

        spec.loader.exec_module = exec_and_change  # type: ignore[method-assign] # of this one module
        return spec


def _import_next() -> None:
    from importlib import import_module

    here = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [folder for folder in sys.path if os.path.abspath(folder or ".") != here]
    ours = sys.modules.pop("sitecustomize", None)
    try:
        import_module("sitecustomize")  # the image's own
    except ImportError:
        if ours is not None:
            sys.modules["sitecustomize"] = ours


if os.environ.get("TASKFLEET_APP"):
    sys.meta_path.insert(0, _AfterCeleryUtils())
_import_next()
