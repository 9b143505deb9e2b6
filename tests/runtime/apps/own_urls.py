"""An app that names its broker in every way that it can, as for another environment."""

from celery import Celery

ELSEWHERE = "redis://127.0.0.1:1/0"
app = Celery("own_urls", broker=ELSEWHERE)
app.conf.update(broker_url=ELSEWHERE, broker_read_url=ELSEWHERE, broker_write_url=ELSEWHERE)
