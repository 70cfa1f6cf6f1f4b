"""Every address of Headend."""

from django.contrib import admin
from django.urls import include, path

from config import health, metrics
from config.api import api
from orchestration.github import webhooks

urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", metrics.metrics, name="metrics"),
    path("webhooks/github", webhooks.github, name="webhook_github"),
    path("admin/", admin.site.urls),
    path("api/", api.urls),
    path("", include("dashboard.login_urls")),
    path("", include("dashboard.urls")),
]
