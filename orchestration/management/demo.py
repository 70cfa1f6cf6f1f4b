"""Prepare the demo: six channels, a source, an uploaded film, and a wave of it a minute from now.

Everything then happens by itself.

The demo's outside world is the sandbox, reached through the same settings that a proxy would use. Only this module and
the command that calls it know the names that the sandbox was seeded with.
"""

import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import time as clock_time
from datetime import timedelta
from pathlib import Path
from typing import Any

from auditlog.context import disable_auditlog
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from channels.models import Channel, Credential, PostingSlot
from channels.sandbox import seed
from channels.states import CredentialState, Executor
from orchestration import media
from orchestration.core import audit
from orchestration.core.permissions import Actor
from orchestration.media.processes import run_ffmpeg
from orchestration.models import Distribution, SystemState, Upload, Video, Wave
from orchestration.service import CentralOrchestrationService
from orchestration.states import RightsBasis, SystemStatus, Trigger
from orchestration.words.answers import WordsEdit

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
FILM_WORDS = {
    "title": "Opening night",
    "description": "Six channels, one curtain.\n\nUploaded, described and shown by Headend's demo.",
    "tags": ["opening", "premiere", "theatre"],
    "category_id": "24",
    "licence": "creativeCommon",
}
WAVE_WORDS = {"description": "Premiere on {channel}, {date:%d %B %Y}.\n\n{description}"}
OWN_TITLE = ("fjord", "{title}: the southern premiere")
"""A channel, and what its publication alone says."""
PATIENCE_SECONDS = 90.0

Say = Callable[[str], None]


def prepare(say: Say, like: Sequence[Mapping[str, Any]] | None = None) -> None:
    """Set the demo up where it is not set up yet; a demo that was stopped goes on where it was.

    A rehearsal's channels are `like` others: their names, zones, slots, gaps and caps, over the sandbox's own accounts. It
    sends its film to them and goes no further.
    """
    service = CentralOrchestrationService(actor=Actor.system("demo"), trigger=Trigger.CLI)
    first_time = not Channel.objects.exists()
    if first_time:
        with audit.acting_as(audit.Acting("demo", None, Trigger.CLI)):
            _make_channels(like)
        if like is None:
            say("Six channels are registered: three with a GitHub repository, three local.")
    if SystemState.objects.filter(pk=1, state=SystemStatus.RUNNING).exists() is False and first_time:
        service.start(reason="the demo begins")
    if not first_time:
        say("The demo goes on where it was.")
        return
    service.sync_channel_configs()
    service.check_channels()
    upload = _upload_a_film(service)
    say(f"{upload.name} is uploaded to “{upload.source.name}”.")
    if like is not None:
        video = _wait_for(lambda: Video.objects.filter(uploads=upload).first())
        if video is not None:
            _schedule_the_wave(service, video, say)
        return
    source = service.add_source(
        url=f"{_site_url()}/feed.xml",
        name="Sandbox films",
        rights_basis=RightsBasis.OWNED,
        rights_note="Made by the sandbox itself, for this demo.",
    )
    say(f"Source “{source.name}” is being read.")
    video = _wait_for(lambda: Video.objects.filter(uploads=upload).first())
    if video is None:
        say("The uploaded film has not been taken in yet; schedule a wave on the page when it has.")
        return
    _schedule_the_wave(service, video, say)
    _distribute_the_rest(service, say)


def _upload_a_film(service: CentralOrchestrationService) -> Upload:
    """Make a film with ffmpeg and send it as a browser would, in pieces, to a source of uploads."""
    source = service.add_upload_source(
        name="Own films", rights_basis=RightsBasis.OWNED, rights_note="Made for this demo."
    )
    with tempfile.TemporaryDirectory() as folder:
        film = Path(folder) / "opening-night.mp4"
        picture = "gradients=size=1280x720:rate=25:seed=11:nb_colors=5:speed=0.03"
        run_ffmpeg(
            media.ffmpeg_tool(settings.HEADEND_FFMPEG or None).path,
            [
                *("-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", "sine=frequency=392:sample_rate=48000"),
                *("-t", "6", "-c:v", "libx264", "-preset", "ultrafast", "-crf", "28", "-pix_fmt", "yuv420p"),
                *("-c:a", "aac", "-b:a", "128k", "-movflags", "+faststart", str(film)),
            ],
            cancelled=lambda: False,
        )
        size = film.stat().st_size
        upload = service.begin_upload(source_id=source.pk, name=film.name, size_bytes=size)
        with film.open("rb") as body:
            while upload.received_bytes < size:
                piece = min(256 * 1024, size - upload.received_bytes)
                upload = service.receive_upload(
                    key=str(upload.key), offset=upload.received_bytes, length=piece, body=body
                )
    return upload


def _schedule_the_wave(service: CentralOrchestrationService, video: Video, say: Say) -> None:
    """Plan the film on all channels, with words of the film, of the wave, and of one publication."""
    service.edit_words(edits=[WordsEdit("video", video.pk, FILM_WORDS)], reason="the demo's film")
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
    wave: Wave = result.written
    slug, title = OWN_TITLE
    own = Distribution.objects.filter(wave=wave, channel__slug=slug)
    service.edit_words(
        edits=[
            WordsEdit("wave", wave.pk, WAVE_WORDS),
            *(WordsEdit("publication", row.pk, {"title": title}) for row in own),
        ],
        reason="the demo's premiere",
    )
    say(f"Wave “{WAVE_NAME}”: {result.plan.summary}.")


def _distribute_the_rest(service: CentralOrchestrationService, say: Say) -> None:
    """Give the other films to the channels' coming slots once they are ready."""

    def ready() -> bool:
        return Video.objects.ready().count() >= 4

    if _wait_for(ready):
        say(f"Distribution: {service.distribute_videos(horizon_days=5).summary}.")


def _make_channels(like: Sequence[Mapping[str, Any]] | None) -> None:
    slots = [{"weekday": day, "local_time": at.isoformat()} for day in range(7) for at in TIMES]
    own = [
        {
            "name": f"{slug.title()} Films",
            "timezone": ZONES[slug],
            "min_gap_minutes": 30,
            "daily_cap": 8,
            "title_template": "{title} · {channel}",
            "language": "en",
            "slots": slots,
        }
        for slug in seed.SLUGS
    ]
    for slug, values in zip(seed.SLUGS, own if like is None else like, strict=False):
        is_github = slug in seed.GITHUB_SLUGS
        fields = {name: value for name, value in values.items() if name != "slots"}
        with transaction.atomic(), disable_auditlog():  # one entry of our own says it, by name
            channel = Channel.objects.create(
                slug=slug,
                executor=Executor.GITHUB if is_github else Executor.LOCAL,
                repository=seed.repository_name(slug) if is_github else "",
                **fields,
            )
            credential = Credential(channel=channel, client_id=seed.CLIENT_ID, state=CredentialState.VALID)
            credential.set_secrets(client_secret=seed.CLIENT_SECRET, refresh_token=seed.refresh_token(slug))
            credential.save()
            PostingSlot.objects.bulk_create(
                PostingSlot(
                    channel=channel,
                    weekday=slot["weekday"],
                    local_time=clock_time.fromisoformat(slot["local_time"]),
                )
                for slot in values["slots"]
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
