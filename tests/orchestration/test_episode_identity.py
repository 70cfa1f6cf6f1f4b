"""An episode is known again whatever its publisher does to its address, and never taken twice."""

from datetime import timedelta

import pytest
from django.utils import timezone

from orchestration.media.identity import is_signed, stable_address
from orchestration.models import Activity, Job, Source, Video
from orchestration.pipeline import stage
from orchestration.pipeline.scrape import absolute
from orchestration.states import JobKind, JobState, RightsBasis, VideoState
from tests import factories
from tests.engine_room import door

pytestmark = pytest.mark.django_db
DAY = "Tue, 03 Mar 2026 10:00:00 +0000"


def entry(title: str, url: str, guid: str = "", date: str = DAY) -> str:
    address = url.replace("&", "&amp;")
    return (
        f"<item><title>{title}</title>"
        + (f'<guid isPermaLink="false">{guid}</guid>' if guid else "")
        + (f"<pubDate>{date}</pubDate>" if date else "")
        + f'<enclosure url="{address}" type="video/mp4" length="1"/></item>'
    )


def feed(*entries: str) -> str:
    return (
        f'<?xml version="1.0"?><rss version="2.0"><channel><title>F</title>{"".join(entries)}</channel></rss>'
    )


class Publisher:
    """A feed that is rewritten between its readings."""

    def __init__(self, engine, media_site) -> None:
        self.engine, self.site = engine, media_site
        self.source: Source | None = None

    def says(self, *entries: str) -> dict:
        """Have the feed read with these entries, and return what the reading gave."""
        url = self.site.page("/feed.xml", feed(*entries), kind="application/rss+xml")
        if self.source is None:
            self.source = door().add_source(url=url, name="Feed", rights_basis=RightsBasis.NONE)
        else:
            door().scrape_source(source_id=self.source.pk)
        self.engine.work()
        self.source.refresh_from_db()
        assert self.source.last_error == ""
        return Job.objects.filter(source=self.source, video=None).latest("pk").result

    def titles(self) -> list[str]:
        return sorted(Video.objects.values_list("title", flat=True))


@pytest.fixture
def publisher(engine, media_site):
    return Publisher(engine, media_site)


def test_a_token_that_changes_with_each_reading_makes_no_episode_new(publisher):
    """Patreon's feeds, and F2: three readings of three episodes were nine rows."""
    for reading in range(3):
        result = publisher.says(
            *(
                entry(
                    f"Ep {n}",
                    f"https://cdn.example/{n}.mp4?token-hash={reading}&token-time={reading}",
                    f"g{n}",
                )
                for n in range(3)
            )
        )
        assert result["new"] == (3 if reading == 0 else 0)
    assert publisher.titles() == ["Ep 0", "Ep 1", "Ep 2"]
    assert set(Video.objects.values_list("url", flat=True)) == {
        f"https://cdn.example/{n}.mp4?token-hash=2&token-time=2" for n in range(3)
    }
    assert not Activity.objects.filter(verb="video_addresses_taken_over").exists()


def test_without_an_id_the_title_and_the_rest_of_the_address_tell(publisher):
    for reading in "ab":
        publisher.says(
            entry("One", f"https://cdn.example/1.mp4?Expires={reading}&Signature={reading}"),
            entry("Two", f"https://cdn.example/2.mp4?Expires={reading}&Signature={reading}"),
        )
    assert publisher.titles() == ["One", "Two"]


def test_a_token_that_is_all_that_tells_two_episodes_apart_keeps_them_two(publisher):
    for _ in range(2):
        publisher.says(
            entry("", "https://cdn.example/get?token=one"), entry("", "https://cdn.example/get?token=two")
        )
    assert Video.objects.count() == 2


def test_a_move_to_https_and_behind_a_counting_host_is_taken_over_and_recorded(publisher):
    publisher.says(entry("One", "http://cdn.example/1.mp4", "g1"))
    before = Video.objects.get()
    publisher.says(
        entry("One", "https://dts.counter.example/redirect.mp4/cdn.example/1.mp4?sig=SECRET", "g1")
    )
    video = Video.objects.get()
    assert video.url.startswith("https://dts.counter.example/")
    assert video.identity == before.identity
    said = Activity.objects.get(verb="video_addresses_taken_over")
    assert said.additional_data["members"] == {"video": [video.pk]}
    assert "SECRET" not in str(said.changes) + str(said.additional_data)


def test_new_ids_for_old_episodes_are_taken_over_with_address_title_and_date(publisher):
    """A publisher who changes systems breaks the ids of all episodes."""
    publisher.says(entry("One", "https://cdn.example/1.mp4", "old-1"))
    publisher.says(entry("One", "https://cdn.example/1.mp4", "new-1"))
    assert Video.objects.get().external_id == "new-1"


def test_one_address_that_holds_each_day_another_episode_gives_each_of_them(publisher):
    publisher.says(entry("Monday", "https://cdn.example/latest.mp4", "g1", "Mon, 02 Mar 2026 10:00:00 +0000"))
    publisher.says(entry("Tuesday", "https://cdn.example/latest.mp4", "g2", DAY))
    assert publisher.titles() == ["Monday", "Tuesday"]


def test_an_id_that_all_entries_share_is_no_id(publisher):
    for _ in range(2):
        publisher.says(
            *(entry(f"Ep {n}", f"https://cdn.example/{n}.mp4", "https://example.org/") for n in range(3))
        )
    assert publisher.titles() == ["Ep 0", "Ep 1", "Ep 2"]
    assert set(Video.objects.values_list("external_id", flat=True)) == {""}


def test_an_id_that_is_given_to_the_next_episode_hides_it_not(publisher):
    """Feeds of one entry, the newest, may give each the same id."""
    publisher.says(entry("Monday", "https://cdn.example/1.mp4", "x", "Mon, 02 Mar 2026 10:00:00 +0000"))
    for _ in range(2):
        publisher.says(entry("Tuesday", "https://cdn.example/2.mp4", "x", DAY))
    assert publisher.titles() == ["Monday", "Tuesday"]


def test_an_edited_title_makes_no_new_episode(publisher):
    publisher.says(entry("One", "https://cdn.example/1.mp4"))
    assert publisher.says(entry("One, corrected", "https://cdn.example/1.mp4"))["new"] == 0


def test_an_address_of_any_length_is_kept_whole(publisher):
    """S3's and CloudFront's: cut at 1000 characters two became one, and each reading counted two new (F9)."""
    long = "https://s3.example/v.mp4?X-Amz-Security-Token=" + "A" * 1100
    ids = [entry("One", f"{long}&n=1"), entry("Two", f"{long}&n=2")]
    assert publisher.says(*ids)["new"] == 2
    assert publisher.says(*ids)["new"] == 0
    assert sorted(Video.objects.values_list("url", flat=True)) == [f"{long}&n=1", f"{long}&n=2"]


def test_new_counts_the_rows_that_were_made(publisher):
    address = "https://cdn.example/1.mp4"
    result = publisher.says(entry("One", address, "a"), entry("One", address, "b"))
    assert (result["new"], Video.objects.count()) == (1, 1)


def test_an_id_too_long_to_store_is_told_apart_still(publisher):
    ids = ["x" * 300 + end for end in "ab"]
    for _ in range(2):
        publisher.says(
            *(entry(f"Ep {n}", f"https://cdn.example/{n}.mp4", guid) for n, guid in enumerate(ids))
        )
    assert Video.objects.exclude(external_id="").count() == 2


def test_the_marker_of_an_upload_does_not_change_with_the_address(publisher):
    """A restored database makes it anew, and must find what was uploaded before."""
    publisher.says(entry("One", "http://cdn.example/1.mp4?token=a", "g1"))
    channel = factories.ChannelFactory()
    row = factories.DistributionFactory(video=Video.objects.get(), channel=channel)
    marker, _ = stage.ensure_marker(row)
    publisher.says(entry("One", "https://other.example/1.mp4?token=b", "g1"))
    row.marker = ""
    row.save()
    row = type(row).objects.get(pk=row.pk)
    assert stage.ensure_marker(row) == (marker, True)


# -- signed addresses are asked for anew ---------------------------------------------------------------------------


def test_a_signed_address_is_asked_for_anew_before_it_is_fetched(engine, media_site, videos, publisher):
    content = videos.mute.read_bytes()
    publisher.says(entry("One", media_site.url("/old.mp4") + "?token=1", "g1"))
    Source.objects.update(
        addresses_asked_at=timezone.now() - timedelta(hours=2), rights_basis=RightsBasis.OWNED
    )
    media_site.file("/new.mp4", content)
    media_site.page("/feed.xml", feed(entry("One", media_site.url("/new.mp4") + "?token=2", "g1")))
    engine.tick()
    engine.work()
    video = Video.objects.get()
    assert (video.error_message, video.state) == ("", VideoState.SCRAPED)
    assert video.url.endswith("/new.mp4?token=2")
    assert not any(path.startswith("/old.mp4") for path, _ in media_site.requests)


@pytest.mark.parametrize("status", [401, 403, 410])
def test_an_address_that_is_refused_is_asked_for_once_more(engine, media_site, videos, publisher, status):
    media_site.page("/old.mp4", "gone", status=status)
    publisher.says(entry("One", media_site.url("/old.mp4"), "g1"))
    Source.objects.update(rights_basis=RightsBasis.OWNED)
    media_site.file("/new.mp4", videos.mute.read_bytes())
    media_site.page("/feed.xml", feed(entry("One", media_site.url("/new.mp4"), "g1")))
    engine.tick()
    engine.work()
    assert Video.objects.get().state == VideoState.SCRAPED


def test_a_refusal_that_a_new_listing_does_not_mend_is_said(engine, media_site, publisher):
    media_site.page("/1.mp4", "no", status=410)
    publisher.says(entry("One", media_site.url("/1.mp4") + "?sig=1", "g1"))
    Source.objects.update(rights_basis=RightsBasis.OWNED)
    readings = len([path for path, _ in media_site.requests if path == "/feed.xml"])
    engine.tick()
    engine.work()
    video = Video.objects.get()
    assert (video.state, video.error_code) == (VideoState.FAILED, "source_unreachable")
    assert len([path for path, _ in media_site.requests if path == "/feed.xml"]) == readings + 1
    assert Job.objects.get(kind=JobKind.SCRAPE, video=video).state == JobState.FAILED
    assert not list(absolute(f"videos/{video.pk}").glob("*.mp4"))


@pytest.mark.parametrize(
    ("address", "rest", "signed"),
    [
        ("https://a.example/1.mp4?X-Amz-Signature=s&X-Amz-Expires=60&id=4", "//a.example/1.mp4?id=4", True),
        ("https://a.example/1.mp4?Policy=p&Signature=s&Key-Pair-Id=K", "//a.example/1.mp4", True),
        ("https://a.example/1.mp4?X-Goog-Signature=s&x=1", "//a.example/1.mp4?x=1", True),
        ("https://a.example/1.mp4?sv=2020&se=2026&sr=b&sp=r&sig=s", "//a.example/1.mp4", True),
        ("https://a.example/1.mp4?se=2026&sr=b", "//a.example/1.mp4?se=2026&sr=b", False),
        ("https://a.example/hdnts=exp=1~hmac=2/1.mp4", "//a.example/1.mp4", True),
        ("https://a.example/1.mp4;jsessionid=AB12?id=1", "//a.example/1.mp4?id=1", True),
        ("http://a.example/1.mp4?updated=1700", "//a.example/1.mp4", False),
        ("https://a.example/watch?v=1&part=2", "//a.example/watch?v=1&part=2", False),
        ("headend:upload/7", "headend:upload/7", False),
    ],
)
def test_what_changes_by_itself_of_an_address_is_known(address, rest, signed):
    assert stable_address(address) == rest
    assert is_signed(address) is signed
