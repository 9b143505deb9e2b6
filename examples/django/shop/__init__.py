# Django imports this package first, so every @shared_task below binds to this app.
from shop.celery import app as celery_app

__all__ = ["celery_app"]
