"""Whoever is limited to groups of channels sees nothing of the others, and does nothing to them."""

import inspect
import re

import pytest
from django.apps import apps
from django.test import Client
from django.utils import timezone

from channels.limits import current, limited_to, path_of
from channels.models import Channel
from orchestration.core import reach
from orchestration.core.permissions import NEEDS, SCOPES, Actor, limit_of
from orchestration.errors import InvalidRequest, NotPermitted
from orchestration.models import Activity, BudgetEntry, Job, Restriction, Schedule, Wave
from orchestration.register import restrictions, tokens
from orchestration.scheduling import calendar_feed
from orchestration.service import CentralOrchestrationService
from orchestration.states import Trigger
from tests import factories
from tests.orchestration.api_client import ApiClient

METHODS = dict(inspect.getmembers(CentralOrchestrationService, inspect.isfunction))
KNOWN = reach.ONESELF | reach.NARROWED | reach.JUDGED | reach.JUDGED_BY_ROWS
NOT_OF_CHANNELS = frozenset(
    {"user_id", "token_id", "view_id", "correlation_id", "source_id", "video_id", "video_ids", "rule_id", "group_id",
     "attachment_id", "rollout_id", "blocker_id", "address_id", "silence_id", "label_id", "pool_id", "lease_id",
     "subject_id", "youtube_video_id", "confirmed_ids", "canary_id", "client_id", "group_ids",
     "endpoint_id", "delivery_id", "factor_id", "credential_id", "proposal_id"}
)  # fmt: skip
"""What belongs to all channels, is found among narrowed rows, or names nothing by itself."""


def test_every_name_of_rows_is_known_and_what_is_judged_names_some():
    named = {name: inspect.signature(METHODS[name]).parameters for name in NEEDS}
    ids = {arg for args in named.values() for arg in args if arg.endswith(("_id", "_ids"))}
    assert not ids - set(reach.NAMES) - NOT_OF_CHANNELS, "say in core/reach.py how it leads to channels"
    assert set(NEEDS) >= KNOWN
    assert all(set(named[name]) & set(reach.NAMES) for name in reach.JUDGED)
    assert all(NEEDS[name] == "read" for name in reach.NARROWED)
    assert all(SCOPES[NEEDS[name]] < SCOPES["admin"] for name in KNOWN), "administrators are not limited"


def test_every_model_that_leads_to_a_channel_is_narrowed():
    found = [model for model in apps.get_models() if model._meta.app_label in ("channels", "orchestration")]
    leading = [
        model for model in found if path_of(model) is not None or model._meta.label_lower in reach.CONDITIONS
    ]
    assert len(leading) > 20
    open_ones = {model for model in leading if not hasattr(model._default_manager, "narrows")}
    assert open_ones == {BudgetEntry}, "a budget is spent by all; its entries name nobody"


@pytest.fixture
def two(db):
    """A channel within the limit, one outside, each with all that belongs to one."""
    here, there = (
        factories.ChannelFactory(slug="here", name="Here"),
        factories.ChannelFactory(slug="zanzibar", name="Zanzibar"),
    )
    group = factories.ChannelGroupFactory(slug="news", name="News")
    group.channels.add(here)
    factories.ChannelGroupFactory(slug="quibble", name="Quibble").channels.add(there)
    rows = {}
    for channel in (here, there):
        wave = factories.WaveFactory(name=f"Wave of {channel.name}")
        row = factories.ScheduleFactory(channel=channel, wave=wave, distribution__wave=wave)
        factories.JobFactory(channel=channel, failed=True, error_message=f"{channel.name} failed")
        factories.ConflictFactory(channel=channel, schedule=row, message=f"{channel.name} collides")
        factories.ActivityFactory(subject=channel)
        rows[channel.slug] = row
    return rows


def olga(two, role="operate"):
    user = factories.UserFactory(role=role)
    restrictions.keep(user, role, ["news"])
    return user


def door(user) -> CentralOrchestrationService:
    return CentralOrchestrationService(actor=Actor.of_user(user), trigger=Trigger.BUTTON)


@pytest.mark.parametrize("name", sorted(set(NEEDS) - KNOWN))
def test_what_is_not_known_to_keep_within_is_refused(name):
    if SCOPES[NEEDS[name]] >= SCOPES["admin"]:
        return
    with pytest.raises(NotPermitted, match="concerns more than these"):
        reach.judge(limit_none(), name, "olga", {})


def limit_none():
    from channels.limits import Limit

    return Limit()


def test_rows_are_narrowed_to_the_groups_and_widened_after(two):
    limit = Actor.of_user(olga(two)).limit
    with limited_to(limit):
        assert [row.slug for row in Channel.objects.all()] == ["here"]
        assert [row.name for row in Wave.objects.all()] == ["Wave of Here"]
        assert {row.channel.slug for row in Schedule.objects.all()} == {"here"}
        assert Job.objects.count() == 1
        assert {entry.object_repr for entry in Activity.objects.all()} == {"Here"}
    assert Channel.objects.count() == 2 and current() is None


def test_what_is_named_has_to_lie_within(two):
    asked = door(olga(two))
    assert asked.hold_schedule(schedule_id=two["here"].pk).state == "held"
    there = two["zanzibar"]
    for call in (
        lambda: asked.hold_schedule(schedule_id=there.pk),
        lambda: asked.pause_channel(channel_id=there.channel_id),
        lambda: asked.move_wave(wave_id=there.wave_id, scheduled_at=factories.in_(hours=3)),
        lambda: asked.do_bulk(kind="schedule", verb="hold", ids=[there.pk]),
        lambda: asked.do_bulk(kind="source", verb="pause", ids=[1]),
        lambda: asked.do_bulk(kind="source", verb="pause", filters={}),
        lambda: asked.add_slots(channel_id=there.channel_id, weekdays=[1], local_times=[]),
        lambda: asked.hold_schedule(schedule_id=10**9),
    ):
        with pytest.raises(NotPermitted, match="limited to groups"):
            call()
    with pytest.raises(NotPermitted, match="has to name"):
        asked.check_channels()
    assert asked.preview_bulk(kind="schedule", verb="cancel", filters={}).done == [two["here"].pk]
    with pytest.raises(NotPermitted, match=r"wave .* lies outside"):
        factories.ScheduleFactory(
            wave=two["here"].wave, distribution__wave=two["here"].wave, channel=there.channel
        )
        asked.cancel_wave(wave_id=two["here"].wave_id)
    assert not asked.can_undo(correlation_id=asked.correlation_id)


@pytest.mark.parametrize("verb", ["pause", "resume", "cancel", "move", "recall"])
def test_a_wave_that_goes_beyond_the_groups_is_not_theirs_in_a_request_either(two, verb):
    """A request narrows rows by itself: counting the others within it found none, and the wave was theirs."""
    wave, channel = two["here"].wave, two["zanzibar"].channel
    factories.ScheduleFactory(wave=wave, distribution__wave=wave, channel=channel)
    user = olga(two)
    told = {
        "move": {"scheduled_at": f"{factories.in_(hours=30):%Y-%m-%dT%H:%M:%SZ}"},
        "recall": {"confirmed_ids": []},
    }
    sent = told.get(verb, {})
    before = Wave.objects.values().get(pk=wave.pk)
    token = ApiClient(tokens.issue("narrow", "operate", limited_to=["news"])[1])
    answer = token.post(f"waves/{wave.pk}/{verb}", sent)
    assert answer.status_code == 403 and "lies outside" in answer.json()["detail"]
    client = Client()
    client.force_login(user)
    client.post(f"/waves/{wave.pk}/{verb}/", sent)
    client.post("/bulk/wave/commit/", {"ids": [wave.pk], "verb": verb, "reason": "asked"})
    for rows in ({"ids": [wave.pk]}, {"filters": {}}):
        with limited_to(Actor.of_user(user).limit):
            done = door(user).do_bulk(kind="wave", verb="pause", **rows)
        [refusal] = done.refused
        assert not done.done and refusal.ids == [wave.pk] and "lies outside" in refusal.cause
    assert Wave.objects.values().get(pk=wave.pk) == before


def test_a_wave_that_others_share_keeps_no_other_from_a_verb_and_is_offered_none(two):
    shared, channel = two["here"].wave, two["zanzibar"].channel
    factories.ScheduleFactory(wave=shared, distribution__wave=shared, channel=channel)
    own = factories.ScheduleFactory(channel=two["here"].channel, wave=factories.WaveFactory()).wave
    user, elsewhere = olga(two), two["zanzibar"].wave
    shown = door(user).preview_bulk(kind="wave", verb="pause", filters={})
    assert list(shown.done) == [own.pk] and [row.ids for row in shown.refused] == [[shared.pk]]
    with pytest.raises(NotPermitted, match="lies outside"):
        door(user).preview_bulk(kind="wave", verb="pause", ids=[own.pk, elsewhere.pk])
    api = ApiClient(tokens.issue("narrow", "operate", limited_to=["news"])[1])
    offered = {row["id"]: row["actions"] for row in api.get("waves").json()["items"]}
    assert offered[shared.pk] == [] and "pause" in offered[own.pk]
    assert api.get(f"waves/{shared.pk}").json()["actions"] == []
    client = Client()
    client.force_login(user)
    assert f"/waves/{shared.pk}/pause/" not in client.get(f"/waves/{shared.pk}/").content.decode()


def test_no_answer_of_the_api_names_what_lies_outside(two):
    _token, text = tokens.issue("narrow", "operate", limited_to=["news"])
    api = ApiClient(text)
    there = two["zanzibar"]
    today = f"{timezone.now():%Y-%m-%d}"
    for path in ("channels", "schedules", "jobs", "waves", "conflicts", "activity", "distributions", "groups",
                 "orchestration/dashboard", "orchestration/monitor-channels", "search?q=Zanzib", "words",
                 f"calendar?first={today}&days=7", "statistics", "plan", "slots", "blackouts", "runs", "blockers",
                 "pools"):  # fmt: skip
        answer = api.get(path)
        body = b"".join(answer.streaming_content) if answer.streaming else answer.content
        assert answer.status_code in (200, 403), path
        assert not re.search(rb"zanzibar|quibble", body, re.I), path
    assert "Here" in api.get("channels").content.decode()
    for path in (f"channels/{there.channel_id}", f"schedules/{there.pk}", f"waves/{there.wave_id}"):
        assert api.get(path).status_code == 404, path
    assert api.post(f"schedules/{there.pk}/hold", {}).status_code == 403
    assert ApiClient(tokens.issue("wide", "read")[1]).get("channels").json()["total"] == 2, (
        "the limit ended with its request"
    )


def test_no_page_names_what_lies_outside(two):
    client = Client()
    client.force_login(olga(two))
    there = two["zanzibar"]
    for address in ("/", "/channels/", "/schedule/", "/calendar/", "/jobs/", "/waves/", "/conflicts/", "/activity/",
                    "/blockers/", "/review/", "/statistics/", "/groups/", "/words/", "/videos/", "/waves/new/",
                    "/distribute/", "/search/?q=Zanzib", "/since/", "/plan/export/", "/library/", "/sources/"):  # fmt: skip
        answer = client.get(address)
        body = b"".join(answer.streaming_content) if answer.streaming else answer.content
        assert answer.status_code == 200, address
        assert not re.search(rb"zanzibar|quibble", body, re.I), address
    for address in ("/channels/zanzibar/", f"/schedules/{there.pk}/", f"/waves/{there.wave_id}/"):
        assert client.get(address).status_code == 404, address
    assert client.get("/metrics").status_code in (401, 403)
    assert b"concerns more than these" in client.get("/forecast/").content, "what is not known to keep within"


def test_the_menu_offers_nothing_that_is_refused(two):
    client = Client()
    for role in ("read", "schedule", "operate"):
        client.force_login(olga(two, role))
        menu = re.search(r"<nav.*?</nav>", client.get("/").content.decode(), re.S)[0]
        addresses = set(re.findall(r'<a[^>]*? href="(/[^"]*)"', menu))
        assert "/calendar/" in addresses and "/standing-rules/" not in addresses
        for address in sorted(addresses):
            answer = client.get(address)
            assert answer.status_code in (200, 302), (role, address)
            assert b"concerns more than" not in answer.content, (role, address)


def test_a_wave_that_goes_beyond_the_groups_has_no_buttons(two):
    row, client = two["here"], Client()
    client.force_login(olga(two))
    assert b'data-action="pause"' in client.get(f"/waves/{row.wave_id}/").content
    factories.ScheduleFactory(wave=row.wave, distribution__wave=row.wave, channel=two["zanzibar"].channel)
    page = client.get(f"/waves/{row.wave_id}/").content
    assert not re.search(rb'data-action="(pause|cancel|move|recall)"', page)


def test_a_calendar_keeps_within(two):
    user = olga(two)
    secret = calendar_feed.make_address(user.pk)
    assert b"Zanzibar" not in calendar_feed.read(secret) and b"Here" in calendar_feed.read(secret)


def test_a_limit_is_kept_by_administrators_and_holds_for_nobody_who_sets_up(two):
    ada = door(factories.UserFactory(role="admin"))
    row = ada.add_user(username="rita", level="schedule", limited_to=["news"])
    assert row.limited_to == ["news"]
    with pytest.raises(InvalidRequest) as refused:
        door(factories.UserFactory(role="own")).change_user(user_id=row.id, level="admin")
    assert refused.value.field == "limited_to"
    with pytest.raises(InvalidRequest):
        ada.make_token(name="x", scope="admin", limited_to=["news"])
    assert ada.change_user(user_id=row.id, limited_to=[]).limited_to is None
    entry = Activity.objects.filter(verb="user_changed").latest("id")
    assert (entry.before["limited_to"], entry.after["limited_to"]) == (["news"], None)


def test_without_its_groups_a_limit_leaves_nothing(two):
    user = olga(two)
    limited = Restriction.objects.get(user=user)
    limited.groups.all().delete()
    assert limit_of(limited.pk).channels == frozenset()
    assert door(user).monitor_channels() == [] or timezone.now()
