"""What was read is edited only if it is still that: `ETag`, `If-Match` and 412, alike for each thing."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError
from django.utils import timezone

from channels.models import Channel, Label
from channels.states import ChannelHealth
from orchestration.api import conditions
from orchestration.models import NotificationRule, Source, StandingRule
from orchestration.register import tokens
from tests import factories
from tests.orchestration.api.test_lists import LISTS
from tests.orchestration.api_client import ApiClient, document

pytestmark = pytest.mark.django_db


@dataclass(frozen=True)
class Edit:
    """How a thing is made, how it is edited, and what somebody else does to it meanwhile."""

    make: Any
    body: dict[str, Any]
    theirs: dict[str, Any]
    deleted: bool = True
    method: str = "PATCH"
    key: str = "pk"
    traits: dict[str, Any] = field(default_factory=dict)


NAMED = ({"name": "mine"}, {"name": "theirs"})
EDITS = {
    "attachments": Edit(factories.AttachmentFactory, {}, {"name": "theirs"}, method="DELETE"),
    "blackouts": Edit(factories.BlackoutFactory, {"reason": "mine"}, {"reason": "theirs"}),
    "channels": Edit(factories.ChannelFactory, *NAMED),
    "groups": Edit(factories.ChannelGroupFactory, *NAMED),
    "labels": Edit(factories.LabelFactory, {}, {"name": "theirs"}, method="DELETE"),
    "notifications/addresses": Edit(factories.NotificationAddressFactory, *NAMED),
    "notifications/rules": Edit(factories.NotificationRuleFactory, *NAMED),
    "pools": Edit(factories.PoolFactory, {"label": "mine"}, {"label": "theirs"}, deleted=False),
    "profiles": Edit(factories.ProfileFactory, *NAMED, key="key"),
    "slots": Edit(factories.PostingSlotFactory, {"enabled": False}, {"weekday": 5}, traits={"weekday": 2}),
    "sources": Edit(factories.SourceFactory, *NAMED),
    "standing": Edit(factories.StandingRuleFactory, *NAMED),
    "tokens": Edit(factories.ApiTokenFactory, *NAMED, deleted=False),
    "users": Edit(
        factories.UserFactory, {"full_name": "mine"}, {"email": "theirs@example.org"}, deleted=False
    ),
    "views": Edit(factories.SavedViewFactory, *NAMED),
    "webhooks": Edit(factories.WebhookEndpointFactory, *NAMED),
}
PATCHED = [name for name, edit in EDITS.items() if edit.method == "PATCH"]
DELETED = [name for name, edit in EDITS.items() if edit.deleted]


@pytest.fixture
def root(admin_user) -> ApiClient:
    """Give a person who may do everything: a view is a person's own."""
    caller = ApiClient()
    caller.client.force_login(admin_user)
    return caller


@pytest.fixture
def thing(admin_user):
    """Make the thing of a name; return its row and its address."""

    def make(name: str):
        edit = EDITS[name]
        traits = {"owner": admin_user} if name == "views" else edit.traits
        row = edit.make(**traits)
        if name == "notifications/rules":
            row.addresses.add(factories.NotificationAddressFactory())
        return row, f"{name}/{getattr(row, edit.key)}"

    return make


def change_behind(row, edit):
    type(row)._default_manager.filter(pk=row.pk).update(**edit.theirs)


def as_edited(tag: str) -> str:
    """Return the part that edits go by: an edit's answer may leave out what a read has, such as a channel's slots."""
    return tag.partition("-")[0]


def shown(row, edit):
    return {name: getattr(type(row)._default_manager.get(pk=row.pk), name) for name in edit.theirs}


def test_each_thing_that_is_edited_is_here_or_has_its_version():
    by_version = {name for name, each in conditions.THINGS.items() if each.only}

    assert set(EDITS) | by_version | {"notifications/silences"} == set(conditions.THINGS)
    for path, methods in document()["paths"].items():
        if {"patch", "put"} & set(methods) and not path.startswith("/api/uploads"):
            assert conditions.DESCRIBED.fullmatch(path), path
            assert "get" in methods, path


@pytest.mark.parametrize("name", EDITS)
def test_a_thing_tells_as_what_it_was_read(root, thing, name):
    row, address = thing(name)

    first = root.get(address)["ETag"]
    again = root.get(address)["ETag"]
    change_behind(row, EDITS[name])
    after = root.get(address)["ETag"]

    assert first == again != after


@pytest.mark.parametrize("name", PATCHED)
def test_an_edit_of_what_was_read_is_taken_and_tells_what_it_is_now(root, thing, name):
    _row, address = thing(name)
    seen = root.get(address)["ETag"]

    answer = root.patch(address, EDITS[name].body, If_Match=seen)

    assert answer.status_code == 200, answer.content
    assert as_edited(seen) != as_edited(answer["ETag"]) == as_edited(root.get(address)["ETag"])
    assert root.patch(address, EDITS[name].body, If_Match=answer["ETag"]).status_code == 200


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_of_what_has_changed_is_refused_with_what_it_is_now(root, thing, name):
    row, address = thing(name)
    edit, seen = EDITS[name], root.get(address)["ETag"]
    change_behind(row, edit)

    answer = root.send(edit.method, address, edit.body or None, If_Match=seen)

    assert (answer.status_code, answer.json()["code"]) == (412, "precondition_failed")
    assert answer.json()["etag"] == answer["ETag"] == root.get(address)["ETag"]
    assert shown(row, edit) == edit.theirs


@pytest.mark.parametrize(
    ("method", "name"), [*(("PATCH", name) for name in PATCHED), *(("DELETE", name) for name in DELETED)]
)
def test_what_changes_between_the_look_and_the_lock_is_refused_too(root, thing, monkeypatch, name, method):
    """The first look finds what was read; somebody else is done before the row is locked."""
    row, address = thing(name)
    edit, seen = EDITS[name], root.get(address)["ETag"]
    look, looks = conditions._require, []

    def and_then_they(*given):
        look(*given)
        if not looks:
            change_behind(row, edit)
        looks.append(1)

    monkeypatch.setattr(conditions, "_require", and_then_they)
    answer = root.send(method, address, edit.body if method == "PATCH" else None, If_Match=seen)

    assert answer.status_code == 412, answer.content
    assert shown(row, edit) == edit.theirs


@pytest.mark.parametrize("name", DELETED)
def test_a_thing_is_taken_away_if_it_is_what_was_read(root, thing, name):
    _row, address = thing(name)

    assert root.delete(address, If_Match='"another"').status_code == 412
    assert root.delete(address, If_Match=root.get(address)["ETag"]).status_code == 204
    assert root.get(address).status_code == 404


@pytest.mark.parametrize("given", ["*", None, '"other", {}', 'W/"weak", {}'])
def test_any_version_and_one_of_several_and_none_at_all(api, given):
    channel = factories.ChannelFactory()
    headers = {"If_Match": given.format(api.get(f"channels/{channel.pk}")["ETag"])} if given else {}

    assert api.patch(f"channels/{channel.pk}", {"name": "Aurora"}, **headers).status_code == 200


def test_a_weak_tag_names_nothing_to_edit_by(api):
    channel = factories.ChannelFactory()
    seen = api.get(f"channels/{channel.pk}")["ETag"]

    assert api.patch(f"channels/{channel.pk}", {"name": "Aurora"}, If_Match=f"W/{seen}").status_code == 412


@pytest.mark.parametrize("given", ["abc", '"open', "", "7"])
def test_what_is_no_tag_is_refused_by_name(api, given):
    channel = factories.ChannelFactory()

    answer = api.patch(f"channels/{channel.pk}", {"name": "Aurora"}, If_Match=given)

    assert (answer.status_code, answer.json()["field"]) == (422, "If-Match")


def test_where_nothing_has_a_tag_one_is_refused_rather_than_passed_over(api):
    answer = api.post("channels", {"name": "Aurora"}, If_Match='"abc"')

    assert (answer.status_code, answer.json()["field"]) == (422, "If-Match")
    assert not Channel.objects.exists()


def test_what_is_not_there_is_not_there_whatever_is_expected(api):
    assert api.patch("channels/999", {"name": "Aurora"}, If_Match='"abc"').status_code == 404
    body = {"name": "mine"}
    assert api.put("profiles/none-yet", body, If_Match="*").status_code == 412
    assert api.put("profiles/none-yet", body).status_code == 200


def test_what_a_machine_sees_of_it_is_no_edit(api):
    channel, source = factories.ChannelFactory(), factories.SourceFactory()
    addresses = (f"channels/{channel.pk}", f"sources/{source.pk}")
    seen = [api.get(address)["ETag"] for address in addresses]

    Channel.objects.update(
        health=ChannelHealth.FAILING, health_reason="no answer", health_checked_at=timezone.now()
    )
    Source.objects.update(last_found=7, last_error="no answer", next_scrape_at=timezone.now())

    for address, tag in zip(addresses, seen, strict=True):
        assert api.send("GET", address, If_None_Match=tag).status_code == 200
        assert api.patch(address, {"name": "mine"}, If_Match=tag).status_code == 200


@pytest.mark.parametrize("name", EDITS)
def test_what_is_known_as_it_is_is_not_sent_again(root, thing, name):
    row, address = thing(name)
    seen = root.get(address)["ETag"]

    for known in (seen, f'"other", {seen}', f"W/{seen}", "*"):
        answer = root.send("GET", address, If_None_Match=known)
        assert (answer.status_code, answer.content, answer["ETag"]) == (304, b"", seen)
        assert answer["Cache-Control"] == "no-store"
    for other in ('"other"', "no tag", ""):
        assert root.send("GET", address, If_None_Match=other).status_code == 200
    change_behind(row, EDITS[name])
    assert root.send("GET", address, If_None_Match=seen).status_code == 200


def test_what_is_not_there_or_not_to_be_seen_is_never_known(api):
    channel = factories.ChannelFactory()
    nobody = ApiClient("")

    assert api.send("GET", "channels/999", If_None_Match="*").status_code == 404
    assert nobody.send("GET", f"channels/{channel.pk}", If_None_Match="*").status_code == 401


def test_an_edit_that_names_what_it_knows_is_held_against_what_it_expects_alone(api):
    channel = factories.ChannelFactory()
    seen = api.get(f"channels/{channel.pk}")["ETag"]

    answer = api.patch(f"channels/{channel.pk}", {"name": "Aurora"}, If_Match=seen, If_None_Match=seen)

    assert answer.status_code == 200, answer.content


@pytest.mark.parametrize("name", ["channels", "sources", "schedules", "jobs", "waves"])
def test_a_verb_too_is_held_against_what_was_read(api, name):
    verb = {"schedules": "hold", "jobs": "cancel"}.get(name, "pause")
    row = LISTS[name]()
    factories.SystemStateFactory(running=True)
    seen = api.get(f"{name}/{row.pk}")["ETag"]

    refused = api.post(f"{name}/{row.pk}/{verb}", If_Match='"another"')
    taken = api.post(f"{name}/{row.pk}/{verb}", If_Match=seen)
    again = api.post(f"{name}/{row.pk}/{verb}", If_Match=seen)

    assert (refused.status_code, taken.status_code, again.status_code) == (412, 200, 412), taken.content
    assert again.json()["version"] == api.get(f"{name}/{row.pk}").json().get("wave", again.json())["version"]


def test_a_refusal_by_what_was_expected_leaves_the_key_free(api):
    channel = factories.ChannelFactory()
    address = f"channels/{channel.pk}/pause"

    refused = api.post(address, If_Match='"another"', Idempotency_Key="once")
    taken = api.post(address, If_Match=api.get(f"channels/{channel.pk}")["ETag"], Idempotency_Key="once")
    repeated = api.post(address, If_Match='"another"', Idempotency_Key="once")

    assert (refused.status_code, taken.status_code, repeated.status_code) == (412, 200, 200)
    assert repeated["Idempotency-Replayed"] == "true"


def test_a_limited_caller_meets_their_channels_only(caller_with):
    """What is asked to compare runs under the caller's own limit."""
    mine, other = factories.ChannelFactory(), factories.ChannelFactory()
    group = factories.ChannelGroupFactory()
    group.channels.add(mine)
    _, text = tokens.issue("limited", "operate", limited_to=[group.slug])
    limited = ApiClient(text)

    assert limited.post(f"channels/{other.pk}/pause", If_Match="*").status_code == 403
    seen = limited.get(f"channels/{mine.pk}")["ETag"]
    assert limited.post(f"channels/{mine.pk}/pause", If_Match=seen).status_code == 200
    assert limited.post(f"channels/{mine.pk}/resume", If_Match=seen).status_code == 412


def test_parts_of_a_rule_are_changed_and_the_rest_stays(root):
    channels = factories.ChannelFactory.create_batch(2)
    rule = factories.StandingRuleFactory(daily_at="09:30", zone="Europe/Berlin")
    rule.channels.set(channels)

    root.patch(f"standing/{rule.pk}", {"horizon_days": 3})
    assert StandingRule.objects.get().daily_at.hour == 9
    assert StandingRule.objects.get().channels.count() == 2
    root.patch(f"standing/{rule.pk}", {"channel_ids": [channels[0].pk]})

    row = StandingRule.objects.get()
    assert (row.horizon_days, row.zone, list(row.channels.all())) == (3, "Europe/Berlin", [channels[0]])
    refused = root.patch(f"standing/{rule.pk}", {"kind": "series"})
    assert refused.status_code == 422


def test_parts_of_a_notification_rule_and_of_a_blackout(root):
    rule = factories.NotificationRuleFactory(reminder_hours=7)
    rule.addresses.add(factories.NotificationAddressFactory())
    blackout = factories.BlackoutFactory(reason="holidays")

    assert root.patch(f"notifications/rules/{rule.pk}", {"name": "nights"}).status_code == 200
    assert NotificationRule.objects.get().reminder_hours == 7
    last = blackout.last_date + timedelta(days=1)
    answer = root.patch(f"blackouts/{blackout.pk}", {"last_date": last.isoformat()})
    assert (answer.json()["reason"], answer.json()["last_date"]) == ("holidays", last.isoformat())
    assert root.patch(f"blackouts/{blackout.pk}", {"first_date": "2150-01-01"}).status_code == 422


def test_a_change_of_parts_is_refused_if_another_comes_between(root, monkeypatch):
    """It reads the whole and writes it: what somebody else wrote between would be lost."""
    rule = factories.StandingRuleFactory(horizon_days=5)
    held = conditions.expecting

    def and_then_they(expectation):
        StandingRule.objects.update(horizon_days=9)
        return held(expectation)

    monkeypatch.setattr(conditions, "expecting", and_then_they)
    answer = root.patch(f"standing/{rule.pk}", {"name": "mine"})

    assert (answer.status_code, answer.json()["code"]) == (409, "stale_state")
    assert StandingRule.objects.get().horizon_days == 9


def test_a_label_and_a_token_and_a_profile_are_shown_alone(root):
    label, profile = Label.objects.create(name="de"), factories.ProfileFactory()
    token = factories.ApiTokenFactory()

    assert root.get(f"labels/{label.pk}").json() == {"id": label.pk, "name": "de", "members": 0}
    assert root.get(f"profiles/{profile.key}").json()["name"] == profile.name
    assert root.get(f"tokens/{token.pk}").json()["name"] == token.name


def test_what_cannot_be_read_to_compare_is_not_edited(api, monkeypatch):
    channel = factories.ChannelFactory(name="Aurora")
    seen = api.get(f"channels/{channel.pk}")["ETag"]

    def out_of_order(*given, **named):
        raise OperationalError("the database is away")

    monkeypatch.setattr("orchestration.api.channels.lookup.one", out_of_order)
    answer = api.patch(f"channels/{channel.pk}", {"name": "mine"}, If_Match=seen)

    assert (answer.status_code, answer.json()["code"]) == (503, "database_busy")
    assert Channel.objects.get().name == "Aurora"
