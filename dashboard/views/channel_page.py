"""Show one channel as a page of sections, and save what is typed in one of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import Any, cast

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST
from django_htmx.http import HttpResponseClientRedirect

from channels.models import Channel
from dashboard import timeline, words_form
from dashboard.actions import by_htmx, page, reason_of, refuse, service
from dashboard.addresses import reverse
from dashboard.channel_forms import (
    SECTION_FORMS,
    CredentialForm,
    GroupsForm,
    NewChannelForm,
    SectionForm,
    refused,
)
from dashboard.channel_sections import SECTIONS, Section, section_of, sections_of, words_tried
from dashboard.forms import TriggerForm
from dashboard.listing import id_of
from dashboard.live_pages import asks_for_live_part, show
from dashboard.wording import plural
from dashboard.zones import datalist_options
from orchestration.errors import InvalidRequest, OrchestrationError, StaleVersion
from orchestration.words.answers import WordsEdit


def channel_of(slug: str) -> Channel:
    """Return the channel of an address. Raises: Http404."""
    return get_object_or_404(Channel.objects.select_related("credential"), slug=slug)


@page
def channel(request: HttpRequest, slug: str) -> HttpResponse:
    """Show one channel: how it is and what comes, and what it is, a section at a time."""
    row = channel_of(slug)
    return _page(request, row, {name for name in request.GET.getlist("open") if name in SECTIONS})


def _page(
    request: HttpRequest,
    row: Channel,
    opened: Iterable[str],
    changes: Mapping[str, Any] | None = None,
    status: int = 200,
) -> HttpResponse:
    """Show the page with some sections open; `changes` is what the last of them shows otherwise."""
    now = timezone.now()
    report = service(request).monitor_channels(channel_ids=[row.pk]).channels[0]
    coming = list(
        row.schedules.open()
        .select_related("distribution__video", "wave", "channel")
        .order_by("publish_at")[:25]
    )
    blackouts = list(row.blackouts.all())
    live = asks_for_live_part(request)
    sections = [] if live else sections_of(request, row, opened, blackouts)
    for section in sections:
        if section.open:
            section.context |= changes or {}
    since = now.date() - timedelta(days=1)
    return show(
        request,
        "channel.html",
        {
            "channel": row,
            "report": report,
            "looks": {
                "ok": [look for look in report.checks if look.ok],
                "other": [look for look in report.checks if not look.ok],
            },
            "credential": getattr(row, "credential", None),
            "coming": coming,
            "calendar": timeline.strip_of(
                row, coming, [each for each in blackouts if each.last_date >= since], now
            ),
            "sections": sections,
            "trigger_form": None if live else TriggerForm(),
        },
        status=status,
    )


@page
def channel_section(request: HttpRequest, slug: str, section: str) -> HttpResponse:
    """Show one section, for the page that opens it; without a script it is opened on the page itself."""
    if section not in SECTIONS:
        raise Http404(f"A channel has no section {section}.")
    row = channel_of(slug)
    if not by_htmx(request):
        query = request.GET.copy()
        query["open"] = section
        return redirect(f"{page_of(slug)}?{query.urlencode()}#section-{section}")
    return _part(request, row, section_of(request, row, section))


def page_of(slug: str, section: str = "") -> str:
    """Return the address of a channel's page, with a section open."""
    at = reverse("dashboard:channel", args=[slug])
    return f"{at}?open={section}#section-{section}" if section else at


def _part(request: HttpRequest, row: Channel, section: Section, status: int = 200) -> HttpResponse:
    response = render(
        request, "parts/channel_section.html", {"channel": row, "section": section}, status=status
    )
    response.headers["HX-Trigger"] = "headend:look"
    response.headers["Cache-Control"] = "no-store"
    return response


def show_section(
    request: HttpRequest, row: Channel, name: str, *, said: str = "", status: int = 200, **more: Any
) -> HttpResponse:
    """Show a section again after something was done in it: alone to a script, else on its page."""
    if by_htmx(request):
        return _part(request, row, section_of(request, row, name, said=said, **more), status)
    if status == 200:
        messages.success(request, said)
        return redirect(page_of(row.slug, name))
    return _page(request, row, [name], more, status)


def do_in_section(
    request: HttpRequest, slug: str, name: str, call: Callable[[Channel], str], **more: Any
) -> HttpResponse:
    """Do something in a section and show it again, with what was done or what stands against it."""
    row = channel_of(slug)
    try:
        said = call(row)
    except OrchestrationError as error:
        return show_section(request, row, name, status=error.status, refusal=error, **more)
    return show_section(request, channel_of(_slug_now(row)), name, said=said)


def _slug_now(row: Channel) -> str:
    return Channel.objects.values_list("slug", flat=True).get(pk=row.pk)


# -- a new one ------------------------------------------------------------------------------------------------------


@page
def channel_new(request: HttpRequest) -> HttpResponse:
    """Offer a new channel in four fields."""
    return show(request, "channel_new.html", {"form": NewChannelForm(), "zones": datalist_options()})


@require_POST
def channel_add(request: HttpRequest) -> HttpResponse:
    """Register a channel, and lead to its page."""
    form = NewChannelForm(request.POST)
    if form.is_valid():
        try:
            row = service(request).add_channel(values=form.values(), reason=reason_of(request))
        except InvalidRequest as error:
            refused(form, error)
        except OrchestrationError as error:
            return refuse(request, error, reverse("dashboard:channel_new"))
        else:
            messages.success(
                request, f"{row.name} is registered. Give it the times of its week, then connect it."
            )
            return redirect(page_of(row.slug, "week"))
    return show(request, "channel_new.html", {"form": form, "zones": datalist_options()}, status=422)


# -- sections -------------------------------------------------------------------------------------------------------


@require_POST
def channel_change(request: HttpRequest, slug: str) -> HttpResponse:
    """Save the fields of one section."""
    name = request.POST.get("section", "")
    if name not in SECTION_FORMS:
        return refuse(
            request,
            InvalidRequest(f"A channel has no section {name[:40]!r}.", field="section"),
            page_of(slug),
        )
    row, form = channel_of(slug), SECTION_FORMS[name](request.POST)
    status = 422
    if form.is_valid():
        try:
            changed = service(request).change_channel(
                channel_id=row.pk,
                values=form.values(),
                seen=form.cleaned_data["seen"],
                reason=reason_of(request),
            )
        except OrchestrationError as error:
            refused(form, error)
            status = error.status
            if isinstance(error, StaleVersion):
                form = _with_both(form, row)
        else:
            if changed.slug != slug:
                return _moved(request, changed)
            return show_section(request, channel_of(changed.slug), name, said="Saved.")
    return show_section(request, row, name, status=status, form=form)


def _with_both(form: SectionForm, row: Channel) -> SectionForm:
    """Return a refused form that can be sent again: it has been shown what there is now."""
    now = type(form).of(row)
    data = cast(QueryDict, form.data).copy()
    data["seen"] = now.initial["seen"]
    again = type(form)(data)
    again.is_valid()
    again.add_error(None, f"{form.non_field_errors()[0]} Save again to write yours over it.")
    return again


def _moved(request: HttpRequest, row: Channel) -> HttpResponse:
    """Lead to the page at the channel's new address."""
    messages.success(request, f"{row.name} is at this address from now on.")
    to = page_of(row.slug, "basics")
    return HttpResponseClientRedirect(to) if by_htmx(request) else redirect(to)


@require_POST
def channel_set_credential(request: HttpRequest, slug: str) -> HttpResponse:
    """Store a channel's own OAuth client and refresh token."""
    row, form = channel_of(slug), CredentialForm(request.POST)
    status = 422
    if form.is_valid():
        try:
            service(request).set_credential(channel_id=row.pk, **form.cleaned_data, reason=reason_of(request))
        except OrchestrationError as error:
            refused(form, error)
            status = error.status
        else:
            said = "Stored, encrypted; Google is being asked about it."
            return show_section(request, channel_of(slug), "connection", said=said)
    return show_section(request, row, "connection", status=status, form=form)


@require_POST
def channel_set_groups(request: HttpRequest, slug: str) -> HttpResponse:
    """Say which groups a channel is in, and which labels it has."""
    row, form = channel_of(slug), GroupsForm(request.POST)
    status = 422
    if form.is_valid():
        try:
            service(request).set_channel_groups(
                channel_id=row.pk,
                group_ids=form.cleaned_data["groups"],
                labels=form.cleaned_data["labels"],
                reason=reason_of(request),
            )
        except OrchestrationError as error:
            refused(form, error)
            status = error.status
        else:
            return show_section(request, channel_of(slug), "groups", said="Saved.")
    return show_section(request, row, "groups", status=status, form=form)


@require_POST
def channel_edit_words(request: HttpRequest, slug: str) -> HttpResponse:
    """Save what a channel says of its videos."""
    row = channel_of(slug)
    try:
        words = words_form.document_of(request.POST, "channel")
        result = service(request).edit_words(
            edits=[WordsEdit("channel", row.pk, words, request.POST.get("version") or None)],
            accept_problems=request.POST.get("accept_problems") == "on",
            reason=reason_of(request),
        )
    except OrchestrationError as error:
        typed = _typed_words(request, row)
        return show_section(request, row, "words", status=error.status, refusal=error, **typed)
    waiting = (
        f" Still to be uploaded with them: {plural(result.touched, 'publication')}." if result.touched else ""
    )
    said = f"Saved.{waiting}" if result.changes else "Nothing differs from before."
    return show_section(request, channel_of(slug), "words", said=said)


@require_POST
def channel_preview_words(request: HttpRequest, slug: str) -> HttpResponse:
    """Show how a video would look by the words that are typed; nothing is saved."""
    row = channel_of(slug)
    if not by_htmx(request):
        return show_section(request, row, "words", status=422, **_typed_words(request, row))
    return render(request, "parts/channel_words_tried.html", {"channel": row, **_tried(request, row)})


def _tried(request: HttpRequest, row: Channel) -> dict[str, Any]:
    """Return the typed words on the chosen video; what cannot be read is a fault of its field."""
    words, faults = {}, {}
    for name in words_form.document_names("channel", request.POST):
        try:
            words[name] = words_form.read(name, str(request.POST[name]))
        except InvalidRequest as error:
            faults[name] = error.message
    tried = words_tried(request, row, words, id_of(request.POST.get("video", "")))
    return tried | {"unreadable": faults}


def _typed_words(request: HttpRequest, row: Channel) -> dict[str, Any]:
    """Return the section with what was typed, so that a refusal loses nothing."""
    cells = section_of(request, row, "words").context["cells"]
    return {
        "cells": words_form.with_typed(cells, request.POST),
        "chosen_video": id_of(request.POST.get("video", "")),
        **_tried(request, row),
    }


@require_POST
def channel_remove(request: HttpRequest, slug: str) -> HttpResponse:
    """Remove a channel that nothing rests on."""
    row = channel_of(slug)
    try:
        service(request).remove_channel(channel_id=row.pk, reason=reason_of(request))
    except OrchestrationError as error:
        return show_section(request, row, "end", status=error.status, refusal=error)
    messages.success(request, f"{row.name} is removed.")
    to = reverse("dashboard:channels")
    if by_htmx(request):
        return HttpResponseClientRedirect(to)
    return redirect(to)
