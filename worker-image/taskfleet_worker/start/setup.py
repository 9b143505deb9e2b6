"""Functions of the project that are called before its app is imported, as its own command line would call them."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module

from taskfleet_worker.settings import SettingsError


def call_setup(names: Iterable[str]) -> None:
    """Call each `package.module:function`, in order. Raises SettingsError for a name that leads nowhere.

    What a function itself raises ends the start, and the termination log names it.
    """
    from celery.utils.imports import cwd_in_path

    with cwd_in_path():
        for name in names:
            module, _, function = name.partition(":")
            try:
                call = getattr(import_module(module), function)
            except (ImportError, AttributeError) as error:
                raise SettingsError(
                    f"spec.setup names {name}, which cannot be imported ({error}): use package.module:function "
                    "of a module in the image."
                ) from error
            call()
