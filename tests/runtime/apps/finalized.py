"""An app that is finalized, and its tasks bound, while its module is imported; configured after that."""

from celery import Celery

app = Celery("finalized")
app.finalize()


@app.task
def late() -> None:
    pass


@app.task(acks_late=False)
def early() -> None:
    pass


app.conf.broker_transport_options = {"max_connections": 20}
