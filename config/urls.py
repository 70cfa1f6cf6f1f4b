"""Every address of Headend."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from config import health, metrics
from config.api import api
from orchestration.github import webhooks

urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", metrics.metrics, name="metrics"),
    path("webhooks/github", webhooks.github, name="webhook_github"),
    # A password is set on one's own page, where sessions end and the log is written.
    path("admin/password_change/", RedirectView.as_view(pattern_name="dashboard:me")),
    # The back door has the same way in as the front: it would ask for no second factor.
    path("admin/login/", RedirectView.as_view(pattern_name="login", query_string=True)),
    path("admin/", admin.site.urls),
    path("api/", api.urls),
    path("", include("dashboard.login_urls")),
    path("", include("dashboard.urls")),
]
