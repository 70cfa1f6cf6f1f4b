"""Prepare the demo: six channels, a source, and a wave a minute from now. Everything then happens by itself.

The demo's outside world is the sandbox, reached through the same settings that a proxy would use. Only this module and
the command that calls it know the names that the sandbox was seeded with.
"""

import time
from collections.abc import Callable
from datetime import time as clock_time
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from channels.models import Channel, Credential, PostingSlot
from channels.sandbox import seed
from channels.states import CredentialState, Executor
from orchestration.core import audit
from orchestration.core.permissions import Actor
from orchestration.models import SystemState, Video
from orchestration.service import CentralOrchestrationService
from orchestration.states import RightsBasis, SystemStatus, Trigger, VideoState

ZONES = {
    "aurora": "Europe/Oslo",
    "borealis": "America/Toronto",
    "cascade": "America/Los_Angeles",
    "delta": "Asia/Kolkata",
    "ember": "Europe/Berlin",
    "fjord": "Pacific/Auckland",
}
TIMES = (clock_time(9, 0), clock_time(13, 30), clock_time(18, 0))
WAVE_NAME = "Premiere on all channels"
WAVE_AFTER = timedelta(seconds=75)
PATIENCE_SECONDS = 90.0

Say = Callable[[str], None]


def prepare(say: Say) -> None:
    """Set the demo up where it is not set up yet; a demo that was stopped goes on where it was."""
    service = CentralOrchestrationService(actor=Actor.system("demo"), trigger=Trigger.CLI)
    first_time = not Channel.objects.exists()
    if first_time:
        with audit.acting_as(audit.Acting("demo", None, Trigger.CLI)):
            _make_channels()
        say("Six channels are registered: three with a GitHub repository, three local.")
    if SystemState.objects.filter(pk=1, state=SystemStatus.RUNNING).exists() is False and first_time:
        service.start(reason="the demo begins")
    if not first_time:
        say("The demo goes on where it was.")
        return
    service.sync_channel_configs()
    service.check_channels()
    source = service.add_source(
        url=f"{_site_url()}/feed.xml",
        name="Sandbox films",
        rights_basis=RightsBasis.OWNED,
        rights_note="Made by the sandbox itself, for this demo.",
    )
    say(f"Source “{source.name}” is being read.")
    video = _wait_for(
        lambda: Video.objects.filter(source=source).exclude(state=VideoState.FAILED).order_by("pk").first()
    )
    if video is None:
        say("The source has given no video yet; schedule a wave on the page when it has.")
        return
    at = (timezone.now() + WAVE_AFTER).replace(microsecond=0)
    result = service.schedule_wave_publication(
        video_ids=[video.pk],
        channel_ids=list(Channel.objects.order_by("pk").values_list("pk", flat=True)),
        timing="simultaneous",
        scheduled_at=at,
        priority=8,
        name=WAVE_NAME,
        acknowledge_policy=True,
    )
    say(f"Wave “{WAVE_NAME}”: {result.plan.summary}.")
    _distribute_the_rest(service, say)


def _distribute_the_rest(service: CentralOrchestrationService, say: Say) -> None:
    """Give the other films to the channels' coming slots once they are ready."""

    def ready() -> bool:
        return Video.objects.ready().count() >= 4

    if _wait_for(ready):
        say(f"Distribution: {service.distribute_videos(horizon_days=5).summary}.")


def _make_channels() -> None:
    for slug in seed.SLUGS:
        with transaction.atomic():
            is_github = slug in seed.GITHUB_SLUGS
            channel = Channel.objects.create(
                slug=slug,
                name=f"{slug.title()} Films",
                timezone=ZONES[slug],
                executor=Executor.GITHUB if is_github else Executor.LOCAL,
                repository=seed.repository_name(slug) if is_github else "",
                min_gap_minutes=30,
                daily_cap=8,
                title_template="{title} · {channel}",
                language="en",
            )
            credential = Credential(channel=channel, client_id=seed.CLIENT_ID, state=CredentialState.VALID)
            credential.set_secrets(client_secret=seed.CLIENT_SECRET, refresh_token=seed.refresh_token(slug))
            credential.save()
            PostingSlot.objects.bulk_create(
                PostingSlot(channel=channel, weekday=day, local_time=at) for day in range(7) for at in TIMES
            )
            audit.record("channel_registered", channel, after={"slug": slug, "executor": channel.executor})


def _site_url() -> str:
    # The sandbox serves GitHub, YouTube and the site from one address; GITHUB_API_URL is that address and /github.
    return settings.GITHUB_API_URL.removesuffix("/github") + "/site"


def _wait_for(condition: Callable, seconds: float = PATIENCE_SECONDS):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(0.5)
    return None
