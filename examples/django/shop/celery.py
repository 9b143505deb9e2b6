import os
import sys

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")

app = Celery("shop")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@app.task(bind=True)
def about(self):
    """Where it ran, and which library has replaced the standard library's blocking calls."""
    return {"worker": self.request.hostname, "process": os.getpid(), "patched_by": patched_by()}


def patched_by():
    """gevent, eventlet or None. Looks only at what is imported: importing one here would prove nothing."""
    gevent = sys.modules.get("gevent.monkey")
    eventlet = sys.modules.get("eventlet.patcher")
    if gevent and gevent.is_module_patched("socket"):
        return "gevent"
    if eventlet and eventlet.is_monkey_patched("socket"):
        return "eventlet"
    return None
