"""Taskfleet: a Kubernetes operator that runs Celery worker fleets."""

from importlib.metadata import version

__version__ = version("taskfleet")
