"""@app.task, @shared_task, group, chain, chord and apply."""

import json

from celery import chain, chord, group
from orders.models import Order
from orders.tasks import charge, confirm, receipt, total, with_tax
from shop.celery import about

order = Order.objects.create(customer="canvas", prices=[100])
answers = {
    "app_task": about.delay().get(timeout=30)["worker"],
    "shared_task": total.delay([1, 2]).get(timeout=30),
    "group": group(with_tax.s(price) for price in (100, 200, 300)).apply_async().get(timeout=30),
    "chain": chain(with_tax.s(100), with_tax.s(), with_tax.s()).apply_async().get(timeout=30),
    "chord": chord(with_tax.s(price) for price in (100, 200, 300))(receipt.s()).get(timeout=30),
    "apply": total.apply(args=([5, 6],)).get(),
    "chain_with_retries": chain(charge.s(order.pk), confirm.s()).apply_async().get(timeout=60),
}
order.refresh_from_db()
print(json.dumps({**answers, "attempts": order.attempts, "state": order.state, "order": order.pk}))
