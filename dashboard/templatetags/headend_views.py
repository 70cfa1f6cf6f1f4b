"""Show the saved views of a list above it, and the form that saves the present filters."""

from __future__ import annotations

from typing import Any

from django import template

from orchestration.core.permissions import Actor
from orchestration.models import ApiToken
from orchestration.register import saved_views as views

register = template.Library()


@register.inclusion_tag("parts/saved_views.html", takes_context=True)
def saved_views(context: template.Context) -> dict[str, Any]:
    """Show the caller's own and the shared views of the page that is open; the one whose filters it has is marked."""
    request = context["request"]
    page = request.resolver_match.url_name
    present = views.tidy(request.GET.urlencode())
    rows = views.seen_by(request.user.pk, page)
    return {
        "views": rows,
        "present": present,
        "current": next((row for row in rows if row.query == present), None),
        "page": page,
        "user": request.user,
        "may_share": Actor.of_user(request.user).reaches(ApiToken.Scope.SCHEDULE),
        "csrf_token": context.get("csrf_token"),
    }
