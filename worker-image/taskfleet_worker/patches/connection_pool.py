"""redis.ConnectionPool: its password stays out of logs."""

from __future__ import annotations

from typing import Any


def install() -> None:
    """redis-py 6 shows a pool with its password, and Celery logs the pools of the Sentinels where none answers."""
    from redis import ConnectionPool

    shown = ConnectionPool.__repr__

    def without_password(pool: Any) -> str:
        text, password = shown(pool), pool.connection_kwargs.get("password")
        return text.replace(f"password={password}", "password=**") if password else text

    ConnectionPool.__repr__ = without_password  # type: ignore[method-assign]
