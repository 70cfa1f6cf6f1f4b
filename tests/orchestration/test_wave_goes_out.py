"""A wave over channels of both kinds goes public in one second, once each, whatever happens on the way."""

from datetime import timedelta

import pytest
from django.utils import timezone

from channels.gateways.youtube_upload import Upload
from channels.sandbox.faults import Match
from orchestration.core import gateways
from orchestration.github import watch
from orchestration.models import Activity, Distribution, Job, OrphanUpload, Schedule, WorkflowRun
from orchestration.states import JobKind, JobState, ScheduleState, WaveState
from tests.channels.youtube_helpers import metadata, video_file
from tests.engine_room import door

pytestmark = pytest.mark.django_db


class Killed(BaseException):
    """The worker is gone; nothing after this is written."""


@pytest.mark.slow
def test_six_channels_go_public_in_one_second_although_workers_die_and_answers_are_lost(engine, tmp_path):
    engine.sandbox.run_queue_seconds = 3600  # GitHub's part is played here, by the markers
    slugs = ("aurora", "borealis", "cascade", "delta", "ember", "fjord")
    channels = [engine.channel(slug, github=slug < "d", lead_time_minutes=60) for slug in slugs]
    at = (timezone.now() + timedelta(minutes=10)).replace(microsecond=0)
    wave = (
        door()
        .coordinate_publication(
            video_id=engine.video().pk,
            channel_ids=[c.pk for c in channels],
            scheduled_at=at,
            acknowledge_policy=True,
        )
        .wave
    )
    engine.tick()
    # One upload's worker dies after the last byte; one dispatch and one arming lose their answers.
    send_all = Upload._send_all
    engine.sandbox.faults.add(Match("POST", "/dispatches$"), "status_after", status=502)
    engine.sandbox.faults.add(Match("PUT", "^/youtube/youtube/v3/videos"), "status_after", status=500)

    def dies_once(upload):
        answer = send_all(upload)
        Upload._send_all = send_all
        assert answer
        raise Killed

    Upload._send_all = dies_once
    try:
        with pytest.raises(Killed):
            engine.work()
    finally:
        Upload._send_all = send_all
    Job.objects.filter(state=JobState.RUNNING).exclude(holder__startswith="run:").update(
        lease_expires_at=timezone.now()
    )
    for _ in range(2):
        engine.tick()
        engine.work()
    for run in WorkflowRun.objects.select_related("channel"):
        distribution = Distribution.objects.get(jobs__runs=run)
        with gateways.youtube(run.channel) as youtube:
            youtube.upload(
                video_file(tmp_path, 2000), metadata(distribution.marker), on_session=lambda uri: None
            )
    with engine.sandbox.store.change("github") as github:
        for run in github["runs"].values():
            run.update(status="completed", conclusion="success")
    for _ in range(3):
        WorkflowRun.objects.update(next_look_at=timezone.now())
        watch.watch()
        engine.retry_now()
        engine.tick()
        engine.work()
    assert set(Schedule.objects.values_list("state", "armed_for")) == {(ScheduleState.STAGED, at)}
    engine.pass_until(at + timedelta(seconds=3))
    engine.work()
    engine.tick()
    public = engine.publications()
    assert len(public) == len({entry["channel_id"] for entry in public}) == 6
    assert {timezone.datetime.fromisoformat(entry["public_at"]) for entry in public} == {at}
    report = door("read").get_wave(wave_id=wave.pk)
    assert (report.wave.state, report.counts, report.skew_seconds) == (WaveState.COMPLETED, {"public": 6}, 0)
    assert {member.schedule.lateness_seconds for member in report.members} == {0}
    assert len(engine.uploads()) == 6
    assert OrphanUpload.objects.count() == 0
    assert len(engine.sandbox.requests("POST", "/dispatches")) == 3
    assert Activity.objects.filter(verb="distribution_published").count() == 6
    assert not Job.objects.filter(kind=JobKind.PUBLISH).exclude(state=JobState.SUCCEEDED).exists()
