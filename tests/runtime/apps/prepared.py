"""An app of a project whose own command line prepares something before it imports the app."""

from celery import Celery

prepared: list[str] = []


def prepare() -> None:
    """What the project's command line calls."""
    prepared.append("prepared")


def make() -> Celery:
    """The app, which cannot be made unprepared."""
    assert prepared == ["prepared"]
    return Celery("prepared")
