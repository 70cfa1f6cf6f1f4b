"""Say what an installation still needs until its first film is public: read from the facts, nothing is ticked by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.conf import settings
from django.db.models import Count, Q

from channels.models import Channel, PostingSlot
from channels.states import OPENING_CREDENTIALS, Executor
from orchestration.models import Distribution, KeptReport, Source, SystemState, Video
from orchestration.states import SystemStatus, VideoState

REHEARSAL = "rehearsal"
"""Under this key the last rehearsal's report is kept."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step: `detail` says how far it is; `page` is the page of the console on which it is done, by its name."""

    key: str
    title: str
    sentence: str
    page: str
    is_done: bool
    detail: str = ""
    is_optional: bool = False


@dataclass(frozen=True, slots=True)
class SetUp:
    """All steps in their order. Any may be left for later; one that is undone again is open again."""

    steps: tuple[Step, ...]

    @property
    def is_done(self) -> bool:
        """Return whether nothing is left that is needed."""
        return all(step.is_done for step in self.steps if not step.is_optional)

    @property
    def next(self) -> Step | None:
        """Return the first needed step that is open."""
        return next((step for step in self.steps if not step.is_done and not step.is_optional), None)


def set_up() -> SetUp:
    """Return the steps as they are now; six statements, whatever the number of channels."""
    used = Channel.objects.enabled()
    counted = used.aggregate(
        all=Count("pk", distinct=True),
        connected=Count("pk", distinct=True, filter=Q(credential__state__in=OPENING_CREDENTIALS)),
        github=Count("pk", distinct=True, filter=Q(executor=Executor.GITHUB)),
        synced=Count(
            "pk", distinct=True, filter=Q(executor=Executor.GITHUB, credential__pushed_at__isnull=False)
        ),
        posting=Count(
            "pk", distinct=True, filter=Q(pk__in=PostingSlot.objects.filter(enabled=True).values("channel"))
        ),
    )
    films = Video.objects.aggregate(all=Count("pk"), ready=Count("pk", filter=Q(state=VideoState.READY)))
    rights = Source.objects.exclude(rights_basis="").exists()
    switch = SystemState.objects.filter(pk=1).values_list("state", flat=True).first() or SystemStatus.STOPPED
    is_running = switch == SystemStatus.RUNNING
    rehearsed = KeptReport.objects.filter(key=REHEARSAL).values_list("document", "computed_at").first()
    is_public = Distribution.objects.published().exists()
    has_client = bool(settings.GOOGLE_CLIENT_ID and settings.GOOGLE_CLIENT_SECRET)
    return SetUp(
        (
            Step(
                "channel",
                "Register a channel",
                "Its name, its time zone and who stages its videos; which YouTube channel it is, its first consent tells.",
                "channel_new",
                counted["all"] > 0,
                _count(counted["all"], "channel"),
            ),
            Step(
                "google",
                "Connect it to YouTube",
                "Let Google grant Headend access to the channel; the refresh token is kept sealed.",
                "set_up_google",
                counted["connected"] > 0,
                _of_all(counted, "connected", "connected")
                if has_client
                else "GOOGLE_CLIENT_ID and GOOGLE_CLIENT_SECRET are not set",
            ),
            Step(
                "github",
                "Set up GitHub",
                "Only for channels whose videos GitHub Actions stages; this machine can stage them, too.",
                "set_up_github",
                counted["github"] > 0 and counted["synced"] == counted["github"],
                f"{counted['synced']} of {_count(counted['github'], 'channel')} staged there have their secrets"
                if counted["github"]
                else "no channel is staged there",
                is_optional=not counted["github"],
            ),
            Step(
                "slots",
                "Give it posting slots",
                "At which times of the week, in the channel's own zone, it publishes.",
                "channels",
                counted["posting"] > 0,
                _of_all(counted, "posting", "with slots"),
            ),
            Step(
                "film",
                "Bring in a film",
                "Upload one, or name a page or feed with films, and the rights on which you publish it.",
                "library",
                films["all"] > 0 and rights,
                f"{_count(films['all'], 'video')}, {films['ready']} ready",
            ),
            Step(
                "rehearsal",
                "Rehearse against the sandbox",
                "The whole way with your channels' names, zones and slots, in a folder of its own: nothing real is touched.",
                "set_up_rehearsal",
                bool(rehearsed and rehearsed[0].get("ok")),
                f"last rehearsed {rehearsed[1]:%Y-%m-%d %H:%M} UTC" if rehearsed else "not rehearsed yet",
                is_optional=True,
            ),
            Step(
                "start",
                "Start the system",
                "Nothing is fetched, prepared or published before that.",
                "overview",
                is_running,
                "it runs" if is_running else f"it is {SystemStatus(switch).label.lower()}",
            ),
            Step(
                "publish",
                "Publish a video",
                "Once one is ready, send it to your channels as a wave, or let the rules distribute it.",
                "waves" if films["ready"] else "videos",
                is_public,
                "" if is_public else "nothing is public yet",
            ),
        )
    )


def _of_all(counted: Mapping[str, int], name: str, what: str) -> str:
    """Say of how many channels something is so."""
    if not counted["all"]:
        return "no channel is registered yet"
    return f"{counted[name]} of {_count(counted['all'], 'channel')} {what}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
