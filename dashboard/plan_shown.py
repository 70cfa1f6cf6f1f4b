"""Show the plan of a form before anything is written: how it differs from the wish, who collides, who goes where."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from channels.models import Channel
from dashboard import own_times
from dashboard.live_pages import own_address
from orchestration.models import Video
from orchestration.planning.difference_values import Way
from orchestration.planning.other_ways import way_of
from orchestration.planning.rules import TITLE_OF_RULE
from orchestration.planning.types import Alternative, Conflict

MOST_CONFLICTS = 200


def _alternatives(plan: Any, conflict: Conflict) -> list[tuple[Alternative, Way | None]]:
    """Return what else could be done about a conflict, each with how a button asks for it, where one can."""
    is_alone = plan.difference.asked == 1
    return [(each, way_of(conflict, each, is_alone=is_alone)) for each in conflict.alternatives]


def plan_context(plan: Any, typed: dict[own_times.Member, str] | None = None) -> dict[str, Any]:
    """Return what the parts that show a plan need; `typed` are the times that members were given by hand."""
    placements, conflicts = (plan.placements, plan.conflicts) if plan else ((), ())
    typed = typed or {}
    video_ids = {p.video_id for p in placements} | {c.video_id for c in conflicts if c.video_id}
    channel_ids = {p.channel_id for p in placements} | {c.channel_id for c in conflicts if c.channel_id}
    videos = Video.objects.only("pk", "title", "url").in_bulk(video_ids | {member[0] for member in typed})
    channels = Channel.objects.in_bulk(channel_ids | {member[1] for member in typed})
    placed, elsewhere = own_times.rows_of(placements, typed, videos, channels)
    return {
        "plan": plan,
        "collisions": [(c, _alternatives(plan, c)) for c in conflicts[:MOST_CONFLICTS]],
        "placed": placed,
        "own_times": elsewhere,
        "videos": videos,
        "channels": channels,
        "titles": TITLE_OF_RULE,
    }


def plan_part(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """Return the plan alone, for a page that is open."""
    return render(request, "parts/plan.html", {**context, "screen": {"address": own_address(request)}})


def plan_of(error: Any) -> Any:
    """Return the plan that a refusal carries, if it carries one."""
    plan = error.details.get("plan")
    return plan if hasattr(plan, "placements") else None
