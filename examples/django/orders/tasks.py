"""Work on orders. Each task names its queue, so a producer does not have to."""

import time

from celery import shared_task
from django.db.models import F

from orders.models import Order


class PaymentRefusedError(Exception):
    """The payment service does not answer yet."""


@shared_task
def total(prices):
    return sum(prices)


@shared_task(autoretry_for=(PaymentRefusedError,), retry_backoff=True, retry_jitter=False, max_retries=5)
def charge(order_id):
    """The service of this example refuses twice: the third attempt, 1 s and 2 s later, succeeds."""
    Order.objects.filter(pk=order_id).update(attempts=F("attempts") + 1)
    order = Order.objects.get(pk=order_id)
    if order.attempts < 3:
        raise PaymentRefusedError(f"attempt {order.attempts}")
    order.state = Order.State.PAID
    order.save(update_fields=["state"])
    return order_id


@shared_task
def confirm(order_id):
    Order.objects.filter(pk=order_id, state=Order.State.PAID).update(state=Order.State.CONFIRMED)
    return {"order": order_id, "state": Order.objects.get(pk=order_id).state}


@shared_task
def with_tax(price):
    return price + price * 18 // 100


@shared_task
def receipt(prices):
    """The end of a chord: all prices with tax are there."""
    return {"items": len(prices), "total": sum(prices)}


@shared_task(queue="high_priority")
def pack(seconds=0.0):
    time.sleep(seconds)
    return "packed"


@shared_task(queue="low_priority")
def restock(seconds=0.0):
    time.sleep(seconds)
    return "restocked"


@shared_task(queue="reports")
def report(seconds=20.0):
    """A long task: with CELERY_TASK_TRACK_STARTED the page shows it as STARTED."""
    time.sleep(seconds)
    return f"a report that took {seconds:g} s"


@shared_task(queue="exports")
def export(seconds=20.0):
    """As `report`, for the pool that grows by pods."""
    time.sleep(seconds)
    return f"an export that took {seconds:g} s"


@shared_task
def primes_below(limit):
    """CPU-bound: all of it is computing."""
    return sum(
        all(number % divisor for divisor in range(2, int(number**0.5) + 1)) for number in range(2, limit)
    )
