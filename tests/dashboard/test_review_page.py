"""The page of what waits for an approval, and the same by API and command line."""

import json
import re
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.utils import timezone

from orchestration.media.profiles import AS_IS
from orchestration.models import Approval
from orchestration.states import Verdict
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def waiting():
    """Two publications of a channel that wants approvals."""
    channel = factories.ChannelFactory(needs_approval_since=timezone.now() - timedelta(days=1))
    return [factories.ScheduleFactory(channel=channel, distribution__channel=channel) for _ in range(2)]


def marks(console):

    return re.findall(r'name="seen" value="([^"]+)"', console.get("/review/").content.decode())


def test_the_page_lists_what_waits_and_takes_a_word_on_many(console, waiting):
    seen = marks(console)
    assert [int(mark.partition(":")[0]) for mark in seen] == [row.pk for row in waiting]
    console.post("/review/decide/", {"seen": seen, "way": "approve"})
    assert Approval.objects.filter(verdict=Verdict.APPROVED).count() == 2
    assert "Nothing waits for an approval" in console.get("/review/").content.decode()


def test_what_changed_since_it_was_shown_is_not_approved(console, waiting):
    seen = marks(console)
    video = waiting[0].distribution.video
    video.words = {"title": "Another"}
    video.save()
    page = console.post("/review/decide/", {"seen": seen, "way": "approve"}, follow=True).content.decode()
    assert "not as it was seen any more" in page
    assert not Approval.objects.exists()


def test_a_refusal_needs_its_reason(console, waiting):
    seen = marks(console)[:1]
    page = console.post("/review/decide/", {"seen": seen, "way": "refuse"}, follow=True).content.decode()
    assert "say why" in page
    console.post("/review/decide/", {"seen": seen, "way": "refuse", "reason": "wrong cut"})
    assert Approval.objects.get().verdict == Verdict.REFUSED
    assert "wrong cut" in console.get("/review/").content.decode()
    assert "Tick what is meant" in console.post("/review/decide/", {}, follow=True).content.decode()


def test_channel_and_source_are_switched_on_their_pages(console, waiting):
    channel = waiting[0].channel
    console.post(f"/channels/{channel.slug}/approval/", {"needed": "no"})
    channel.refresh_from_db()
    assert channel.needs_approval_since is None
    source = waiting[0].distribution.video.source
    console.post(f"/sources/{source.pk}/approval/", {"needed": "yes"})
    source.refresh_from_db()
    assert source.needs_approval_since is not None
    assert "waits for approval" in console.get("/sources/").content.decode()


def test_a_reader_sees_the_list_and_no_button(client, waiting):
    client.force_login(factories.UserFactory(username="rita"))
    page = client.get("/review/").content.decode()
    assert f'id="review-{waiting[0].pk}"' in page and "data-action" not in page
    client.post("/review/decide/", {"seen": f"{waiting[0].pk}:x", "way": "approve"})
    assert not Approval.objects.exists()


def test_the_command_line_lists_and_decides(waiting, capsys):
    call_command("orchestration", "reviews", "--json")
    found = json.loads(capsys.readouterr().out)["items"]
    assert [row["schedule_id"] for row in found] == [row.pk for row in waiting]
    call_command("orchestration", "reviews")
    assert "as channel" in capsys.readouterr().out
    call_command("orchestration", "approve", str(waiting[0].pk))
    call_command("orchestration", "refuse", str(waiting[1].pk), "--reason", "no")
    assert sorted(Approval.objects.values_list("verdict", flat=True)) == ["approved", "refused"]
    call_command("orchestration", "channel-approval", waiting[0].channel.slug, "no")
    assert "No approval is needed any more." in capsys.readouterr().out


def test_what_is_shown_is_the_file_that_the_publication_sends(console, waiting):
    channel, video = waiting[0].channel, waiting[0].distribution.video
    channel.profile = AS_IS.key
    channel.save()
    page = console.get("/review/").content.decode()
    assert "is not made yet" in page
    row = factories.RenditionFactory(video=video, notes=["Its loudness was raised by 3 dB only."])
    page = console.get("/review/").content.decode()
    assert f'src="/videos/{video.pk}/renditions/{row.pk}/"' in page
    assert f'href="/videos/{video.pk}/?rendition={row.pk}#watch"' in page
    assert f'src="/videos/{video.pk}/file/prepared/"' not in page
    assert "raised by 3 dB only" in page
