"""Sources are registered once, with their rights said, and read when their time has come."""

import ipaddress
from datetime import timedelta

import pytest
from django.utils import timezone

from orchestration.errors import IllegalTransition, InvalidRequest, NotFound
from orchestration.models import Activity, Job, Source
from orchestration.register import sources
from orchestration.states import JobKind, JobState, SourceState
from tests.factories import SourceFactory

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def loopback_allowed(settings):
    settings.HEADEND_SOURCE_NETWORKS = (ipaddress.ip_network("127.0.0.0/8"),)


def test_a_new_source_is_stored_and_read_at_once():
    source = sources.add(url="http://127.0.0.1:20999/feed.xml?utm_source=x", rights_basis="owned")

    assert source.canonical_url == "http://127.0.0.1:20999/feed.xml"
    assert source.name == "127.0.0.1 feed.xml"
    job = Job.objects.get()
    assert (job.kind, job.source, job.state) == (JobKind.SCRAPE, source, JobState.QUEUED)
    entry = Activity.objects.get(verb="source_added")
    assert entry.after["rights_basis"] == "owned"
    assert entry.reason == ""


def test_a_source_without_rights_is_taken_and_what_that_means_is_said():
    sources.add(url="http://127.0.0.1:20999/feed.xml")
    assert Activity.objects.get(verb="source_added").reason == sources.NO_RIGHTS


def test_the_same_address_in_another_spelling_is_refused_by_the_name_of_the_field():
    sources.add(url="http://127.0.0.1:20999/feed.xml", name="Harbour")
    with pytest.raises(InvalidRequest) as refused:
        sources.add(url="HTTP://127.0.0.1:20999/feed.xml#top")
    assert refused.value.field == "url"
    assert "Harbour" in refused.value.message
    assert Source.objects.count() == Job.objects.count() == 1


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("ftp://127.0.0.1/feed.xml", "http"),
        ("http://user:secret@127.0.0.1/feed.xml", "credentials"),
        ("http://10.0.0.7/feed.xml", "not a public address"),
        ("https://www.youtube.com/watch?v=abc", "YouTube"),
        ("not an address", "space"),
        ("http://nowhere.invalid/feed.xml", "could not be found"),
        ("http://127.0.0.1/" + "x" * 1000, "longer"),
    ],
)
def test_an_address_that_cannot_be_read_is_refused_and_nothing_is_written(url, said):
    with pytest.raises(InvalidRequest) as refused:
        sources.add(url=url)
    assert refused.value.field == "url"
    assert said in refused.value.message
    assert not Source.objects.exists()
    assert not Job.objects.exists()


def test_a_rights_basis_that_does_not_exist_is_refused():
    with pytest.raises(InvalidRequest) as refused:
        sources.add(url="http://127.0.0.1:20999/feed.xml", rights_basis="found on the street")
    assert refused.value.field == "rights_basis"


def test_reading_now_twice_gives_one_job():
    source = SourceFactory()
    assert sources.scrape_now(source.pk) == sources.scrape_now(source.pk)
    assert Job.objects.count() == 1


def test_a_paused_source_is_not_read_until_it_is_resumed():
    source = SourceFactory()
    sources.pause(source.pk, "too slow")
    with pytest.raises(IllegalTransition):
        sources.scrape_now(source.pk)
    assert sources.due_sources(timezone.now()) == []

    assert sources.resume(source.pk).state == SourceState.ACTIVE
    assert Job.objects.get().source == source
    assert Activity.objects.get(verb="source_paused").reason == "too slow"


def test_a_source_that_does_not_exist_is_named():
    with pytest.raises(NotFound) as refused:
        sources.scrape_now(4711)
    assert refused.value.field == "source_id"


def test_due_sources_are_queued_once_and_get_their_next_time():
    now = timezone.now()
    due = SourceFactory(next_scrape_at=now - timedelta(minutes=1), scrape_interval_minutes=30)
    never = SourceFactory(next_scrape_at=None)
    SourceFactory(next_scrape_at=now + timedelta(minutes=1))
    SourceFactory(next_scrape_at=now - timedelta(hours=1), paused=True)

    assert {job.source for job in sources.due_sources(now)} == {due, never}
    assert sources.due_sources(now) == []
    due.refresh_from_db()
    assert due.next_scrape_at == now + timedelta(minutes=30)


def test_a_source_whose_job_is_still_open_is_not_queued_again():
    source = SourceFactory(next_scrape_at=timezone.now() - timedelta(minutes=1))
    sources.scrape_now(source.pk)
    assert sources.due_sources(timezone.now()) == []
