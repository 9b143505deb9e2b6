from django.contrib import admin

from orders.models import Order, Run

admin.site.register(Order)
admin.site.register(Run)
