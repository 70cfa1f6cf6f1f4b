"""Show the groups of channels and the labels on them, and change both."""

from __future__ import annotations

from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_POST

from channels.models import Channel, ChannelGroup
from dashboard.actions import act, done, page, reason_of, refuse, service
from dashboard.addresses import reverse
from dashboard.filters import filters_of
from dashboard.forms import sentence_of
from dashboard.group_forms import GroupForm, LabelForm, MembersForm
from dashboard.listing import page_of
from dashboard.live_pages import show
from orchestration.errors import InvalidRequest, OrchestrationError
from orchestration.lists import ChannelFilters
from orchestration.register.groups import GroupChange, uses


def _home() -> str:
    return reverse("dashboard:groups")


def _page(slug: str) -> str:
    return reverse("dashboard:group", args=[slug])


@page
def groups(request: HttpRequest) -> HttpResponse:
    """List the groups and the labels, each with how many channels it stands for."""
    return show(
        request,
        "groups.html",
        {
            "groups": service(request).get_channel_groups(),
            "labels": service(request).get_labels(),
            "form": GroupForm(),
            "label_form": LabelForm(),
        },
    )


@page
def group(request: HttpRequest, slug: str) -> HttpResponse:
    """Show a group with its channels, to be searched and changed."""
    row = get_object_or_404(ChannelGroup.objects.annotate(members=Count("channels")), slug=slug)
    filters = filters_of(request, ChannelFilters, ("q", "state"))
    rows = filters.filter(Channel.objects.filter(groups=row).prefetch_related("labels"))
    return show(
        request,
        "group.html",
        {
            "group": row,
            "page": page_of(request, rows.order_by("name", "pk")),
            "q": filters.q or "",
            "used_by": uses(row),
            "form": GroupForm(
                initial={"name": row.name, "slug": row.slug, "description": row.description},
                auto_id="id_change_%s",
            ),
            "members_form": MembersForm(),
        },
    )


@require_POST
def group_add(request: HttpRequest) -> HttpResponse:
    """Make a group."""
    form = GroupForm(request.POST)
    if not form.is_valid():
        return refuse(request, InvalidRequest(sentence_of(form)), _home())
    data = form.cleaned_data
    try:
        row = service(request).add_channel_group(
            name=data["name"],
            slug=data["slug"],
            description=data["description"],
            channel_ids=data["channels"],
        )
    except OrchestrationError as error:
        return refuse(request, error, _home())
    return done(request, f"The group {row.name} is made.", to=_page(row.slug), leave=True)


@require_POST
def group_change(request: HttpRequest, slug: str) -> HttpResponse:
    """Give a group another name, slug or description."""
    row = get_object_or_404(ChannelGroup, slug=slug)
    form = GroupForm(request.POST)
    if not form.is_valid():
        return refuse(request, InvalidRequest(sentence_of(form)), _page(slug))
    data = form.cleaned_data
    try:
        changed = service(request).change_channel_group(
            group_id=row.pk,
            name=data["name"],
            slug=data["slug"] or row.slug,
            description=data["description"],
        )
    except OrchestrationError as error:
        return refuse(request, error, _page(slug))
    return done(request, f"{changed.name} is changed.", to=_page(changed.slug), leave=True)


@require_POST
def group_remove(request: HttpRequest, slug: str) -> HttpResponse:
    """Remove a group."""
    row = get_object_or_404(ChannelGroup, slug=slug)
    try:
        service(request).remove_channel_group(group_id=row.pk, reason=reason_of(request))
    except OrchestrationError as error:
        return refuse(request, error, _page(slug))
    return done(request, f"The group {row.name} is removed; its channels stay.", to=_home(), leave=True)


def _members(request: HttpRequest, slug: str, method: str) -> HttpResponse:
    row = get_object_or_404(ChannelGroup, slug=slug)
    form = MembersForm(request.POST)
    if not form.is_valid():
        return refuse(request, InvalidRequest(sentence_of(form)), _page(slug))
    call = getattr(service(request), method)
    return act(
        request,
        lambda: call(group_id=row.pk, channel_ids=form.ids, reason=reason_of(request)),
        _said,
        to=_page(slug),
        undo=True,
    )


def _said(change: GroupChange) -> str:
    parts = [
        f"{len(ids)} {word}" for ids, word in ((change.added, "came in"), (change.removed, "went out")) if ids
    ]
    return f"{change.group.name}: {' and '.join(parts) or 'nothing changed'}."


@require_POST
def group_add_channels(request: HttpRequest, slug: str) -> HttpResponse:
    """Put channels into a group."""
    return _members(request, slug, "add_group_channels")


@require_POST
def group_remove_channels(request: HttpRequest, slug: str) -> HttpResponse:
    """Take channels out of a group."""
    return _members(request, slug, "remove_group_channels")


@require_POST
def labels_change(request: HttpRequest) -> HttpResponse:
    """Put labels on channels, or take them off."""
    form = LabelForm(request.POST)
    if not form.is_valid():
        return refuse(request, InvalidRequest(sentence_of(form)), _home())
    data = form.cleaned_data
    call = getattr(service(request), f"{data['way']}_channel_labels")
    return act(
        request,
        lambda: call(channel_ids=data["channels"], labels=data["labels"], reason=reason_of(request)),
        lambda changed: f"Something changed on {changed} channel{'' if changed == 1 else 's'}.",
        to=_home(),
        undo=True,
    )


@require_POST
def label_remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Remove a label from all channels."""
    return act(
        request,
        lambda: service(request).remove_label(label_id=pk, reason=reason_of(request)),
        "The label is removed.",
        to=_home(),
    )
