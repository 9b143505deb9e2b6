"""An app with a loader of its own and a pool in its configuration."""

from celery import Celery
from celery.loaders.app import AppLoader


class Loader(AppLoader):
    def read_configuration(self, env: str = "") -> dict[str, object]:  # noqa: ARG002 - as in Celery
        return {"broker_transport_options": {"max_connections": 20}, "worker_pool": "threads"}


app = Celery("own_loader", loader=Loader)


@app.task
def late() -> None:
    pass


@app.task(acks_late=False)
def early() -> None:
    pass
