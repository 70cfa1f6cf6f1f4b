"""Every address of Headend."""

from django.contrib import admin
from django.urls import include, path

from config import health
from config.api import api

urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("admin/", admin.site.urls),
    path("api/", api.urls),
    path("", include("dashboard.login_urls")),
    path("", include("dashboard.urls")),
]
