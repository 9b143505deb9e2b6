"""celery.app.defaults: Celery's tables of defaults, so that whatever the app or a task sets still wins."""

from __future__ import annotations

from typing import Any


def change(changed: dict[str, Any]) -> None:
    """Write into Celery's tables of defaults; what the installed Celery does not know is left out."""
    from celery.app import defaults

    for name, value in changed.items():
        if name in defaults.DEFAULTS:
            defaults.DEFAULTS[name] = value
            defaults._OLD_DEFAULTS[defaults._TO_OLD_KEY[name]] = value
