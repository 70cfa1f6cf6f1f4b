"""Show how videos are prepared, and make, change, remove and choose profiles."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_POST

from channels.models import Channel
from dashboard.actions import act, done, page, reason_of, refuse, service, version_of
from dashboard.addresses import reverse
from dashboard.forms import sentence_of
from dashboard.live_pages import show
from dashboard.profile_forms import ProfileForm
from orchestration.errors import InvalidRequest, OrchestrationError


def _home() -> str:
    return reverse("dashboard:profiles")


@page
def profiles(request: HttpRequest) -> HttpResponse:
    """List the profiles, with who uses them and with which ffmpeg files are made."""
    return show(
        request,
        "profiles.html",
        {
            "profiles": service(request).get_profiles(),
            "report": service(request).get_status(),
            "form": ProfileForm(),
        },
    )


@page
def profile(request: HttpRequest, key: str) -> HttpResponse:
    """Show one profile, to change it."""
    row = next((row for row in service(request).get_profiles() if row.key == key), None)
    if row is None or row.built_in:
        raise Http404
    return show(request, "profile.html", {"profile": row, "form": ProfileForm.of(row)})


@require_POST
def profile_save(request: HttpRequest) -> HttpResponse:
    """Make a profile, or give it all its values anew."""
    form = ProfileForm(request.POST)
    if not form.is_valid():
        return refuse(request, InvalidRequest(sentence_of(form)), _home())
    values = dict(form.cleaned_data)
    try:
        row = service(request).save_profile(key=values.pop("key"), values=values, reason=reason_of(request))
    except OrchestrationError as error:
        return refuse(request, error, _home())
    text = f"{row.name} is kept; what is prepared from now on by it follows it."
    return done(request, text, to=_home(), leave=True)


@require_POST
def profile_remove(request: HttpRequest, key: str) -> HttpResponse:
    """Remove a profile."""
    try:
        service(request).remove_profile(key=key, reason=reason_of(request))
    except OrchestrationError as error:
        return refuse(request, error, _home())
    return done(request, "The profile is removed; what was made by it stays.", to=_home(), leave=True)


@require_POST
def channel_set_profile(request: HttpRequest, slug: str) -> HttpResponse:
    """Say by which profile videos are prepared for a channel."""
    channel = get_object_or_404(Channel, slug=slug)
    return act(
        request,
        lambda: service(request).set_channel_profile(
            channel_id=channel.pk,
            profile=request.POST.get("profile", ""),
            reason=reason_of(request),
            version=version_of(request),
        ),
        lambda row: (
            f"What {row.name} sends is prepared by {row.profile or 'what its source says'} from now on."
        ),
        to=reverse("dashboard:channel", args=[slug]),
    )


@require_POST
def source_set_profile(request: HttpRequest, pk: int) -> HttpResponse:
    """Say by which profile a source's videos are prepared where their channel has none."""
    return act(
        request,
        lambda: service(request).set_source_profile(
            source_id=pk,
            profile=request.POST.get("profile", ""),
            reason=reason_of(request),
            version=version_of(request),
        ),
        lambda row: (
            f"Videos of {row.name} are prepared by {row.profile or 'the default profile'} from now on."
        ),
        to=reverse("dashboard:source", args=[pk]),
    )
