"""Change words of what lies on YouTube already, settle what was changed there, and have extras tried again."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_POST

from dashboard.actions import act, reason_of, refuse, service
from dashboard.addresses import reverse
from dashboard.forms import WordsOnYouTubeForm, sentence_of
from orchestration.errors import InvalidRequest
from orchestration.models import Schedule
from orchestration.results.words_outside import WordsOutside, WordsOutsideEdit

CHOICES = {"yes": True, "no": False}


def form_of(row: Schedule, shown: WordsOutside) -> WordsOnYouTubeForm:
    """Return the form for a publication's words, filled with what YouTube has of us."""
    ours = {field.field: field.wanted if field.is_wanted else field.last_set for field in shown.fields}
    tags = ours.get("tags") or []
    return WordsOnYouTubeForm(
        initial={
            "title": ours.get("title") or "",
            "description": ours.get("description") or "",
            "tags": ", ".join(tags),
            "licence": ours.get("licence") or "youtube",
            **{name: "yes" if ours.get(name) else "no" for name in WordsOnYouTubeForm.YES_NO},
        }
    )


@require_POST
def schedule_edit_words(request: HttpRequest, pk: int) -> HttpResponse:
    """Write other words over ours on YouTube, or only show what that would cost."""
    row = get_object_or_404(Schedule, pk=pk)
    form = WordsOnYouTubeForm(request.POST)
    to = _page(pk)
    if not form.is_valid():
        return refuse(request, InvalidRequest(sentence_of(form)), to)
    shown = service(request).get_words_on_youtube(distribution_id=row.distribution_id)
    before = form_of(row, shown).initial
    words = {
        name: _said(name, form.cleaned_data[name])
        for name in before
        if form.cleaned_data[name] != before[name].strip()
    }
    return act(
        request,
        lambda: service(request).edit_publication_words(
            distribution_id=row.distribution_id,
            words=words,
            dry_run="dry_run" in request.POST,
            reason=reason_of(request),
        ),
        _told,
        to=to,
    )


@require_POST
def schedule_take_their_words(request: HttpRequest, pk: int) -> HttpResponse:
    """Let the words hold that somebody wrote on YouTube."""
    return _settle(request, pk, "take_theirs", "What is on YouTube holds.")


@require_POST
def schedule_put_our_words_back(request: HttpRequest, pk: int) -> HttpResponse:
    """Write our words again over what somebody wrote on YouTube."""
    return _settle(request, pk, "put_ours_back", "Ours is written again.")


@require_POST
def schedule_retry_extras(request: HttpRequest, pk: int) -> HttpResponse:
    """Have picture, playlists and subtitles tried again that YouTube did not take."""
    row = get_object_or_404(Schedule, pk=pk)
    return act(
        request,
        lambda: service(request).retry_publication_extras(
            distribution_id=row.distribution_id, reason=reason_of(request)
        ),
        "Tried again.",
        to=_page(pk),
    )


def _settle(request: HttpRequest, pk: int, way: str, message: str) -> HttpResponse:
    row = get_object_or_404(Schedule, pk=pk)
    return act(
        request,
        lambda: service(request).settle_publication_words(
            distribution_id=row.distribution_id, way=way, reason=reason_of(request)
        ),
        message,
        to=_page(pk),
    )


def _said(name: str, value: str) -> Any:
    """Return a field's value as words have it; braces of a text are text here, since YouTube knows no placeholders."""
    if name == "tags":
        return [tag.strip() for tag in value.split(",") if tag.strip()]
    if name in {"title", "description"}:
        return value.replace("{", "{{").replace("}", "}}")
    return CHOICES.get(value, value)


def _told(edit: WordsOutsideEdit) -> str:
    names = ", ".join([field.field for field in edit.fields] + list(edit.extras)) or "nothing"
    free = (
        ""
        if edit.fits_now
        else f"; only {edit.units_free} are free today, so it waits until {edit.resets_at:%H:%M} UTC"
    )
    done = "would be changed" if edit.dry_run else "is changed on YouTube"
    waits = f" {edit.waits_for[0].upper()}{edit.waits_for[1:]}." if edit.waits_for else ""
    return f"{names[0].upper()}{names[1:]} {done}: {edit.units} units{free}.{waits}"


def _page(pk: int) -> str:
    return reverse("dashboard:publication", args=[pk])
