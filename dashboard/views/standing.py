"""Show what is planned by itself, and enter, change, run and remove standing rules."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_POST

from dashboard.actions import act, act_on_typed, page, reason_of, service
from dashboard.addresses import reverse
from dashboard.listing import id_of
from dashboard.live_pages import show
from dashboard.standing_forms import StandingRuleForm
from orchestration.errors import NotFound, OrchestrationError
from orchestration.models import StandingRule, Video
from orchestration.results.plans import StandingRun
from orchestration.scheduling.standing import write_times
from orchestration.states import VideoState

EPISODES_SHOWN = 30


def _home() -> str:
    return reverse("dashboard:standing_rules")


@page
def standing_rules(request: HttpRequest) -> HttpResponse:
    """List what is planned by itself, with when it runs next and how the last run ended."""
    rows = service(request).get_standing_rules()
    return show(request, "standing_rules.html", {"rules": [(row, write_times(row.times)) for row in rows]})


@page
def standing_rule_new(request: HttpRequest) -> HttpResponse:
    """Show the form of a new rule."""
    return show(request, "standing_rule.html", {"form": StandingRuleForm(), "row": None})


@page
def standing_rule(request: HttpRequest, pk: int) -> HttpResponse:
    """Show a rule, what its next run would plan, and of a series its latest episodes."""
    try:
        row = service(request).get_standing_rule(rule_id=pk)
    except NotFound as error:
        raise Http404(error.message) from error
    return show(
        request,
        "standing_rule.html",
        {"form": StandingRuleForm.of(row), "row": row, **_preview(request, row), "episodes": _episodes(row)},
    )


def _preview(request: HttpRequest, row: StandingRule) -> dict[str, object]:
    if request.GET.get("preview") != "1":
        return {"preview": None}
    try:
        return {"preview": service(request).preview_standing_rule(rule_id=row.pk)}
    except OrchestrationError as error:
        return {"preview": None, "preview_refused": error.message}


def _episodes(row: StandingRule) -> list[tuple[Video, bool]]:
    """Return the newest videos of a series' source, and whether each was passed over."""
    if row.kind != StandingRule.Kind.SERIES:
        return []
    skipped = set(row.skipped.values_list("pk", flat=True))
    videos = Video.objects.filter(source=row.source_id).exclude(state=VideoState.DUPLICATE)
    return [
        (video, video.pk in skipped)
        for video in videos.order_by("-source_published_at", "-pk")[:EPISODES_SHOWN]
    ]


@require_POST
def standing_rule_add(request: HttpRequest) -> HttpResponse:
    """Enter a rule."""
    form = StandingRuleForm(request.POST)
    return act_on_typed(
        request,
        form,
        lambda: service(request).add_standing_rule(values=form.values()),
        lambda row: f"The rule {row.name} is entered" + ("." if row.enabled else ", switched off."),
        to=_home(),
    )


@require_POST
def standing_rule_change(request: HttpRequest, pk: int) -> HttpResponse:
    """Give a rule all its values anew."""
    form = StandingRuleForm(request.POST)
    return act_on_typed(
        request,
        form,
        lambda: service(request).change_standing_rule(rule_id=pk, values=form.values()),
        lambda row: f"The rule {row.name} is changed; what it planned stays.",
        to=_home(),
    )


@require_POST
def standing_rule_remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Remove a rule."""
    return act(
        request,
        lambda: service(request).remove_standing_rule(rule_id=pk, reason=reason_of(request)),
        "The rule is removed; what it planned stays.",
        to=_home(),
        leave=True,
    )


def _outcome(made: StandingRun) -> str:
    said = made.summary or "Nothing was planned"
    return f"{made.rule.name}: {said}." + (f" It waits: {made.problem}" if made.problem else "")


@require_POST
def standing_rule_run(request: HttpRequest, pk: int) -> HttpResponse:
    """Run a rule now."""
    return act(
        request,
        lambda: service(request).run_standing_rule(rule_id=pk),
        _outcome,
        to=reverse("dashboard:standing_rule", args=[pk]),
    )


def _episode(request: HttpRequest, pk: int, *, skip: bool, outcome: str) -> HttpResponse:
    return act(
        request,
        lambda: service(request).skip_episode(
            rule_id=pk,
            video_id=id_of(request.POST.get("video", "")) or 0,
            skip=skip,
            reason=reason_of(request),
        ),
        outcome,
        to=reverse("dashboard:standing_rule", args=[pk]),
    )


@require_POST
def episode_skip(request: HttpRequest, pk: int) -> HttpResponse:
    """Let a series pass over an episode."""
    return _episode(request, pk, skip=True, outcome="The series passes over it.")


@require_POST
def episode_take_in(request: HttpRequest, pk: int) -> HttpResponse:
    """Take an episode in again."""
    return _episode(request, pk, skip=False, outcome="The series takes it in again.")
