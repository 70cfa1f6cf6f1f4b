"""`/api/standing`: what is planned by itself."""

from django.http import HttpRequest, HttpResponse
from ninja import Path, Router, Status
from ninja.pagination import paginate

from orchestration.api import orders
from orchestration.api.auth import service
from orchestration.api.conditions import unchanged
from orchestration.api.pagination import Pages
from orchestration.api.schemas.requests import NO_REASON, Because
from orchestration.api.schemas.standing import (
    Episode,
    StandingRuleBody,
    StandingRuleOut,
    StandingRuleParts,
    StandingRunOut,
)
from orchestration.fields import Id

router = Router(tags=["standing rules"])


@router.get("", response=list[StandingRuleOut], operation_id="standing_list", summary="List standing rules")
@paginate(Pages, item=StandingRuleOut, order=orders.STANDING)
def standing_rules_list(request: HttpRequest):
    """By name, each with when it runs next and how its last run ended."""
    return service(request).get_standing_rules()


@router.post(
    "",
    response={201: StandingRuleOut},
    operation_id="standing_create",
    summary="Enter a standing rule",
)
def standing_rules_create(request: HttpRequest, body: StandingRuleBody, response: HttpResponse):
    """It first runs within a minute, if it is switched on and the system runs."""
    row = service(request).add_standing_rule(values=body.values())
    response["Location"] = f"/api/standing/{row.pk}"
    return Status(201, row)


@router.get(
    "/{rule_id}", response=StandingRuleOut, operation_id="standing_show", summary="Show a standing rule"
)
def standing_rules_show(request: HttpRequest, rule_id: Path[Id]):
    """With how its last run ended."""
    return service(request).get_standing_rule(rule_id=rule_id)


@router.delete(
    "/{rule_id}", response={204: None}, operation_id="standing_delete", summary="Take a standing rule away"
)
def standing_rules_delete(request: HttpRequest, rule_id: Path[Id]):
    """As `remove`, without a reason."""
    service(request).remove_standing_rule(rule_id=rule_id)
    return Status(204, None)


@router.put(
    "/{rule_id}",
    response=StandingRuleOut,
    operation_id="standing_replace",
    summary="Give a standing rule all its values anew",
)
def standing_rules_replace(request: HttpRequest, rule_id: Path[Id], body: StandingRuleBody):
    """What is left out goes back to its default; what the rule planned stays."""
    return service(request).change_standing_rule(rule_id=rule_id, values=body.values())


@router.patch(
    "/{rule_id}",
    response=StandingRuleOut,
    operation_id="standing_patch",
    summary="Change some of a standing rule",
)
def standing_rules_patch(request: HttpRequest, rule_id: Path[Id], body: StandingRuleParts):
    """What is left out stays; what the rule planned stays too."""
    with unchanged(request):
        present = StandingRuleOut.from_orm(service(request).get_standing_rule(rule_id=rule_id))
        whole = body.over(present, StandingRuleBody, together=("channel_ids", "channels"))
        return service(request).change_standing_rule(rule_id=rule_id, values=whole.values())


@router.post(
    "/{rule_id}/remove",
    response={204: None},
    operation_id="standing_remove",
    summary="Remove a standing rule",
)
def standing_rules_remove(request: HttpRequest, rule_id: Path[Id], body: Because = NO_REASON):
    """What it planned stays."""
    service(request).remove_standing_rule(rule_id=rule_id, reason=body.reason)
    return Status(204, None)


@router.get(
    "/{rule_id}/preview",
    response=StandingRunOut,
    operation_id="standing_preview",
    summary="Show what a run would plan now",
)
def standing_rules_preview(request: HttpRequest, rule_id: Path[Id]):
    """Nothing is written."""
    return service(request).preview_standing_rule(rule_id=rule_id)


@router.post(
    "/{rule_id}/run",
    response=StandingRunOut,
    operation_id="standing_run",
    summary="Run a standing rule now",
)
def standing_rules_run(request: HttpRequest, rule_id: Path[Id]):
    """Whether or not it is switched on; its own next run stays where it is."""
    return service(request).run_standing_rule(rule_id=rule_id)


@router.post(
    "/{rule_id}/episodes",
    response=StandingRuleOut,
    operation_id="standing_episode",
    summary="Let a series pass over an episode",
)
def standing_rules_episode(request: HttpRequest, rule_id: Path[Id], body: Episode):
    """One that cannot go out holds up those behind it until it can, or until it is passed over."""
    return service(request).skip_episode(
        rule_id=rule_id, video_id=body.video_id, skip=body.skip, reason=body.reason
    )
