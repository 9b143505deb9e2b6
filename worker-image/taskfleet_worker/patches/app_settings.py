"""The broker's environment variables hold for the pool's app only; any other app in the process keeps its own broker.

Celery applies CELERY_BROKER_URL, its two siblings and CELERY_RESULT_BACKEND to every app (celery/app/utils.py,
`Settings`). A task that sends through a second app, which names another broker, would send to the pool's.

A file of its own without imports of this package: subprocesses of a task load it by its path.
"""

from __future__ import annotations

import os
import sys
from types import ModuleType
from typing import Any, Callable

APP_VARIABLE = "TASKFLEET_APP"


def install(settings_class: Any, app_name: str) -> None:
    """Change Celery's `Settings`. `app_name` is the pool's app as `celery -A` takes it."""
    for name in ("broker_url", "broker_read_url", "broker_write_url", "result_backend"):
        original = getattr(settings_class, name).fget
        setattr(settings_class, name, property(_own_first(original, name, app_name)))


def _own_first(original: Callable[[Any], Any], name: str, app_name: str) -> Callable[[Any], Any]:
    def get(settings: Any) -> Any:
        broker = settings.first("broker_url", "broker_host")
        names_one = broker or settings.get("broker_read_url") or settings.get("broker_write_url")
        # An app that names no broker is what the variables are for.
        if not names_one or is_pools(settings, app_name):
            return original(settings)
        if name == "result_backend":
            return settings.first("result_backend", "CELERY_RESULT_BACKEND")
        return (settings.get(name) if name != "broker_url" else None) or broker or original(settings)

    return get


def is_pools(settings: Any, app_name: str) -> bool:
    """Whether these are the settings of the pool's app, or of a copy of it as a spawned child has it."""
    from celery._state import _get_active_apps

    pools = _loaded(app_name)
    if pools is None:
        # While its module is imported nobody knows yet which of its apps it will be.
        return _module_name(app_name) in sys.modules
    owners = [app for app in list(_get_active_apps()) if app._conf is settings]
    return any(app is pools or (app.main and app.main == pools.main) for app in owners)


def _loaded(app_name: str) -> Any:
    """The app that `celery.app.utils.find_app` finds, without importing anything; None: not there yet."""
    from celery import Celery

    name = _module_name(app_name)
    attribute = app_name.partition(":")[2]
    parent, _, last = name.rpartition(".")
    modules = [sys.modules.get(name), sys.modules.get(f"{name}.celery")]
    if name not in sys.modules and not attribute:  # "proj.app" may be an attribute
        attribute, modules = last, [sys.modules.get(parent)]
    for module in modules:
        for found in _candidates(module, attribute):
            if isinstance(found, Celery):
                return found
    return None


def _candidates(module: ModuleType | None, attribute: str) -> list[Any]:
    members = dict(vars(module)) if module is not None else {}
    if attribute:
        return [members.get(attribute)]
    return [members.get("app"), members.get("celery"), *members.values()]


def _module_name(app_name: str) -> str:
    return app_name.partition(":")[0]


def announce(app_name: str, environment: Any = os.environ) -> None:
    """Subprocesses of the worker do the same: Python imports the folder's `sitecustomize` at its start."""
    environment[APP_VARIABLE] = app_name
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    folder = os.path.join(package, "for_subprocesses")
    path = environment.get("PYTHONPATH", "").split(os.pathsep)
    if folder not in path:  # a worker that has restarted in place has it
        environment["PYTHONPATH"] = os.pathsep.join([folder, *filter(None, path)])
