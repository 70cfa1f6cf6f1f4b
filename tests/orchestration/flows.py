"""What may be asked of the door, a scene and a call each, as rows of one table: for tests of what each has to stand."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone

from channels.editing import ChannelValues
from channels.models import Channel
from orchestration.models import Job, Schedule, SystemState, Wave
from orchestration.pipeline import uploads
from orchestration.queue import jobs as queue
from orchestration.queue import pools
from orchestration.scheduling.standing import StandingValues
from orchestration.service import CentralOrchestrationService
from orchestration.states import SourceKind, SystemStatus
from orchestration.words.answers import WordsEdit
from tests import factories
from tests.engine_room import door
from tests.orchestration.engine import stage_job, staging_schedule

Call = Callable[[], object]
Scene = Callable[[], Call]


@dataclasses.dataclass(frozen=True)
class Flow:
    """A scene that returns the call, and what is known of the call."""

    scene: Scene
    kept: bool = False
    """Whether something that happened before what failed may stay: a file, a look at another machine."""


def soon(hours: float) -> datetime:
    return (timezone.now() + timedelta(hours=hours)).replace(microsecond=0)


def ids(rows: Any) -> list[int]:
    return [row.pk for row in rows]


def owner() -> CentralOrchestrationService:
    return door("own")


def open_channel(**values: Any) -> Channel:
    return factories.ChannelFactory(timezone="UTC", filters={}, **values)


def two_channels() -> list[Channel]:
    return [open_channel(), open_channel()]


def posting_channel() -> Channel:
    channel = open_channel()
    factories.PostingSlotFactory(channel=channel)
    return channel


def row(**values: Any) -> Schedule:
    return factories.ScheduleFactory(**{"publish_at": soon(9), **values})


def armed() -> Schedule:
    found = row(staged=True)
    Schedule.objects.filter(pk=found.pk).update(armed_for=found.publish_at)
    return found


def wave(**values: Any) -> Wave:
    """Return a wave of two members: one planned, one armed on YouTube."""
    made = factories.WaveFactory(**values)
    for member in (row(wave=made, distribution__wave=made), armed()):
        Schedule.objects.filter(pk=member.pk).update(wave=made)
        type(member.distribution).objects.filter(pk=member.distribution_id).update(wave=made)
    return made


def public_wave() -> tuple[Wave, list[int]]:
    made = wave()
    public = factories.ScheduleFactory(published=True, wave=made)
    type(public.distribution).objects.filter(pk=public.distribution_id).update(wave=made)
    return made, [public.distribution_id]


# -- planning ----------------------------------------------------------------------------------------------------------


def coordinate() -> Call:
    channels, video, at = two_channels(), factories.VideoFactory(), soon(30)
    return lambda: door().coordinate_publication(
        video_id=video.pk, channel_ids=ids(channels), scheduled_at=at, acknowledge_policy=True
    )


def schedule_wave() -> Call:
    channels, videos, at = two_channels(), factories.VideoFactory.create_batch(2), soon(30)
    return lambda: door().schedule_wave_publication(
        video_ids=ids(videos), channel_ids=ids(channels), scheduled_at=at, acknowledge_policy=True
    )


def distribute() -> Call:
    channels, videos = [posting_channel(), posting_channel()], factories.VideoFactory.create_batch(2)
    return lambda: door().distribute_videos(video_ids=ids(videos), channel_ids=ids(channels))


def import_plan() -> Call:
    video, channel, moved = factories.VideoFactory(), open_channel(), row()
    text = (
        "schedule,video,channel,publish_at,priority\n"
        f",{video.pk},{channel.slug},{soon(30):%Y-%m-%dT%H:%M:%SZ},5\n"
        f"{moved.pk},{moved.distribution.video_id},{moved.channel.slug},{soon(50):%Y-%m-%dT%H:%M:%SZ},5\n"
    )
    return lambda: door().import_plan_file(text=text, acknowledge_policy=True)


def add_rule() -> Call:
    values = StandingValues(name="Every morning", channel_ids=[posting_channel().pk])
    return lambda: door().add_standing_rule(values=values)


def run_rule() -> Call:
    channel = posting_channel()
    factories.VideoFactory.create_batch(2)
    rule = door().add_standing_rule(values=StandingValues(name="Every morning", channel_ids=[channel.pk]))
    return lambda: door().run_standing_rule(rule_id=rule.pk)


def apply_alternative() -> Call:
    conflict = factories.ConflictFactory(
        schedule=row(),
        alternatives=[{"kind": "shift", "at": soon(40).isoformat(), "sentence": "later"}],
    )
    return lambda: door().apply_alternative(conflict_id=conflict.pk, index=0)


# -- one publication ---------------------------------------------------------------------------------------------------


def on_schedule(make: Callable[[], Schedule], method: str, **values: Any) -> Scene:
    def scene() -> Call:
        found = make()
        given = {key: value() if callable(value) else value for key, value in values.items()}
        return lambda: getattr(door(), f"{method}_schedule")(schedule_id=found.pk, **given)

    return scene


def on_wave(method: str, make: Callable[[], Wave] = wave, **values: Any) -> Scene:
    def scene() -> Call:
        made = make()
        given = {key: value() if callable(value) else value for key, value in values.items()}
        return lambda: getattr(door(), f"{method}_wave")(wave_id=made.pk, **given)

    return scene


def recall() -> Call:
    made, public = public_wave()
    return lambda: door().recall_wave(wave_id=made.pk, confirmed_ids=public)


def edit_outside() -> Call:
    found = row(staged=True)
    return lambda: door().edit_publication_words(
        distribution_id=found.distribution_id, words={"title": "Another"}
    )


def approve() -> Call:
    found = row(staged=True)
    door().set_channel_approval(channel_id=found.channel_id, needed=True)
    return lambda: door().approve_publications(schedule_ids=[found.pk])


def refuse() -> Call:
    found = armed()
    return lambda: door().refuse_publications(schedule_ids=[found.pk], reason="not this one")


# -- many, and back ----------------------------------------------------------------------------------------------------


def bulk(kind: str, verb: str, make: Callable[[], Any], **values: Any) -> Scene:
    def scene() -> Call:
        rows = [make(), make()]
        return lambda: door().do_bulk(kind=kind, verb=verb, ids=ids(rows), values=values)

    return scene


def undo() -> Call:
    rows = [row(), row()]
    done = door().do_bulk(kind="schedule", verb="hold", ids=ids(rows))
    return lambda: door().undo(correlation_id=done.correlation_id)


def undo_move() -> Call:
    found, asked = row(), door()
    asked.move_schedule(schedule_id=found.pk, publish_at=soon(70))
    return lambda: door().undo(correlation_id=asked.correlation_id)


def failed_job(**values: Any) -> Job:
    job = stage_job(schedule=staging_schedule(publish_at=soon(30), **values))
    Job.objects.filter(pk=job.pk).update(state="failed", error_code="broken", attempts=1)
    Schedule.objects.filter(pk=job.schedule_id).update(state="failed")
    type(job.distribution).objects.filter(pk=job.distribution_id).update(state="failed")
    return job


def retry_by_cause() -> Call:
    failed_job(channel=posting_channel())
    return lambda: door().retry_by_cause(cause="broken")


# -- the switch --------------------------------------------------------------------------------------------------------


def switch(method: str, state: str = SystemStatus.RUNNING, **values: Any) -> Scene:
    def scene() -> Call:
        armed()
        row(overdue=True, publish_at=timezone.now() - timedelta(minutes=10))
        SystemState.objects.update(state=state, installation_id=settings.HEADEND_INSTALLATION_ID)
        return lambda: getattr(door(), method)(**values)

    return scene


# -- jobs and pools ----------------------------------------------------------------------------------------------------


def on_job(method: str, make: Callable[[], Job] = stage_job, **values: Any) -> Scene:
    def scene() -> Call:
        job = make()
        return lambda: getattr(door(), f"{method}_job")(job_id=job.pk, **values)

    return scene


def claim() -> Call:
    stage_job()
    stage_job()
    return lambda: queue.claim(limit=2, holder="test")


def trigger() -> Call:
    channel, video = open_channel(), factories.VideoFactory()
    return lambda: door().trigger_pipeline(channel_id=channel.pk, video_id=video.pk)


def change_pool() -> Call:
    pool = pools.Pool.objects.get(name="upload")
    return lambda: door().change_pool(pool_id=pool.pk, capacity=pool.capacity + 1)


# -- channels ----------------------------------------------------------------------------------------------------------


def on_channel(method: str, make: Callable[[], Channel] = open_channel, **values: Any) -> Scene:
    def scene() -> Call:
        channel = make()
        factories.ScheduleFactory(channel=channel, publish_at=soon(9), armed=True)
        return lambda: getattr(owner(), method)(channel_id=channel.pk, **values)

    return scene


def add_channel() -> Call:
    values = ChannelValues(
        slug="brand-new", name="Brand new", timezone="UTC", youtube_channel_id="UCbrandnew"
    )
    return lambda: owner().add_channel(values=values)


def sync() -> Call:
    channel = open_channel(github=True)
    factories.CredentialFactory(channel=channel)
    return lambda: door().sync_channel_configs(channel_ids=[channel.pk])


def rollout() -> Call:
    channels = [open_channel(github=True), open_channel(github=True)]
    for channel in channels:
        factories.CredentialFactory(channel=channel)
    return lambda: door().sync_channel_configs(channel_ids=ids(channels), canary_id=channels[0].pk)


def roll_back() -> Call:
    channel = open_channel()
    for priority in (3, 4):
        owner().change_channel(channel_id=channel.pk, values=ChannelValues(priority=priority))
    number = channel.revisions.earliest("number").number
    return lambda: owner().roll_back_configuration(channel_id=channel.pk, number=number)


def edit_words() -> Call:
    channel, video, found = open_channel(), factories.VideoFactory(), row()
    edits = [
        WordsEdit(subject, pk, {"title": f"By {subject}"})
        for subject, pk in (
            ("channel", channel.pk),
            ("video", video.pk),
            ("publication", found.distribution_id),
        )
    ]
    return lambda: door().edit_words(edits=edits, accept_problems=True)


# -- films -------------------------------------------------------------------------------------------------------------


def add_source() -> Call:
    return lambda: door().add_source(
        url="https://93.184.216.34/feed.xml", name="A feed", rights_basis="owned"
    )


def withdraw_rights() -> Call:
    found = armed()
    source = found.distribution.video.source
    return lambda: door().set_source_rights(source_id=source.pk, rights_basis="")


def upload() -> Call:
    """The last bytes of an upload: from then on a job takes it in."""
    source = factories.SourceFactory(
        kind=SourceKind.UPLOADS, url="", canonical_url="headend:uploads/flows", rights_basis="owned"
    )
    key = str(door().begin_upload(source_id=source.pk, name="film.mp4", size_bytes=4).key)

    def call() -> object:
        here = uploads.offset_of(door().get_upload(key=key))
        return door().receive_upload(key=key, offset=here, length=4 - here, body=io.BytesIO(b"film"[here:]))

    return call


FLOWS: dict[str, Flow] = {
    "coordinate": Flow(coordinate),
    "wave": Flow(schedule_wave),
    "distribute": Flow(distribute),
    "import a plan": Flow(import_plan),
    "add a standing rule": Flow(add_rule),
    "run a standing rule": Flow(run_rule),
    "apply an alternative": Flow(apply_alternative),
    "move": Flow(on_schedule(armed, "move", publish_at=lambda: soon(60))),
    "hold": Flow(on_schedule(armed, "hold")),
    "release": Flow(on_schedule(lambda: row(held=True), "release")),
    "release at another time": Flow(
        on_schedule(lambda: row(held=True), "release", publish_at=lambda: soon(60))
    ),
    "cancel": Flow(on_schedule(armed, "cancel")),
    "reopen": Flow(on_schedule(lambda: row(state="cancelled"), "reopen")),
    "bump": Flow(on_schedule(lambda: staging_schedule(publish_at=soon(9)), "bump")),
    "review": Flow(on_schedule(lambda: row(needs_review=True), "review", outcome="planned")),
    "move a wave": Flow(on_wave("move", scheduled_at=lambda: soon(60))),
    "pause a wave": Flow(on_wave("pause")),
    "resume a wave": Flow(on_wave("resume", lambda: wave(paused=True))),
    "cancel a wave": Flow(on_wave("cancel")),
    "recall a wave": Flow(recall),
    "words on YouTube": Flow(edit_outside),
    "approve": Flow(approve),
    "refuse": Flow(refuse),
    "hold many": Flow(bulk("schedule", "hold", armed)),
    "cancel many": Flow(bulk("schedule", "cancel", armed)),
    "move many": Flow(bulk("schedule", "move", row, minutes=600)),
    "pause many channels": Flow(bulk("channel", "pause", lambda: armed().channel)),
    "cancel many jobs": Flow(bulk("job", "cancel", stage_job)),
    "undo many": Flow(undo),
    "undo a move": Flow(undo_move),
    "retry by cause": Flow(retry_by_cause),
    "start": Flow(switch("start", SystemStatus.STOPPED)),
    "pause": Flow(switch("pause", disarm=True)),
    "resume": Flow(switch("resume", SystemStatus.PAUSED, all_as="hold")),
    "stop": Flow(switch("stop")),
    "stop now": Flow(switch("stop", now=True, disarm=True)),
    "retry a job": Flow(on_job("retry", failed_job)),
    "cancel a job": Flow(on_job("cancel")),
    "bump a job": Flow(on_job("bump")),
    "claim": Flow(claim),
    "trigger": Flow(trigger),
    "change a pool": Flow(change_pool),
    "pause a channel": Flow(on_channel("pause_channel")),
    "resume a channel": Flow(on_channel("resume_channel", lambda: open_channel(paused=True))),
    "disable a channel": Flow(on_channel("disable_channel")),
    "change a channel": Flow(on_channel("change_channel", values=ChannelValues(priority=7))),
    "remove a channel": Flow(
        lambda: (lambda c: lambda: owner().remove_channel(channel_id=c.pk))(open_channel())
    ),
    "add a channel": Flow(add_channel),
    "roll a configuration back": Flow(roll_back),
    "sync": Flow(sync),
    "roll a configuration out": Flow(rollout),
    "edit words": Flow(edit_words),
    "add a source": Flow(add_source),
    "withdraw rights": Flow(withdraw_rights),
    "an upload's last bytes": Flow(upload, kept=True),
}
