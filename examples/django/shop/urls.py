from django.contrib import admin
from django.urls import path
from orders import views

urlpatterns = [
    path("", views.page, name="page"),
    path("runs/", views.runs, name="runs"),
    path("quote/", views.quote, name="quote"),
    path("healthz", views.healthz),
    path("readyz", views.readyz),
    path("admin/", admin.site.urls),
]
