"""`/api/webhooks`: where events are sent, and what became of each; for administrators."""

from django.http import HttpRequest, HttpResponse
from ninja import Path, Query, Router, Status
from ninja.pagination import paginate

from orchestration.api import orders
from orchestration.api.auth import service
from orchestration.api.pagination import Pages
from orchestration.api.schemas.webhooks import (
    ChangedEndpoint,
    DeliveryOut,
    EndpointMadeOut,
    EndpointOut,
    NewEndpoint,
    ResendSince,
    SecretRotation,
)
from orchestration.fields import Id
from orchestration.lists import DeliveryFilters

router = Router(tags=["webhooks"])


@router.get("", response=list[EndpointOut], operation_id="webhooks_list", summary="List webhook endpoints")
@paginate(Pages, item=EndpointOut, order=orders.ENDPOINTS)
def webhooks_list(request: HttpRequest):
    """By name; of an address only scheme and host."""
    return service(request).get_webhook_endpoints()


@router.post(
    "", response={201: EndpointMadeOut}, operation_id="webhooks_create", summary="Enter a webhook endpoint"
)
def webhooks_create(request: HttpRequest, body: NewEndpoint, response: HttpResponse):
    """Its secret is in this answer and nowhere else. It hears what happens from now on."""
    row, secret = service(request).add_webhook_endpoint(**body.model_dump())
    response["Location"] = f"/api/webhooks/{row.pk}"
    return Status(201, {"endpoint": row, "secret": secret})


@router.get(
    "/deliveries",
    response=list[DeliveryOut],
    operation_id="webhooks_deliveries_list",
    summary="List what was sent and what waits",
)
@paginate(Pages, item=DeliveryOut, order=orders.DELIVERIES)
def deliveries_list(request: HttpRequest, filters: Query[DeliveryFilters]):
    """Newest first, with each try; kept for HEADEND_KEEP_WEBHOOK_DAYS."""
    return filters.filter(service(request).get_webhook_deliveries())


@router.get(
    "/deliveries/{delivery_id}",
    response=DeliveryOut,
    operation_id="webhooks_deliveries_show",
    summary="Show what became of an event",
)
def deliveries_show(request: HttpRequest, delivery_id: Path[Id]):
    """With each try."""
    return service(request).get_webhook_delivery(delivery_id=delivery_id)


@router.post(
    "/deliveries/{delivery_id}/resend",
    response=DeliveryOut,
    operation_id="webhooks_deliveries_resend",
    summary="Send an event once more",
)
def deliveries_resend(request: HttpRequest, delivery_id: Path[Id]):
    """Within seconds, with the same `webhook-id` and body; tried for a day again."""
    return service(request).resend_webhook_delivery(delivery_id=delivery_id)


@router.get(
    "/{endpoint_id}", response=EndpointOut, operation_id="webhooks_show", summary="Show a webhook endpoint"
)
def webhooks_show(request: HttpRequest, endpoint_id: Path[Id]):
    """With how it answers."""
    return service(request).get_webhook_endpoint(endpoint_id=endpoint_id)


@router.patch(
    "/{endpoint_id}", response=EndpointOut, operation_id="webhooks_patch", summary="Change an endpoint"
)
@router.post(
    "/{endpoint_id}/change",
    response=EndpointOut,
    operation_id="webhooks_change",
    summary="Change a webhook endpoint",
)
def webhooks_change(request: HttpRequest, endpoint_id: Path[Id], body: ChangedEndpoint):
    """What is left out stays. Switched on, it hears what happens from now on; switched off, nothing waits for it."""
    return service(request).change_webhook_endpoint(endpoint_id=endpoint_id, **body.model_dump())


@router.post(
    "/{endpoint_id}/rotate",
    response=EndpointMadeOut,
    operation_id="webhooks_rotate",
    summary="Give an endpoint another secret",
)
def webhooks_rotate(request: HttpRequest, endpoint_id: Path[Id], body: SecretRotation):
    """The secret is in this answer and nowhere else; both sign for `overlap_hours`."""
    row, secret = service(request).rotate_webhook_secret(endpoint_id=endpoint_id, **body.model_dump())
    return {"endpoint": row, "secret": secret}


@router.post(
    "/{endpoint_id}/test",
    response=DeliveryOut,
    operation_id="webhooks_test",
    summary="Try a webhook endpoint",
)
def webhooks_test(request: HttpRequest, endpoint_id: Path[Id]):
    """Send `webhook.test` now; `outcome` is `delivered` or `given_up`, with the `error`."""
    return service(request).test_webhook_endpoint(endpoint_id=endpoint_id)


@router.post(
    "/{endpoint_id}/resend",
    response=EndpointOut,
    operation_id="webhooks_resend",
    summary="Send everything anew since an instant",
)
def webhooks_resend(request: HttpRequest, endpoint_id: Path[Id], body: ResendSince):
    """What the endpoint wants now, with the same `webhook-id` as before; what it had already comes again."""
    return service(request).resend_webhook_events(endpoint_id=endpoint_id, **body.model_dump())


@router.delete(
    "/{endpoint_id}",
    response={204: None},
    operation_id="webhooks_delete",
    summary="Remove a webhook endpoint",
)
def webhooks_delete(request: HttpRequest, endpoint_id: Path[Id]):
    """With its log; what waits is not sent."""
    service(request).remove_webhook_endpoint(endpoint_id=endpoint_id)
    return Status(204, None)
