"""What the page offers: each function sends work and returns the result to watch."""

from celery import chain, chord
from notifications.tasks import mail, sms

from orders import tasks
from orders.models import Order

PRICES = [1999, 450, 1275]  # cents


def order():
    """A chain: pay, with two refusals on the way, and confirm."""
    new = Order.objects.create(customer="someone on the page", prices=PRICES)
    return chain(tasks.charge.s(new.pk), tasks.confirm.s()).apply_async()


def receipt():
    """A chord: each price with its tax at the same time, then the sum."""
    return chord(tasks.with_tax.s(price) for price in PRICES)(tasks.receipt.s())


WORKS = {
    "order": ("Place an order", order),
    "receipt": ("Write a receipt", receipt),
    "total": ("Add up the prices", lambda: tasks.total.delay(PRICES)),
    "report": ("A long report", lambda: tasks.report.delay(20)),
    "mail": ("Send a mail", lambda: mail.delay("customer@shop.example")),
    "sms": ("Send an SMS in 5 seconds", lambda: sms.apply_async(args=["+00 0000"], countdown=5)),
    "pack": ("Pack a parcel (high_priority)", lambda: tasks.pack.delay(1)),
    "restock": ("Order new stock (low_priority)", lambda: tasks.restock.delay(1)),
    "primes": ("Count primes", lambda: tasks.primes_below.delay(100_000)),
}
