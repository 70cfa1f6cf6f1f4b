"""Picture, playlists and subtitles of an upload: added once, for both executors, without failing the publication."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from channels.quota import UNITS
from channels.sandbox import youtube_state, youtube_words
from channels.sandbox.faults import Match
from channels.sandbox.ledger import count
from orchestration.core import failpoints
from orchestration.models import Attachment, BudgetEntry, Distribution, Job, Pool, Schedule
from orchestration.pipeline.scrape import absolute
from orchestration.states import AttachmentKind, JobKind, JobState, ScheduleState
from tests import factories
from tests.engine_room import STAGED, Engine, door, state_of
from tests.orchestration.test_both_executors import by_a_run, by_a_worker, reachable  # noqa: F401 - a fixture
from tests.orchestration.test_failpoints import ACTIONS, killed_in_process, named, settle  # noqa: F401 - a fixture

pytestmark = pytest.mark.django_db
AURORA = "UCsandbox-aurora"
PLAYLIST = "PLharbours-at-dawn"
SRT = "1\n00:00:00,000 --> 00:00:01,000\nBoats leave.\n"


def attachment(video, kind: str, **values) -> Attachment:
    name = f"{kind}-{values.get('language', '')}.{'srt' if kind == AttachmentKind.SUBTITLES else 'jpg'}"
    path: Path = absolute(f"videos/{video.pk}/{name}")
    path.write_bytes(SRT.encode() if kind == AttachmentKind.SUBTITLES else b"\xff\xd8\xff" + b"0" * 100)
    file = f"videos/{video.pk}/{name}"
    return factories.AttachmentFactory(video=video, kind=kind, name=name, file=file, **values)


@pytest.fixture
def video(engine):
    youtube_state.add_channel(engine.sandbox.store, "aurora")
    youtube_words.add_playlist(engine.sandbox.store, AURORA, PLAYLIST)
    made = engine.video()
    picture = attachment(made, AttachmentKind.PICTURE)
    attachment(made, AttachmentKind.SUBTITLES, language="en")
    made.words = {"picture": picture.pk, "playlists": [PLAYLIST]}
    made.save()
    return made


def kept(row: Schedule) -> Distribution:
    return Distribution.objects.get(pk=row.distribution_id)


def assert_all_there_once(engine: Engine, row: Schedule) -> None:
    shown = engine.on_youtube(row)
    assert shown["thumbnail"]["kind"] == "jpg"
    assert [(track["language"], track["name"]) for track in shown["captions"].values()] == [("en", "")]
    assert youtube_words.videos_in(engine.sandbox.store, PLAYLIST) == [shown["id"]]
    assert kept(row).word_faults == {}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("executor", [by_a_worker, by_a_run])
def test_an_upload_gets_what_goes_with_it_whoever_made_it(engine, reachable, executor, video):  # noqa: F811
    row = engine.planned(engine.channel(github=executor is by_a_run), video=video, minutes=60)
    executor(engine, row)
    engine.work()
    assert state_of(row) == STAGED
    assert_all_there_once(engine, row)
    entries = BudgetEntry.objects.filter(job__kind=JobKind.EDIT, pool__name=UNITS)
    assert sum(entries.values_list("units", flat=True)) == 50 + 1 + 50 + 50 + 400
    shown = door("read").get_words_on_youtube(distribution_id=row.distribution_id)
    assert {extra.state for extra in shown.extras} == {"set"} and len(shown.extras) == 3


@pytest.mark.slow
@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("name", [*named("extra"), *named("edit")])
def test_wherever_it_breaks_off_each_is_there_once_and_the_video_stays_private(
    engine,
    settings,
    killed_in_process,  # noqa: F811
    video,
    name,
    action,
):
    settings.HEADEND_ARM_SECONDS = 10_000
    with failpoints.armed(f"{name}={action}" if name.startswith("extra") else "extra.called=lost"):
        row = engine.planned(engine.channel(), video=video, minutes=120)

        def is_whole() -> bool:
            found = kept(row)
            done = found.words_set.get("extras", {})
            is_armed = Schedule.objects.get(pk=row.pk).armed_for is not None
            return len([one for one in done.values() if "value" in one]) == 3 and is_armed

        settle(engine, is_whole, pause_seconds=125)
    with failpoints.armed(f"{name}={action}"):
        door().edit_publication_words(
            distribution_id=row.distribution_id, words={"licence": "creativeCommon"}
        )

        def is_edited() -> bool:
            return not kept(row).words_wanted["words"]

        settle(engine, is_edited, pause_seconds=65)
    assert_all_there_once(engine, row)
    shown = engine.on_youtube(row)
    assert (shown["status"]["license"], shown["privacy_status"]) == ("creativeCommon", "private")
    assert shown["publish_at"] is not None
    assert not count(engine.sandbox.ledger.lines()).broken


def test_what_youtube_does_not_permit_is_named_and_the_publication_goes_on(engine, video):
    youtube_state.configure(engine.sandbox.store, channel_id=AURORA, thumbnails_allowed=False)
    channel = engine.channel()
    with engine.sandbox.store.change(youtube_state.SECTION) as section:
        section["refresh_tokens"]["sandbox-refresh-aurora"]["scopes"] = [youtube_state.MANAGE]
        section["access_tokens"] = {}
    row = engine.published(channel, video=video, minutes=5)
    faults = kept(row).word_faults
    assert {fault["code"] for fault in faults.values()} == {"permission_missing"}
    assert {key.partition(":")[0] for key in faults} == {"picture", "subtitles"}
    assert row.state == ScheduleState.PUBLISHED
    job = Job.objects.get(kind=JobKind.EDIT)
    assert (job.state, job.blocked_on) == (JobState.WAITING, None)


def test_a_playlist_that_is_gone_is_given_up_and_tried_again_when_somebody_asks(engine, video):
    youtube_words.remove_playlist(engine.sandbox.store, PLAYLIST)
    row = engine.staged(engine.channel(), video=video, minutes=60)
    fault = kept(row).word_faults[f"playlist:{PLAYLIST}"]
    assert (fault["code"], fault["given_up"]) == ("remote_not_found", True)
    assert Job.objects.get(kind=JobKind.EDIT).state == JobState.SUCCEEDED
    youtube_words.add_playlist(engine.sandbox.store, AURORA, PLAYLIST)
    door().retry_publication_extras(distribution_id=row.distribution_id)
    engine.work()
    assert_all_there_once(engine, row)


def test_extras_leave_to_publishing_what_is_kept_for_it_and_come_the_next_day(engine, video):
    Pool.objects.filter(name=UNITS).update(capacity=5_600, reserve=5_500)
    row = engine.published(engine.channel(), video=video, minutes=5)
    assert row.state == ScheduleState.PUBLISHED
    assert kept(row).word_faults[list(kept(row).word_faults)[-1]]["code"] == "budget_exhausted"
    Pool.objects.filter(name=UNITS).update(capacity=10_000)
    engine.pass_until(timezone.now() + timedelta(hours=25))
    engine.work()
    assert_all_there_once(engine, row)


def test_other_subtitles_of_a_language_replace_ours_and_leave_a_persons_alone(engine, video):
    row = engine.staged(engine.channel(), video=video, minutes=60)
    other = attachment(video, AttachmentKind.SUBTITLES, language="en", content_hash="b" * 64)
    absolute(other.file).write_text(SRT.replace("leave", "return"))
    edit = door().edit_publication_words(distribution_id=row.distribution_id, words={"subtitles": [other.pk]})
    assert edit.units >= 450
    engine.work()
    (track,) = engine.on_youtube(row)["captions"].values()
    assert "return" in track["text"]


def test_captions_that_somebody_made_there_stay(engine, video):
    row = engine.planned(engine.channel(), video=video, minutes=60)
    engine.sandbox.faults.add(Match("GET", "/youtube/v3/captions"), "status_before", status=500)
    engine.tick()
    engine.work()
    with engine.sandbox.store.change(youtube_state.SECTION) as youtube:
        (found,) = youtube["videos"].values()
        own = {"id": "own", "language": "en", "name": "", "at": found["uploaded_at"], "text": "theirs"}
        found["captions"]["own"] = own
    engine.pass_time(minutes=2)
    engine.work()
    (track,) = engine.on_youtube(row)["captions"].values()
    assert track["text"] == "theirs"
