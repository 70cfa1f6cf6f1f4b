"""The activity log keeps ids; the console names the video and the channel that an entry is about."""

import pytest

from dashboard.naming import named
from orchestration.models import Activity
from orchestration.states import JobKind
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def schedule():
    return factories.ScheduleFactory(
        distribution__video__title="Falling <leaves>",
        distribution__channel__name="Aurora",
        channel__name="Aurora",
    )


def about(subject) -> tuple[str, str]:
    factories.ActivityFactory(subject=subject)
    (row,) = named(Activity.objects.select_related("content_type").order_by("-pk")[:1])
    return row.about, row.address


def test_a_publication_is_named_by_its_video_and_channel(schedule):
    page = f"/schedules/{schedule.pk}/"
    assert about(schedule) == ("Falling <leaves> on Aurora", page)
    assert about(schedule.distribution) == ("Falling <leaves> on Aurora", page)
    assert about(factories.DistributionFactory())[1] == ""


def test_a_job_is_named_by_what_it_does_to_what(schedule):
    job = factories.JobFactory(
        kind=JobKind.RECALL, channel=schedule.channel, distribution=schedule.distribution
    )
    assert about(job) == (f"{job.get_kind_display()}: Falling <leaves> on Aurora", f"/jobs/{job.pk}/")
    plain = factories.JobFactory(kind=JobKind.COLLECT, channel=None)
    assert about(plain)[0] == plain.get_kind_display()


def test_what_has_no_better_name_keeps_the_one_that_was_written_down(schedule):
    assert about(schedule.channel) == ("Aurora", f"/channels/{schedule.channel.slug}/")
    written = factories.ActivityFactory(subject=schedule)
    schedule.delete()
    (row,) = named(Activity.objects.select_related("content_type").filter(pk=written.pk))
    assert (row.about, row.address) == (written.object_repr, "")


def test_a_page_of_entries_is_named_at_once(django_assert_max_num_queries):
    for _ in range(5):
        row = factories.ScheduleFactory()
        for subject in (row, row.distribution, factories.JobFactory(video=row.distribution.video)):
            factories.ActivityFactory(subject=subject)
    entries = list(Activity.objects.select_related("content_type"))
    with django_assert_max_num_queries(4):
        named(entries)


def test_the_log_shows_it_as_text_with_a_way_to_its_page(console, schedule):
    factories.ActivityFactory(subject=schedule)
    page = console.get("/activity/").content.decode()
    assert "Falling &lt;leaves&gt; on Aurora" in page
    assert f'href="/schedules/{schedule.pk}/"' in page


@pytest.mark.parametrize("words", ["falling", "auror"])
def test_the_log_is_searched_by_what_it_shows(console, schedule, words):
    job = factories.JobFactory(channel=schedule.channel, distribution=schedule.distribution)
    other = factories.ScheduleFactory()
    entries = {
        subject: factories.ActivityFactory(subject=subject)
        for subject in (schedule, schedule.distribution, job, other)
    }
    page = console.get("/activity/", {"q": words}).content.decode()
    shown = [subject for subject, entry in entries.items() if f'id="entry-{entry.pk}"' in page]
    assert shown == [schedule, schedule.distribution, job]
