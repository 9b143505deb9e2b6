"""kombu's client for Redis: replies that mean "not now" are connection errors, which Celery waits for."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator
from typing import Any

from taskfleet_worker.refusals import Refusals


def refusing_client(made: Any, refusals: Refusals, exceptions: Any) -> Any:
    """What kombu makes clients with (a class, or a partial of one), changed."""
    base = getattr(made, "func", made)
    members = {"refusals": refusals, "errors": error_classes(exceptions), "__module__": __name__}
    client = type("Client", (_Refusing, base), members)
    return functools.partial(client, *made.args, **made.keywords) if base is not made else client


@functools.cache
def error_classes(exceptions: Any) -> tuple[type[Exception], type[Exception]]:
    """redis-py's class of refused commands, and ours for those that are to be tried again."""
    names = (exceptions.ConnectionError, exceptions.ResponseError)
    return exceptions.ResponseError, type("RefusedError", names, {"__module__": __name__})


class _Refusing:
    """Over redis-py's client."""

    refusals: Refusals
    errors: tuple[type[Exception], type[Exception]]

    def execute_command(self, *args: Any, **kwargs: Any) -> Any:
        with self._refused():
            return super().execute_command(*args, **kwargs)  # type: ignore[misc]

    def pipeline(self, *args: Any, **kwargs: Any) -> Any:
        pipe = super().pipeline(*args, **kwargs)  # type: ignore[misc]
        for name in ("execute", "immediate_execute_command"):
            setattr(pipe, name, self._refused()(getattr(pipe, name)))
        return pipe

    @contextlib.contextmanager
    def _refused(self) -> Iterator[None]:
        refused, ours = self.errors
        try:
            yield
        except ours:
            raise
        except refused as error:
            if self.refusals.refused(error):
                raise ours(f"Redis is not available: {self.refusals.note}") from error
            raise
