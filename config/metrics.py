"""Give our own operations' figures to Prometheus; YouTube's numbers are never among them (developer policy)."""

import hmac

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily

from orchestration.core.permissions import Actor
from orchestration.errors import NotPermitted
from orchestration.monitoring.metrics import Operations
from orchestration.service import CentralOrchestrationService


class _Figures:
    """Read the figures when they are asked for; they live in the database, not in this process."""

    def __init__(self, service: CentralOrchestrationService, figures: Operations) -> None:
        self.service, self.figures = service, figures

    def collect(self):
        service, figures = self.service, self.figures
        status = service.get_status()
        yield _gauge("headend_running", "1 while the system runs", {(): float(status.state == "running")})
        yield _gauge(
            "headend_overdue_schedules", "publications past their moment", {(): status.overdue_schedules}
        )
        yield _gauge(
            "headend_armed_schedules",
            "publications that YouTube will make public",
            {(): status.armed_schedules},
        )
        yield _gauge(
            "headend_component_age_seconds",
            "since a component showed life",
            _by(status.components),
            "component",
        )
        yield _gauge("headend_jobs", "jobs by kind and state", figures.jobs, "kind", "state")
        yield _gauge("headend_schedules", "schedules by state", figures.schedules, "state")
        yield _gauge("headend_channels", "channels by state and health", figures.channels, "state", "health")
        yield _gauge(
            "headend_failed_over",
            "publications taken from GitHub, by channel",
            figures.failed_over,
            "channel",
        )
        yield _gauge("headend_credentials", "channels' credentials by state", figures.credentials, "state")
        yield _gauge(
            "headend_consent_ends_timestamp_seconds",
            "when a channel owner's consent ends, where Google set an end",
            figures.consent_ends,
            "channel",
        )
        pools = service.get_pools()
        yield _gauge("headend_pool_used", "units in use", {(p.name,): p.used for p in pools}, "pool")
        yield _gauge(
            "headend_pool_capacity", "units there are", {(p.name,): p.capacity for p in pools}, "pool"
        )


def _by(values):
    return {(name,): value for name, value in values.items()}


def _gauge(name: str, help_text: str, values, *labels: str) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, help_text, labels=labels)
    for label_values, value in values.items():
        family.add_metric([str(label) for label in label_values], float(value))
    return family


@require_safe
@login_not_required
def metrics(request: HttpRequest) -> HttpResponse:
    """Answer a scrape: an administrator, or the bearer token of HEADEND_METRICS_TOKEN, which opens nothing else."""
    token = settings.HEADEND_METRICS_TOKEN
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if token and hmac.compare_digest(given.encode(), token.encode()):
        asking = Actor.system("metrics")
    elif request.user.is_authenticated:
        asking = Actor.of_user(request.user)
    else:
        return HttpResponse(
            "set HEADEND_METRICS_TOKEN and send it as a bearer token, or log in as an administrator",
            status=401,
            content_type="text/plain",
            headers={"WWW-Authenticate": "Bearer"},
        )
    service = CentralOrchestrationService(actor=asking)
    registry = CollectorRegistry(auto_describe=False)
    try:
        registry.register(_Figures(service, service.get_metrics()))
    except NotPermitted as error:
        return HttpResponse(error.message, status=403, content_type="text/plain")
    return HttpResponse(generate_latest(registry), content_type="text/plain; version=0.0.4; charset=utf-8")
