from django.db import models


class Order(models.Model):
    """What a customer bought. `attempts` counts how often the payment was tried."""

    class State(models.TextChoices):
        NEW = "new"
        PAID = "paid"
        CONFIRMED = "confirmed"

    customer = models.CharField(max_length=100)
    prices = models.JSONField(default=list)  # in cents, one for each item
    state = models.CharField(max_length=10, choices=State, default=State.NEW)
    attempts = models.PositiveIntegerField(default=0)
    created = models.DateTimeField(auto_now_add=True)

    def __str__(self):
        return f"order {self.pk} of {self.customer}"


class Run(models.Model):
    """A task that somebody submitted on the page. Its state and result are Celery's."""

    task_id = models.CharField(max_length=255, unique=True)
    work = models.CharField(max_length=50)
    submitted = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-submitted", "-pk")
