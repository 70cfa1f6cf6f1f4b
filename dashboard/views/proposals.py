"""Show what assistants propose, and take a person's word on it."""

from __future__ import annotations

import json
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_POST

from dashboard.actions import act, page, reason_of, service
from dashboard.live_pages import show
from orchestration.models import Proposal

SHOWN = 100


@page
def proposals(request: HttpRequest) -> HttpResponse:
    """List the latest proposals."""
    return show(request, "proposals.html", {"proposals": service(request).get_proposals()[:SHOWN]})


@page
def proposal(request: HttpRequest, pk: int) -> HttpResponse:
    """Show one: what it asks for, what it would do, what became of it."""
    row = service(request).get_proposal(proposal_id=pk)
    values = {
        "row": row,
        "arguments": [
            (name, _text(value)) for name, value in sorted(row.arguments.items()) if name != "fingerprint"
        ],
        "sentence": _sentence(row.preview),
        "preview": "" if row.preview is None else _text(row.preview),
        "answer": "" if row.answer is None else _text(row.answer),
    }
    return show(request, "proposal.html", values)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)


def _sentence(preview: Any) -> str:
    """Return what a plan says of itself in a sentence; empty where it says none."""
    plan = preview.get("plan") if isinstance(preview, dict) else None
    found = plan.get("summary", "") if isinstance(plan, dict) else ""
    return found if isinstance(found, str) else ""


@require_POST
def proposal_confirm(request: HttpRequest, pk: int) -> HttpResponse:
    """Let an assistant make what it proposes."""
    return _decide(request, pk, "confirm_proposal")


@require_POST
def proposal_refuse(request: HttpRequest, pk: int) -> HttpResponse:
    """Let what an assistant proposes not be made."""
    return _decide(request, pk, "refuse_proposal")


def _decide(request: HttpRequest, pk: int, method: str) -> HttpResponse:
    return act(
        request,
        lambda: getattr(service(request), method)(proposal_id=pk, reason=reason_of(request)),
        _outcome,
        to=reverse("dashboard:proposals"),
    )


def _outcome(row: Proposal) -> str:
    return f"The proposal is {row.state}."
