"""Taskfleet: a Kubernetes operator that runs Celery worker fleets."""


def __getattr__(name: str) -> str:
    """`__version__`. It is read on demand, because importlib.metadata takes as long to load as the whole command line."""
    if name != "__version__":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib.metadata import version  # noqa: PLC0415 - see above

    return version("taskfleet")
