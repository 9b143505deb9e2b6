"""Messages to customers: I/O-bound, nearly all of their time is waiting for a gateway."""

import time

from celery import shared_task
from orders.models import Order


@shared_task(queue="mail")
def mail(address, seconds=1.0):
    """`seconds` is how long this example's gateway takes to answer."""
    time.sleep(seconds)
    return f"mail to {address}"


@shared_task(queue="sms")
def sms(number, seconds=1.0):
    time.sleep(seconds)
    return f"sms to {number}"


@shared_task
def remind():
    """Periodic: how many orders are still unpaid."""
    return Order.objects.filter(state=Order.State.NEW).count()
