"""Show what work waits for, ask about it, and act on all of one cause."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_POST

from dashboard.actions import act, page, reason_of, refuse, service
from dashboard.addresses import reverse
from dashboard.forms import AfterForm, sentence_of
from dashboard.live_pages import show
from orchestration.errors import InvalidRequest, OrchestrationError
from orchestration.results.causes import BlockerReport, CauseResult

VERBS = {"retry": "retry_by_cause", "release": "release_by_cause", "move": "move_by_cause"}


@page
def blockers(request: HttpRequest) -> HttpResponse:
    """List the conditions that work waits for, and by which causes jobs ended badly."""
    door = service(request)
    return show(request, "blockers.html", {"blockers": door.get_blockers(), "causes": door.get_causes()})


@require_POST
def blocker_probe(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask now whether a condition has ended."""
    return act(
        request,
        lambda: service(request).probe_blocker(blocker_id=pk),
        lambda row: f"{row.title}: {row.last_answer}",
        to=reverse("dashboard:blockers"),
    )


@require_POST
def blocker_take_over_branch(request: HttpRequest, pk: int) -> HttpResponse:
    """Let the channel use its repository's default branch."""

    def outcome(row: BlockerReport) -> str:
        return f"{row.subject} uses the default branch now. {row.last_answer}"

    return act(
        request,
        lambda: service(request).take_over_branch(blocker_id=pk, reason=reason_of(request)),
        outcome,
        to=reverse("dashboard:blockers"),
    )


@require_POST
def by_cause(request: HttpRequest) -> HttpResponse:
    """Retry, release or move all of one cause; first shown member by member (`preview`), then done."""
    to = reverse("dashboard:blockers")
    verb, cause = request.POST.get("verb", ""), request.POST.get("cause", "")
    if verb not in VERBS:
        return refuse(request, InvalidRequest(f"verb is one of {', '.join(VERBS)}.", field="verb"), to)
    options: dict[str, Any] = {}
    form = None
    if verb == "retry":
        options["next_free"] = request.POST.get("next_free") == "1"
    if verb == "move":
        form = AfterForm({"zone": "UTC", **request.POST.dict()})
        if not form.is_valid():
            return refuse(request, InvalidRequest(sentence_of(form), field="after"), to)
        options["after"] = form.cleaned_data["after"]
    call = getattr(service(request), VERBS[verb])
    if request.POST.get("preview"):
        try:
            result = call(cause=cause, dry_run=True, **options)
        except OrchestrationError as error:
            return refuse(request, error, to)
        shown = {"result": result, "next_free": options.get("next_free", False), "form": form}
        return show(request, "by_cause.html", shown)

    def outcome(result: CauseResult) -> str:
        done = sum(member.done for member in result.members)
        return f"{verb} by {cause}: {done} of {len(result.members)} done."

    return act(
        request,
        lambda: call(cause=cause, reason=reason_of(request), dry_run=False, **options),
        outcome,
        to=to,
    )
