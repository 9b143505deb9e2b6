"""Names of the app's own beat."""

from taskfleet.api import WorkerPool

COMPONENT = "appbeat"


def app_beat_name(pool: WorkerPool) -> str:
    """The Deployment, and the claim of its volume."""
    return f"{pool.name}-appbeat"
