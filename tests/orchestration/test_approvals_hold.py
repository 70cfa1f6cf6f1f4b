"""An approval holds for what goes out: not for words still on their way, another picture, or what was armed before."""

from datetime import timedelta

import pytest
from django.utils import timezone

from channels.sandbox import youtube_state
from orchestration.core import gateways
from orchestration.models import Distribution, Job, Video
from orchestration.pipeline import stage, watching, word_edits
from orchestration.states import JobKind, ScheduleState
from tests import factories
from tests.engine_room import door

pytestmark = pytest.mark.django_db


@pytest.fixture
def careful(engine):
    """Return a channel whose publications wait for an approval."""
    channel = engine.channel()
    door().set_channel_approval(channel_id=channel.pk, needed=True)
    channel.refresh_from_db()
    return channel


def play(engine):
    for _ in range(2):
        engine.tick()
        engine.work()


def finish(engine, row):
    play(engine)
    engine.pass_until(row.publish_at + timedelta(seconds=2))
    play(engine)
    play(engine)
    row.refresh_from_db()


def on_youtube(engine, row):
    row.distribution.refresh_from_db()
    videos = engine.sandbox.store.snapshot()[youtube_state.SECTION]["videos"]
    return videos[row.distribution.youtube_video_id]


def approve(row):
    """Approve a publication as the page Review shows it, and return what it showed."""
    (review,) = door().get_reviews()
    door().approve_publications(schedule_ids=[row.pk], seals=[review.seal])
    return review.words


@pytest.mark.parametrize("edit", [{"title": "Good title"}, {"made_for_kids": True}])
def test_words_that_were_approved_and_are_not_on_youtube_yet_hold_it_back(engine, careful, edit):
    row = engine.staged(careful, minutes=9)
    play(engine)
    door().refuse_publications(schedule_ids=[row.pk], reason="wrong words")
    word_edits.edit(row.distribution_id, edit)
    # The call waits: for a budget, for YouTube, or since the moment is too near for it.
    Job.objects.filter(kind=JobKind.EDIT).update(run_at=timezone.now() + timedelta(hours=8))
    approve(row)
    play(engine)
    row.refresh_from_db()
    assert row.armed_for is None
    finish(engine, row)
    assert on_youtube(engine, row)["privacy_status"] == "private"


def test_a_picture_that_youtube_is_not_given_is_not_what_a_review_shows(engine, careful):
    row = engine.staged(careful, minutes=30)
    play(engine)
    picture = factories.AttachmentFactory(video=row.distribution.video)
    watching.choose_picture(row.distribution.video_id, picture.pk)
    assert approve(row).picture is None


def test_what_is_armed_when_its_source_comes_to_want_an_approval_is_taken_off(engine):
    row = engine.armed(engine.channel(), minutes=8)
    source = factories.SourceFactory(needs_approval_since=timezone.now())
    Video.objects.filter(pk=row.distribution.video_id).update(source=source)
    finish(engine, row)
    assert row.state != ScheduleState.PUBLISHED
    assert on_youtube(engine, row)["privacy_status"] == "private"


def test_a_second_upload_is_made_private_though_another_is_recorded(engine):
    channel = engine.channel()
    row = engine.staged(channel, minutes=30)
    row.distribution.refresh_from_db()
    distribution = row.distribution
    second = distribution.youtube_video_id
    with engine.sandbox.store.change(youtube_state.SECTION) as youtube:
        youtube["videos"][second]["privacy_status"] = "public"
    Distribution.objects.filter(pk=distribution.pk).update(youtube_video_id="AAAAAAAAAAA")
    distribution.youtube_video_id = None
    job = Job.objects.filter(distribution=distribution).latest("pk")
    with gateways.youtube(channel) as gateway:
        assert not stage.adopt(gateway, distribution, second, job)
    videos = engine.sandbox.store.snapshot()[youtube_state.SECTION]["videos"]
    assert videos[second]["privacy_status"] == "private"
