"""`/api/notifications`: the log; below it addresses, rules and silences."""

from django.http import HttpRequest, HttpResponse
from ninja import Path, Query, Router, Status
from ninja.pagination import paginate

from orchestration.api import orders
from orchestration.api.auth import service
from orchestration.api.conditions import unchanged
from orchestration.api.pagination import Pages
from orchestration.api.schemas.notify import (
    NO_REASON,
    AddressOut,
    ChangedAddress,
    NewAddress,
    NewSilence,
    NotificationBoardOut,
    NotificationOut,
    RuleBody,
    RuleOut,
    RuleParts,
    SilenceOut,
)
from orchestration.api.schemas.requests import Because
from orchestration.core import lookup
from orchestration.fields import Id
from orchestration.lists import NotificationFilters, SilenceFilters
from orchestration.models import Notification, NotificationAddress, NotificationRule, Silence

router = Router(tags=["notifications"])
addresses = Router(tags=["notifications"])
rules = Router(tags=["notifications"])
silences = Router(tags=["notifications"])


@router.get(
    "", response=list[NotificationOut], operation_id="notifications_list", summary="List what was sent"
)
@paginate(Pages, item=NotificationOut, order=orders.NOTIFICATIONS)
def notifications_list(request: HttpRequest, filters: Query[NotificationFilters]):
    """The log and the outbox, newest first; it is kept for 90 days."""
    return filters.filter(Notification.objects.order_by("-id"))


@router.get(
    "/board",
    response=NotificationBoardOut,
    operation_id="notifications_board",
    summary="Show who is told what",
)
def notifications_board(request: HttpRequest):
    """Addresses, rules, the silences that have not ended, and the incidents that stand."""
    return service(request).get_notification_board()


@router.get(
    "/{notification_id}",
    response=NotificationOut,
    operation_id="notifications_show",
    summary="Show one message",
)
def notifications_show(request: HttpRequest, notification_id: Path[Id]):
    """What it said, to whom it went, and what became of it."""
    return lookup.one(Notification, notification_id, field="notification_id")


# ------------------------------------------------------------------------------------------------------------ addresses


@addresses.get(
    "", response=list[AddressOut], operation_id="notifications_addresses_list", summary="List addresses"
)
@paginate(Pages, item=AddressOut, order=orders.ADDRESSES)
def addresses_list(request: HttpRequest):
    """By name; of the address itself only the scheme and the beginning of its host."""
    return NotificationAddress.objects.order_by("name")


@addresses.post(
    "", response={201: AddressOut}, operation_id="notifications_addresses_create", summary="Enter an address"
)
def addresses_create(request: HttpRequest, body: NewAddress, response: HttpResponse):
    """It is checked and sealed; a scheme that Apprise does not know is refused, and nothing is stored."""
    row = service(request).add_notification_address(**body.model_dump())
    response["Location"] = f"/api/notifications/addresses/{row.pk}"
    return Status(201, row)


@addresses.get(
    "/{address_id}",
    response=AddressOut,
    operation_id="notifications_addresses_show",
    summary="Show an address",
)
def addresses_show(request: HttpRequest, address_id: Path[Id]):
    """With the outcome of its last try."""
    return lookup.one(NotificationAddress, address_id, field="address_id")


@addresses.patch(
    "/{address_id}",
    response=AddressOut,
    operation_id="notifications_addresses_patch",
    summary="Change an address",
)
@addresses.post(
    "/{address_id}/change",
    response=AddressOut,
    operation_id="notifications_addresses_change",
    summary="Change an address",
)
def addresses_change(request: HttpRequest, address_id: Path[Id], body: ChangedAddress):
    """What is left out stays."""
    return service(request).change_notification_address(address_id=address_id, **body.model_dump())


@addresses.post(
    "/{address_id}/test",
    response=NotificationOut,
    operation_id="notifications_addresses_test",
    summary="Try an address",
)
def addresses_test(request: HttpRequest, address_id: Path[Id]):
    """Send a test now; `outcome` is `sent` or `given_up`, with the `error`."""
    return service(request).test_notification_address(address_id=address_id)


@addresses.delete(
    "/{address_id}",
    response={204: None},
    operation_id="notifications_addresses_delete",
    summary="Remove an address",
)
def addresses_delete(request: HttpRequest, address_id: Path[Id]):
    """What waits for it is not sent; the log keeps its name."""
    service(request).remove_notification_address(address_id=address_id)
    return Status(204, None)


# ---------------------------------------------------------------------------------------------------------------- rules


@rules.get("", response=list[RuleOut], operation_id="notifications_rules_list", summary="List rules")
@paginate(Pages, item=RuleOut, order=orders.RULES)
def rules_list(request: HttpRequest):
    """By name."""
    return NotificationRule.objects.prefetch_related("addresses", "channels", "groups", "labels").order_by(
        "name"
    )


@rules.post("", response={201: RuleOut}, operation_id="notifications_rules_create", summary="Enter a rule")
def rules_create(request: HttpRequest, body: RuleBody, response: HttpResponse):
    """What stands already and fits is told at the next look."""
    row = service(request).add_notification_rule(values=body.values())
    response["Location"] = f"/api/notifications/rules/{row.pk}"
    return Status(201, row)


@rules.get("/{rule_id}", response=RuleOut, operation_id="notifications_rules_show", summary="Show a rule")
def rules_show(request: HttpRequest, rule_id: Path[Id]):
    """All that it says."""
    return lookup.one(NotificationRule, rule_id, field="rule_id")


@rules.put(
    "/{rule_id}",
    response=RuleOut,
    operation_id="notifications_rules_replace",
    summary="Give a rule all its values anew",
)
@rules.post(
    "/{rule_id}/change", response=RuleOut, operation_id="notifications_rules_change", summary="Change a rule"
)
def rules_change(request: HttpRequest, rule_id: Path[Id], body: RuleBody):
    """All its values anew: what is left out has its default."""
    return service(request).change_notification_rule(rule_id=rule_id, values=body.values())


@rules.patch(
    "/{rule_id}", response=RuleOut, operation_id="notifications_rules_patch", summary="Change some of a rule"
)
def rules_patch(request: HttpRequest, rule_id: Path[Id], body: RuleParts):
    """What is left out stays."""
    with unchanged(request):
        present = RuleOut.from_orm(lookup.one(NotificationRule, rule_id, field="rule_id"))
        whole = body.over(present, RuleBody, together=("channel_ids", "channels"))
        return service(request).change_notification_rule(rule_id=rule_id, values=whole.values())


@rules.delete(
    "/{rule_id}", response={204: None}, operation_id="notifications_rules_delete", summary="Remove a rule"
)
def rules_delete(request: HttpRequest, rule_id: Path[Id]):
    """What it has written already is sent."""
    service(request).remove_notification_rule(rule_id=rule_id)
    return Status(204, None)


# ------------------------------------------------------------------------------------------------------------- silences


@silences.get(
    "", response=list[SilenceOut], operation_id="notifications_silences_list", summary="List silences"
)
@paginate(Pages, item=SilenceOut, order=orders.SILENCES)
def silences_list(request: HttpRequest, filters: Query[SilenceFilters]):
    """The last to end first, those that are over too."""
    return filters.filter(Silence.objects.order_by("-until", "-id"))


@silences.post(
    "", response={201: SilenceOut}, operation_id="notifications_silences_create", summary="Begin a silence"
)
def silences_create(request: HttpRequest, body: NewSilence, response: HttpResponse):
    """It always has an end; what stands then is told then."""
    row = service(request).add_silence(**body.model_dump())
    response["Location"] = f"/api/notifications/silences/{row.pk}"
    return Status(201, row)


@silences.get(
    "/{silence_id}",
    response=SilenceOut,
    operation_id="notifications_silences_show",
    summary="Show a silence",
)
def silences_show(request: HttpRequest, silence_id: Path[Id]):
    """What it covers, until when, by whom and why."""
    return lookup.one(Silence, silence_id, field="silence_id")


@silences.post(
    "/{silence_id}/end",
    response=SilenceOut,
    operation_id="notifications_silences_end",
    summary="End a silence",
)
def silences_end(request: HttpRequest, silence_id: Path[Id], body: Because = NO_REASON):
    """Now; what stands is told at the next look."""
    return service(request).end_silence(silence_id=silence_id, reason=body.reason)
