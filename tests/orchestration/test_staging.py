"""Uploads are private, marked, resumed where they broke off, and never made twice."""

from datetime import timedelta

import pytest
from django.utils import timezone

from channels.gateways.youtube_upload import Upload
from channels.models import Credential
from channels.sandbox import youtube_state, youtube_upload
from channels.sandbox.faults import Match
from channels.states import CredentialState
from orchestration.core import gateways
from orchestration.models import (
    BudgetEntry,
    Distribution,
    Job,
    OrphanUpload,
    Schedule,
    Video,
)
from orchestration.pipeline import stage
from orchestration.pipeline.looks import SETTLE
from orchestration.queue import pools
from orchestration.states import (
    BudgetEntryState,
    DistributionState,
    JobKind,
    JobState,
    RightsBasis,
    ScheduleState,
    VideoState,
)
from tests.engine_room import KIB, STAGED, door, state_of

pytestmark = pytest.mark.django_db
SESSIONS = Match("POST", "/upload/youtube/v3/videos")
PIECES = Match("PUT", "/upload/youtube/v3/videos")
THUMBNAILS = Match("POST", "/thumbnails/set")
LARGE = 700 * KIB  # more than one step of a resumable upload


class Killed(BaseException):
    """The worker is gone; nothing after this is written."""


def stage_job(row: Schedule) -> Job:
    return Job.objects.filter(distribution=row.distribution_id, kind=JobKind.STAGE).latest("pk")


def begin(engine, row: Schedule) -> None:
    engine.tick()
    engine.work()


def killed(engine, monkeypatch, owner, name: str, *, after: bool) -> None:
    """Let the worker die before, or right after, a step; then let its job be rescued."""
    original = getattr(owner, name)

    def dies(*args, **kwargs):
        if after:
            original(*args, **kwargs)
        raise Killed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(owner, name, dies)
        engine.tick()
        with pytest.raises(Killed):
            engine.work()
    Job.objects.filter(state=JobState.RUNNING).update(lease_expires_at=timezone.now())


def sessions_opened(engine) -> int:
    return len(engine.sandbox.requests("POST", "/upload/youtube/v3/videos"))


# -- what is uploaded ----------------------------------------------------------------------------------------------


def test_an_upload_is_private_and_carries_its_marker(engine):
    row = engine.staged(engine.channel(title_template="{title} · {channel}", tags=["sea"]))
    video = engine.on_youtube(row)
    distribution = Distribution.objects.get()
    assert (video["privacy_status"], video["publish_at"]) == ("private", None)
    assert video["snippet"]["description"].splitlines()[-1] == distribution.marker
    assert distribution.marker in video["snippet"]["tags"]
    assert video["snippet"]["title"].endswith(" · Aurora")
    assert video["sha256"] == row.distribution.video.prepared_hash
    assert distribution.upload_session_sealed == ""


def test_what_a_title_says_is_never_filled_in_and_never_markup(engine):
    video = engine.video(title="{channel} <b>eats</b> {description}", description="secret plans")
    row = engine.staged(engine.channel(title_template="{title} | {channel}"), video=video)
    assert engine.on_youtube(row)["snippet"]["title"] == "{channel} ‹b›eats‹/b› {description} | Aurora"


def test_more_tags_than_youtube_takes_are_left_out_and_not_a_refusal(engine):
    video = engine.video(tags=[f"a rather long tag number {n}" for n in range(40)])
    row = engine.staged(engine.channel(), video=video)
    tags = engine.on_youtube(row)["snippet"]["tags"]
    assert 5 < len(tags) < 40
    assert tags[-1] == Distribution.objects.get().marker


def test_each_upload_is_charged_to_the_day_once(engine):
    engine.staged(engine.channel())
    entries = BudgetEntry.objects.filter(call="videos.insert")
    assert list(entries.values_list("units", "state")) == [(1, BudgetEntryState.SETTLED)]
    assert youtube_state.usage(engine.sandbox.store)["uploads"] == 1


def test_a_thumbnail_that_is_refused_does_no_harm(engine, settings):
    video = engine.video()
    picture = stage.absolute("picture.jpg")
    picture.write_bytes(b"\xff\xd8\xff" + b"0" * 100)
    Video.objects.filter(pk=video.pk).update(thumbnail_file="picture.jpg")
    engine.sandbox.faults.add(THUMBNAILS, "status_before", status=403)
    row = engine.staged(engine.channel(), video=video)
    assert state_of(row) == STAGED
    fault = Distribution.objects.get(pk=row.distribution_id).word_faults["picture"]
    assert fault["code"] == "permission_missing"
    other = engine.staged(engine.channel("borealis"), video=Video.objects.get(pk=video.pk))
    assert engine.on_youtube(other)["thumbnail"]["kind"] == "jpg"


# -- interruptions -------------------------------------------------------------------------------------------------


def test_the_session_is_stored_sealed_before_the_first_byte(engine, monkeypatch):
    row = engine.planned(engine.channel())
    killed(engine, monkeypatch, stage, "store_session", after=True)
    distribution = Distribution.objects.get()
    assert distribution.upload_session.startswith(engine.sandbox.url)
    assert "upload_id" not in distribution.upload_session_sealed
    assert engine.uploads() == []
    engine.tick()
    engine.work()
    assert state_of(row) == STAGED
    assert sessions_opened(engine) == 1
    assert len(engine.uploads()) == 1


def test_an_upload_that_breaks_off_goes_on_where_it_was(engine, monkeypatch):
    monkeypatch.setattr("channels.gateways.youtube_upload.MAX_ATTEMPTS", 1)
    row = engine.planned(engine.channel(), video=engine.video(size_bytes=LARGE))
    engine.sandbox.faults.add(PIECES, "cut", after_bytes=300 * KIB)
    begin(engine, row)
    assert stage_job(row).state == JobState.WAITING
    engine.retry_now()
    engine.work()
    assert state_of(row) == STAGED
    assert stage_job(row).result["resumed_from_bytes"] == 256 * KIB
    assert (sessions_opened(engine), len(engine.uploads())) == (1, 1)
    assert engine.uploads()[0]["sha256"] == row.distribution.video.prepared_hash
    assert youtube_state.usage(engine.sandbox.store)["uploads"] == 1
    assert BudgetEntry.objects.filter(call="videos.insert").count() == 1


@pytest.mark.parametrize("answer", ["video", "error"])
def test_a_worker_killed_after_the_last_byte_leaves_one_video_that_is_adopted(engine, monkeypatch, answer):
    youtube_state.configure(engine.sandbox.store, answer_after_completion=answer)
    row = engine.planned(engine.channel())
    killed(engine, monkeypatch, Upload, "_send_all", after=True)
    assert len(engine.uploads()) == 1
    engine.tick()
    engine.work()
    assert state_of(row) == STAGED
    assert len(engine.uploads()) == 1
    assert Distribution.objects.get().youtube_video_id == engine.uploads()[0]["id"]


def test_a_receipt_that_never_came_is_made_up_for_by_the_marker(engine, monkeypatch):
    monkeypatch.setattr("channels.gateways.youtube_upload.MAX_ATTEMPTS", 1)
    row = engine.planned(engine.channel())
    engine.sandbox.faults.add(PIECES, "timeout_after", hold_seconds=0.05)
    begin(engine, row)
    assert stage_job(row).error_code == "remote_uncertain"
    youtube_upload.expire_sessions(engine.sandbox.store)
    engine.retry_now()
    engine.work()
    assert state_of(row) == STAGED
    assert (len(engine.uploads()), stage_job(row).result["adopted"]) == (1, True)


def test_a_session_that_is_gone_begins_anew_and_is_charged_anew(engine, monkeypatch):
    monkeypatch.setattr("channels.gateways.youtube_upload.MAX_ATTEMPTS", 1)
    row = engine.planned(engine.channel(), video=engine.video(size_bytes=LARGE))
    engine.sandbox.faults.add(PIECES, "cut", after_bytes=300 * KIB)
    begin(engine, row)
    youtube_upload.expire_sessions(engine.sandbox.store)
    engine.retry_now()
    engine.work()
    # The piece that was cut was the file's last, and YouTube's list may lag: until it counts nothing is uploaded anew.
    assert (stage_job(row).state, sessions_opened(engine)) == (JobState.WAITING, 1)
    engine.pass_time(seconds=SETTLE.seconds + 5)
    engine.work()
    assert state_of(row) == STAGED
    assert (sessions_opened(engine), len(engine.uploads())) == (2, 1)
    spent = sum(
        BudgetEntry.objects.filter(call="videos.insert", state__in=pools.SPENT).values_list(
            "units", flat=True
        )
    )
    assert spent == youtube_state.usage(engine.sandbox.store)["uploads"] == 2


@pytest.mark.parametrize("looks", [1, 2, 3])
def test_a_list_that_lags_behind_a_lost_receipt_makes_no_second_upload(engine, monkeypatch, looks):
    """The last byte is taken, the answer lost, the session gone, and YouTube does not list the video yet."""
    monkeypatch.setattr("channels.gateways.youtube_upload.MAX_ATTEMPTS", 1)
    row = engine.planned(engine.channel())
    youtube_state.configure(engine.sandbox.store, list_lag_seconds=100)
    engine.sandbox.faults.add(PIECES, "timeout_after", hold_seconds=0.05)
    begin(engine, row)
    youtube_upload.expire_sessions(engine.sandbox.store)
    tries = stage_job(row).attempts
    for _ in range(looks):
        engine.retry_now()
        engine.work()
        assert (stage_job(row).state, len(engine.uploads())) == (JobState.WAITING, 1)
    assert stage_job(row).attempts == tries, "a look that is too early is no failed try"
    engine.pass_time(seconds=SETTLE.seconds + 5)
    engine.work()
    assert state_of(row) == STAGED
    assert (len(engine.uploads()), OrphanUpload.objects.count()) == (1, 0)


@pytest.mark.parametrize("status", [401, 403, 503])
def test_a_look_that_fails_after_a_lost_session_uploads_nothing(engine, monkeypatch, status):
    monkeypatch.setattr("channels.gateways.youtube_upload.MAX_ATTEMPTS", 1)
    row = engine.planned(engine.channel())
    engine.sandbox.faults.add(PIECES, "timeout_after", hold_seconds=0.05)
    begin(engine, row)
    youtube_upload.expire_sessions(engine.sandbox.store)
    engine.sandbox.faults.add(Match("GET", "/playlistItems"), "status_before", status=status, times=None)
    engine.pass_time(seconds=SETTLE.seconds + 5)
    engine.work()
    assert (sessions_opened(engine), len(engine.uploads())) == (1, 1)


def test_an_adopted_upload_that_is_not_private_is_made_so(engine, monkeypatch):
    row = engine.planned(engine.channel())
    killed(engine, monkeypatch, Upload, "_send_all", after=True)
    with gateways.youtube(row.channel) as youtube:
        youtube.publish_now(engine.uploads()[0]["id"])
    youtube_upload.expire_sessions(engine.sandbox.store)
    engine.tick()
    engine.work()
    assert state_of(row) == STAGED
    assert engine.on_youtube(row)["privacy_status"] == "private"


# -- refusals ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("setting", "face"),
    [({"uploads_per_day": 0}, "project's uploads"), ({"channel_uploads_per_day": 0}, "channel's own cap")],
)
def test_an_exhausted_quota_is_a_wait_and_its_reservation_goes_back(engine, setting, face):
    youtube_state.configure(engine.sandbox.store, **setting)
    row = engine.planned(engine.channel())
    begin(engine, row)
    job = stage_job(row)
    assert (job.state, job.attempts, job.error_code) == (JobState.WAITING, 0, "quota_exhausted"), face
    assert job.run_at > timezone.now() + timedelta(minutes=1)
    assert state_of(row)[0] == ScheduleState.STAGING
    assert not BudgetEntry.objects.filter(call="videos.insert", state__in=pools.SPENT).exists()
    youtube_state.configure(engine.sandbox.store, uploads_per_day=100, channel_uploads_per_day=100)
    engine.retry_now()
    engine.work()
    assert state_of(row) == STAGED


def test_exhausted_units_are_a_wait_too(engine):
    engine.sandbox.faults.add(SESSIONS, "quota")
    row = engine.planned(engine.channel())
    begin(engine, row)
    assert stage_job(row).error_code == "quota_exhausted"
    assert stage_job(row).state == JobState.WAITING


def test_a_revoked_token_marks_the_credential_and_is_waited_for_by_its_name(engine):
    row = engine.planned(engine.channel())
    youtube_state.revoke(engine.sandbox.store, "sandbox-refresh-aurora")
    begin(engine, row)
    credential = Credential.objects.get()
    assert credential.state == CredentialState.REVOKED
    assert stage_job(row).error_code == "credential_revoked"
    assert state_of(row) == (ScheduleState.STAGING, DistributionState.ASSIGNED)


def test_a_channel_that_is_not_connected_says_so(engine):
    row = engine.planned(engine.channel())
    Credential.objects.all().delete()
    begin(engine, row)
    assert stage_job(row).error_code == "credential_missing"
    assert "is not connected" in stage_job(row).error_message


def test_rights_withdrawn_after_planning_upload_nothing(engine):
    row = engine.planned(engine.channel())
    source = row.distribution.video.source
    source.rights_basis = RightsBasis.NONE
    source.save()
    begin(engine, row)
    assert stage_job(row).error_code == "no_rights_basis"
    assert engine.uploads() == []
    assert state_of(row) == (ScheduleState.FAILED, DistributionState.FAILED)


def test_a_prepared_file_that_is_gone_is_prepared_again(engine, videos):
    video = engine.video()
    original = stage.absolute("original.mp4")
    original.write_bytes(videos.mute.read_bytes())
    stage.absolute(video.prepared_file).unlink()
    Video.objects.filter(pk=video.pk).update(original_file="original.mp4")
    row = engine.planned(engine.channel(), video=video)
    begin(engine, row)
    for _ in range(3):
        engine.retry_now()
        engine.tick()
        engine.work()
    assert state_of(row) == STAGED
    video.refresh_from_db()
    assert video.state == VideoState.READY
    assert engine.uploads()[0]["sha256"] == video.prepared_hash


def test_files_that_are_all_gone_fail_with_the_fact(engine):
    video = engine.video()
    stage.absolute(video.prepared_file).unlink()
    row = engine.planned(engine.channel(), video=video)
    begin(engine, row)
    assert stage_job(row).error_code == "file_damaged"
    assert state_of(row)[0] == ScheduleState.FAILED


# -- what loses ----------------------------------------------------------------------------------------------------


def cancel_while_uploading(engine) -> None:
    row = engine.planned(engine.channel())
    record_staged = stage.record_staged

    def cancelled_meanwhile(distribution_id, youtube_video_id, **more):
        door().cancel_schedule(schedule_id=row.pk)
        return record_staged(distribution_id, youtube_video_id, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stage, "record_staged", cancelled_meanwhile)
        begin(engine, row)


def test_the_upload_of_a_distribution_cancelled_meanwhile_becomes_an_orphan(engine):
    cancel_while_uploading(engine)
    orphan = OrphanUpload.objects.get()
    assert orphan.youtube_video_id == engine.uploads()[0]["id"]
    assert "cancelled" in orphan.reason
    assert Distribution.objects.get().youtube_video_id is None
    assert engine.uploads()[0]["privacy_status"] == "private"


def test_an_orphan_that_is_wanted_again_is_adopted_and_not_listed_for_deletion(engine):
    """Planned once more, the channel already has its upload: deleting it as an orphan would delete the publication."""
    cancel_while_uploading(engine)
    distribution = Distribution.objects.get()
    door().coordinate_publication(
        video_id=distribution.video_id,
        channel_ids=[distribution.channel_id],
        scheduled_at=timezone.now() + timedelta(minutes=40),
        acknowledge_policy=True,  # a person had cancelled it
    )
    engine.tick()
    engine.work()
    distribution.refresh_from_db()
    assert distribution.youtube_video_id == engine.uploads()[0]["id"]
    assert len(engine.uploads()) == 1
    assert OrphanUpload.objects.count() == 0


def test_of_two_ids_for_one_distribution_the_first_counts_and_the_other_is_listed(engine):
    row = engine.staged(engine.channel())
    first = Distribution.objects.get().youtube_video_id
    assert stage.record_staged(row.distribution_id, "another0001") is False
    assert stage.record_staged(row.distribution_id, first) is True
    assert OrphanUpload.objects.get().youtube_video_id == "another0001"
    assert Distribution.objects.get().youtube_video_id == first


def test_what_is_uploaded_already_is_not_uploaded_again(engine):
    row = engine.staged(engine.channel())
    door().cancel_schedule(schedule_id=row.pk)
    door().reopen_schedule(schedule_id=row.pk, publish_at=timezone.now() + timedelta(minutes=50))
    assert state_of(row) == STAGED
    engine.tick()
    engine.work()
    assert (sessions_opened(engine), len(engine.uploads())) == (1, 1)


def test_what_is_held_and_released_while_its_upload_runs_is_staged_all_the_same(engine):
    """The job that was asked to stop still runs when the tick stages anew; the schedule must not wait for it for ever."""
    row = engine.planned(engine.channel())
    store_session = stage.store_session

    def held_and_released(*args):
        store_session(*args)
        door().hold_schedule(schedule_id=row.pk)
        door().release_schedule(schedule_id=row.pk)
        engine.tick()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stage, "store_session", held_and_released)
        engine.tick()
        engine.work_one()
    for _ in range(2):
        engine.tick()
        engine.work()
    assert state_of(row) == STAGED
    assert len(engine.uploads()) == 1
