"""The whole configuration as YAML: what goes out comes in the same, and a file is applied as it was shown or not at all."""

from __future__ import annotations

import io
import json
import string
from contextlib import contextmanager
from datetime import UTC, date, datetime, time

import pytest
import yaml
from django.core.management import call_command
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from channels.models import Blackout, Channel, ChannelGroup
from orchestration.as_code import applying, kinds, yaml_text
from orchestration.core.audit import Acting, acting_as
from orchestration.errors import InvalidRequest, PlanOutdated
from orchestration.models import (
    Activity,
    NotificationAddress,
    NotificationRule,
    Pool,
    Profile,
    Source,
    StandingRule,
    WebhookEndpoint,
)
from orchestration.queue import pools
from orchestration.service import CentralOrchestrationService
from tests import factories

pytestmark = pytest.mark.django_db
SECRETS = {"notification_addresses": "json://127.0.0.1/in", "webhooks": "https://93.184.216.34/in"}


@pytest.fixture
def door():
    return CentralOrchestrationService()


@pytest.fixture
def offline(monkeypatch):
    """Nothing is looked up; whether that is done, and when, is tried on its own."""
    monkeypatch.setattr("orchestration.register.sources.check_address", lambda url: None)


@pytest.fixture
def secrets_here(monkeypatch):
    """Every secret that a file refers to is in the environment."""

    def secret_of(reference):
        section = (
            "webhooks" if reference and "_WEBHOOKS_" in reference["secret"] else "notification_addresses"
        )
        return SECRETS[section] if reference else ""

    for name in ("applying", "kinds_of_telling"):
        monkeypatch.setattr(f"orchestration.as_code.{name}.secret_of", secret_of)


@pytest.fixture
def scene(db):
    """One of everything, with every kind of link between things."""
    group, label = (
        factories.ChannelGroupFactory(slug="news", name="News"),
        factories.LabelFactory(name="daily"),
    )
    profile = factories.ProfileFactory()
    source = factories.SourceFactory(
        profile=profile.key, needs_approval_since=datetime(2026, 1, 1, tzinfo=UTC)
    )
    folder = factories.SourceFactory(
        kind="uploads", url="", name="Own films", canonical_url="headend:uploads/0a1b", rights_basis=""
    )
    channel = factories.ChannelFactory(
        slug="north", filters={"min_width": 640, "source_ids": [folder.pk, source.pk]}, tags=["a", "b: c"],
        description_template="Line one\n\n  {description}", words={"playlists": ["PL0123456789abcdef"]},
        profile=profile.key, needs_approval_since=datetime(2026, 1, 1, tzinfo=UTC),
    )  # fmt: skip
    channel.groups.add(group)
    channel.labels.add(label)
    factories.PostingSlotFactory(channel=channel, weekday=1, local_time=time(18))
    factories.PostingSlotFactory(channel=channel, weekday=6, local_time=time(7, 5), enabled=False)
    factories.BlackoutFactory(
        channel=channel, first_date=date(2026, 12, 24), last_date=date(2026, 12, 26), reason="on"
    )
    rule = factories.StandingRuleFactory(
        kind="series",
        source=source,
        times=[[1, "18:00"]],
        since=datetime(2026, 3, 1, tzinfo=UTC),
        daily_at=time(6),
    )
    rule.channels.add(channel)
    rule.groups.add(group)
    address = factories.NotificationAddressFactory(name="desk")
    address.seal("json://127.0.0.1/token-hush")
    address.save()
    told = factories.NotificationRuleFactory(name="all", quiet_from=time(22), quiet_until=time(6))
    told.addresses.add(address)
    told.labels.add(label)
    hook = factories.WebhookEndpointFactory(name="hook", events=["schedule.*"], is_limited=True)
    hook.seal("url", "https://hooks.example.org/hush")
    hook.seal("secret", "whsec_hush")
    hook.save()
    hook.groups.add(group)
    pools.ensure_defaults()
    Pool.objects.filter(name="process").update(capacity=7)
    return channel


@contextmanager
def rolled_back():
    """Let what is done inside have never been."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def apply(door, text, **more):
    shown = door.preview_configuration(text=text, **more)
    return door.apply_configuration(text=text, digest=shown.digest, **more)


def export(door) -> dict:
    return yaml.safe_load(door.export_configuration())


# ---------------------------------------------------------------------------------------------------------- there and back


def test_what_goes_out_changes_nothing_when_it_comes_in(door, scene):
    shown = door.preview_configuration(text=door.export_configuration())
    assert shown.changes == []
    assert shown.summary == "nothing is changed"
    before = Activity.objects.count()
    assert apply(door, door.export_configuration()).changes == []
    assert Activity.objects.count() == before, "nothing is said where nothing is done"


def test_prune_takes_nothing_away_that_the_file_names(door, scene):
    assert door.preview_configuration(text=door.export_configuration(), prune=True).changes == []


def test_it_makes_the_same_of_an_empty_installation(door, scene, offline, secrets_here):
    text = door.export_configuration()
    wipe()
    assert Channel.objects.count() == Source.objects.count() == 0
    apply(door, text)
    assert door.export_configuration() == text
    channel = Channel.objects.get()
    assert set(channel.filters["source_ids"]) == set(Source.objects.values_list("pk", flat=True))
    assert not hasattr(channel, "credential")


def wipe() -> None:
    for model in (
        *(
            StandingRule,
            NotificationRule,
            NotificationAddress,
            WebhookEndpoint,
            Channel,
            ChannelGroup,
            Source,
        ),
        *(Profile, Pool),
    ):
        model.objects.all().delete()


NAME = st.text(
    string.ascii_letters + string.digits + " :#'\"{}[]&*!|>%@`,-_?ÄöŁ中", min_size=1, max_size=20
).map(lambda text: f"n{' '.join(text.split())}")
WORDS = NAME.map(lambda text: "".join(each for each in text if each not in "{}<>"))
SLUG = st.text(string.ascii_lowercase + string.digits, min_size=1, max_size=6).map(lambda text: f"s{text}")
CLOCK = st.builds(lambda hour, minute: f"{hour:02}:{minute:02}", st.integers(0, 23), st.integers(0, 59))
SLOT = st.builds(
    lambda day, at, off: f"{day} {at}{off}",
    st.sampled_from(["mon", "tue", "wed", "thu", "fri", "sat", "sun"]),
    CLOCK,
    st.sampled_from(["", " off"]),
)


@st.composite
def documents(draw) -> dict:
    groups = draw(st.lists(SLUG, max_size=3, unique=True))
    labels = draw(st.lists(SLUG, max_size=2, unique=True))
    sources = [f"https://videos.example/{slug}.xml" for slug in draw(st.lists(SLUG, max_size=3, unique=True))]
    channels = draw(st.lists(SLUG, max_size=3, unique=True))
    addresses = draw(st.lists(NAME, max_size=2, unique=True))
    some = lambda rows: draw(st.lists(st.sampled_from(rows), unique=True)) if rows else []  # noqa: E731
    maybe = lambda **fields: {name: draw(value) for name, value in fields.items() if draw(st.booleans())}  # noqa: E731
    priority = st.integers(0, 10)
    return {
        "headend": 1,
        "profiles": {
            key: {"name": draw(NAME), **maybe(crf=st.integers(16, 24), loudness=st.sampled_from(["keep", "even"]))}
            for key in draw(st.lists(SLUG, max_size=2, unique=True))
        },
        "clock": maybe_clock(draw),
        "groups": {slug: {"name": f"{slug} {draw(NAME)}", **maybe(description=NAME)} for slug in groups},
        "sources": {
            key: {"url": key, "name": draw(NAME), "rights_basis": draw(st.sampled_from(["", "owned"])),
                  **maybe(priority=priority, item_limit=st.integers(1, 500), needs_approval=st.booleans(),
                          keep_originals=st.sampled_from(["", "forever", "7"]), rights_note=NAME)}
            for key in sources
        },
        "channels": {
            key: {
                "name": draw(NAME), "groups": some(groups), "labels": some(labels),
                "filters": {**maybe(min_width=st.integers(1, 4000), exclude_watermarked=st.booleans(),
                                    keywords_in=st.lists(NAME, max_size=2)), "sources": some(sources)},
                "slots": draw(st.lists(SLOT, max_size=3, unique_by=lambda slot: slot[:9])),
                "blackouts": [{"first_date": "2026-12-24", "last_date": "2026-12-26", **maybe(reason=NAME)}][
                    : draw(st.integers(0, 1))
                ],
                **maybe(priority=priority, daily_cap=st.integers(1, 50), tags=st.lists(WORDS, max_size=3),
                        description_template=WORDS,
                        timezone=st.sampled_from(["UTC", "Europe/Berlin"]), made_for_kids=st.booleans()),
            }
            for key in channels
        },
        "standing_rules": {
            key: {"channels": some(channels), "groups": some(groups), "labels": [],
                  **maybe(every_minutes=st.integers(5, 9000), daily_at=CLOCK, enabled=st.booleans())}
            for key in draw(st.lists(NAME, max_size=2, unique=True))
        },
        "notification_addresses": {
            key: {"url": {"secret": "HEADEND_SECRET_X"}, **maybe(enabled=st.booleans())} for key in addresses
        },
        "notification_rules": {
            key: {"addresses": addresses, "channels": some(channels), **maybe(digest_at=CLOCK, reminder_hours=priority)}
            for key in (draw(st.lists(NAME, max_size=2, unique=True)) if addresses else [])
        },
        "webhooks": {
            key: {"groups": some(groups), "url": {"secret": "HEADEND_SECRET_WEBHOOKS_X"}, **maybe(enabled=st.booleans())}
            for key in draw(st.lists(NAME, max_size=2, unique=True))
        },
    }  # fmt: skip


def maybe_clock(draw) -> dict:
    return {"standing rules": {"seconds": draw(st.integers(10, 300))}} if draw(st.booleans()) else {}


@pytest.mark.slow
@settings(
    max_examples=12,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    phases=[Phase.explicit, Phase.generate],  # to make one smaller takes minutes
)
@given(document=documents())
def test_whatever_is_configured_comes_back_the_same(door, offline, secrets_here, document):
    with rolled_back():
        apply(door, yaml_text.write(document))
        text = door.export_configuration()
        assert door.preview_configuration(text=text).changes == []
        assert door.preview_configuration(text=yaml_text.write(document)).changes == []
    with rolled_back():
        assert Channel.objects.count() == 0
        apply(door, text)
        assert door.export_configuration() == text


@given(st.recursive(
    st.none() | st.booleans() | st.integers(-(10**18), 10**18)
    | st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=30)
    | st.sampled_from(["18:00", "yes", "no", "null", "~", "1e3", "0x10", "010", "1_000", "2026-12-24", "<<", "=", ".inf"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abc:# 1", min_size=1), inner, max_size=4),
    max_leaves=15,
))  # fmt: skip
def test_what_is_written_is_read_the_same(value):
    assert yaml_text.read(yaml_text.write({"it": value}))[0] == {"it": value}


# --------------------------------------------------------------------------------------------------------------- applying


def test_a_file_that_says_little_changes_little(door, scene):
    text = "headend: 1\nchannels:\n  north:\n    daily_cap: 3\n    slots: [tue 9:30]\n"
    shown = door.preview_configuration(text=text)
    (change,) = shown.changes
    assert (change.section, change.key, change.what, change.line) == ("channels", "north", "changed", 3)
    assert {each.field: (each.before, each.after) for each in change.fields} == {
        "daily_cap": (6, 3),
        "slots": (["tue 18:00", "sun 07:05 off"], ["tue 09:30"]),
    }
    scene.refresh_from_db()
    assert (scene.daily_cap, scene.slots.count()) == (6, 2), "a preview writes nothing"
    before = export(door)
    door.apply_configuration(text=text, digest=shown.digest, reason="spring")
    after = export(door)
    before["channels"]["north"] |= {"daily_cap": 3, "slots": ["tue 09:30"]}
    assert after == before
    told = Activity.objects.get(verb="configuration_applied")
    assert (told.reason, told.after["changed"], told.after["things"]) == ("spring", 1, ["channels: north"])


ONE_OF_EACH = {
    "profiles": {"crf": 20},
    "pools": {"capacity": 9},
    "clock": {"seconds": 120},
    "groups": {"description": "all day"},
    "sources": {"priority": 9, "rights_note": "contract 7", "keep_originals": "7", "profile": "", "needs_approval": False},
    "channels": {
        "daily_cap": 2, "words": {}, "profile": "", "needs_approval": False, "slots": [], "blackouts": [], "groups": [],
        "labels": ["weekly"], "filters": {}, "title_template": "{title}!", "tags": [],
    },
    "standing_rules": {"times": "wed 09:00", "groups": []},
    "notification_addresses": {"enabled": False},
    "notification_rules": {"digest_at": "07:30", "labels": []},
    "webhooks": {"events": ["wave.*"]},
}  # fmt: skip


@pytest.mark.parametrize("section", ONE_OF_EACH)
def test_a_thing_of_every_kind_is_changed_as_the_file_has_it(door, scene, section):
    document = export(door)
    key = {"pools": "process", "clock": "standing rules"}.get(section) or next(
        key for key in document[section] if not key.startswith("headend:")
    )
    text = yaml_text.write({"headend": 1, section: {key: ONE_OF_EACH[section]}})
    (change,) = apply(door, text).changes
    assert {each.field for each in change.fields} == set(ONE_OF_EACH[section])
    document[section][key] |= ONE_OF_EACH[section]
    assert export(door) == document


def test_a_thing_of_every_kind_is_taken_away_where_the_file_has_it_not(door, scene, offline):
    StandingRule.objects.create(name="spare", next_run_at=datetime(2026, 1, 1, tzinfo=UTC))
    gone = (
        "standing_rules",
        "notification_rules",
        "notification_addresses",
        "webhooks",
        "channels",
        "groups",
        "sources",
    )
    text = yaml_text.write(
        {"headend": 1, "profiles": {}, "pools": {}, "clock": {}, **{name: {} for name in gone}}
    )
    apply(door, text, prune=True)
    left = export(door)
    assert all(left[name] == {} for name in (*gone, "profiles"))
    assert len(left["pools"]) > 3, "which pools there are is not for a file to say"
    assert len(left["clock"]) > 3


def test_only_the_difference_that_was_shown_is_applied(door, scene):
    text = "headend: 1\nchannels:\n  north:\n    daily_cap: 3\n"
    shown = door.preview_configuration(text=text)
    Channel.objects.update(daily_cap=9)
    with pytest.raises(PlanOutdated) as refused:
        door.apply_configuration(text=text, digest=shown.digest)
    assert Channel.objects.get().daily_cap == 9
    assert refused.value.details["digest"] == door.preview_configuration(text=text).digest
    with pytest.raises(PlanOutdated):
        door.apply_configuration(text=text, digest="")


def test_one_refused_thing_keeps_all_others_from_being_written(door, scene):
    text = (
        "headend: 1\n"
        "groups:\n  fresh: {name: Fresh}\n"
        "channels:\n"
        "  north:\n    daily_cap: 3\n"
        "  south:\n    name: South\n    timezone: Nowhere/Land\n"
        "  west:\n    name: West\n    groups: [absent]\n"
    )
    before = door.export_configuration()
    with pytest.raises(InvalidRequest) as refused:
        door.preview_configuration(text=text)
    said = refused.value.details["errors"]
    assert [each["field"] for each in said] == ["channels.south.timezone"]
    assert said[0]["message"].startswith("line 9: channels.south.timezone: ")
    assert "Nowhere/Land" in said[0]["message"]
    with pytest.raises(PlanOutdated):
        door.apply_configuration(text=text, digest="x")
    with pytest.raises(InvalidRequest, match="absent"):
        door.preview_configuration(text=text.replace("Nowhere/Land", "UTC"))
    assert door.export_configuration() == before


def test_a_break_in_the_middle_leaves_nothing(door, scene, monkeypatch):
    text = "headend: 1\ngroups:\n  fresh: {name: Fresh}\nchannels:\n  north: {daily_cap: 3, slots: []}\n"
    shown = door.preview_configuration(text=text)
    before = door.export_configuration()

    def breaks(*args, **kwargs):
        raise RuntimeError("the power went")

    monkeypatch.setattr("orchestration.register.calendars.set_slots", breaks)
    with pytest.raises(RuntimeError):
        door.apply_configuration(text=text, digest=shown.digest)
    assert door.export_configuration() == before
    assert not Activity.objects.filter(verb="configuration_applied").exists()


def test_what_a_file_does_not_name_stays_unless_it_is_pruned(door, scene):
    factories.ChannelGroupFactory(slug="old", name="Old")
    factories.ChannelFactory(slug="spare")
    text = yaml_text.write({**export(door), "groups": {"news": {}}, "channels": {"north": {}}})
    assert door.preview_configuration(text=text).changes == []
    shown = door.preview_configuration(text=text, prune=True)
    assert {(each.section, each.key, each.what) for each in shown.changes} == {
        ("groups", "old", "removed"),
        ("channels", "spare", "removed"),
    }
    door.apply_configuration(text=text, digest=shown.digest, prune=True)
    assert set(export(door)["groups"]) == {"news"}
    assert set(export(door)["channels"]) == {"north"}
    no_sections = door.preview_configuration(text="headend: 1\n", prune=True)
    assert no_sections.changes == [], "a section that is not there says nothing"


def test_what_has_a_history_is_not_pruned_and_nothing_else_is_done(door, scene):
    schedule = factories.ScheduleFactory()
    text = yaml_text.write({"headend": 1, "channels": {"north": {"daily_cap": 3}}})
    with pytest.raises(InvalidRequest, match=f"channels.{schedule.channel.slug}"):
        door.preview_configuration(text=text, prune=True)
    assert Channel.objects.get(slug="north").daily_cap == 6


def test_the_reason_of_a_blackout_alone_can_be_changed(door, scene):
    document = export(door)
    document["channels"]["north"]["blackouts"][0]["reason"] = "holidays"
    apply(door, yaml_text.write(document))
    assert Blackout.objects.get().reason == "holidays"


def test_a_value_that_would_be_kept_otherwise_is_refused_by_name(door, scene):
    with pytest.raises(InvalidRequest, match=r"groups\.news\.description: it is kept as"):
        door.preview_configuration(text="headend: 1\ngroups:\n  news: {description: a  b}\n")
    spaces = door.preview_configuration(text='headend: 1\ngroups:\n  news: {name: " News "}\n')
    assert spaces.changes == [], "what stands around a text says nothing"


def test_what_is_asked_of_the_database_grows_with_what_changes_and_not_with_its_square(door, db):
    def asked(many: int) -> int:
        text = yaml_text.write({"headend": 1, "channels": {f"c{n}": {"name": f"C {n}"} for n in range(many)}})
        with CaptureQueriesContext(connection) as seen:
            door.preview_configuration(text=text)
        return len(seen)

    few, more = asked(2), asked(6)
    assert asked(10) - more <= (more - few) * 1.2


# ---------------------------------------------------------------------------------------------------------------- secrets


def test_no_secret_goes_out(door, scene):
    factories.CredentialFactory(channel=scene)
    text = door.export_configuration()
    assert "hush" not in text
    document = yaml.safe_load(text)
    assert document["notification_addresses"]["desk"]["url"] == {
        "secret": "HEADEND_SECRET_NOTIFICATION_ADDRESSES_DESK"
    }
    assert "sealed" not in text


def test_a_secret_that_is_stored_is_kept_whatever_the_environment_says(door, scene, secrets_here):
    assert door.preview_configuration(text=door.export_configuration()).changes == []
    assert NotificationAddress.objects.get().url == "json://127.0.0.1/token-hush"


def test_what_lacks_its_secret_is_off_or_left_out_and_that_is_said(door, scene, offline):
    text = door.export_configuration()
    wipe()
    made = apply(door, text)
    address = NotificationAddress.objects.get()
    assert (address.enabled, address.url_sealed) == (False, "")
    assert not WebhookEndpoint.objects.exists()
    assert any("desk is switched off" in note for note in made.notes)
    assert any("hook is not made" in note for note in made.notes)


def test_a_secret_comes_later_from_the_environment(door, scene, offline, monkeypatch):
    text = door.export_configuration()
    wipe()
    apply(door, text)
    monkeypatch.setenv("HEADEND_SECRET_NOTIFICATION_ADDRESSES_DESK", "json://127.0.0.1/new")
    monkeypatch.setenv("HEADEND_SECRET_WEBHOOKS_HOOK", "https://93.184.216.34/in")
    made = apply(door, text)
    assert {(each.section, each.key) for each in made.changes} == {
        ("notification_addresses", "desk"),
        ("webhooks", "hook"),
    }
    assert NotificationAddress.objects.get().url == "json://127.0.0.1/new"
    assert NotificationAddress.objects.get().enabled
    assert WebhookEndpoint.objects.get().opened("url") == "https://93.184.216.34/in"
    assert door.export_configuration() == text
    assert "new" not in json.dumps([each.fields[0].after for each in made.changes])


def test_no_other_variable_of_the_environment_can_be_named(door, scene):
    text = "headend: 1\nnotification_addresses:\n  x:\n    url: {secret: SECRET_KEY}\n"
    with pytest.raises(InvalidRequest, match=r"line 4: notification_addresses\.x\.url\.secret"):
        door.preview_configuration(text=text)


def test_names_of_variables_are_told_apart():
    names = kinds.secret_names("webhooks", ["a b", "a-b", "c"])
    assert len(set(names.values())) == 3
    assert names["c"] == "HEADEND_SECRET_WEBHOOKS_C"


# ---------------------------------------------------------------------------------------------------------------- sources


def test_a_source_is_looked_at_before_anything_is_written(door, db):
    text = (
        "headend: 1\ngroups:\n  fresh: {name: Fresh}\n"
        "sources:\n  http://127.0.0.1/feed.xml:\n    url: http://127.0.0.1/feed.xml\n"
    )
    with pytest.raises(InvalidRequest, match=r"line 6: sources\.http://127\.0\.0\.1/feed\.xml\.url"):
        door.preview_configuration(text=text)
    assert not ChannelGroup.objects.exists()


def test_the_network_is_never_asked_in_a_transaction(
    door, db, monkeypatch, django_capture_on_commit_callbacks
):
    inside = []
    real = transaction.get_connection().savepoint_ids
    monkeypatch.setattr(
        "orchestration.register.sources.check_address",
        lambda url: inside.append(len(transaction.get_connection().savepoint_ids)),
    )
    depth = len(real)
    apply(
        door, "headend: 1\nsources:\n  https://videos.example/a.xml: {url: 'https://videos.example/a.xml'}\n"
    )
    assert inside == [depth, depth]


def test_where_a_source_lies_is_never_changed_by_a_file(door, scene):
    key = Source.objects.get(kind="address").canonical_url
    text = yaml_text.write({"headend": 1, "sources": {key: {"url": "https://videos.example/other.xml"}}})
    with pytest.raises(InvalidRequest, match="register another one"):
        door.preview_configuration(text=text)


def test_a_storage_without_its_keys_is_paused(door, db, monkeypatch):
    monkeypatch.setattr("orchestration.register.source_storages.usable_endpoint", lambda text: text)
    key = "headend:storage/https://s3.example/films/"
    text = yaml_text.write({"headend": 1, "sources": {key: {
        "kind": "storage", "name": "Films", "rights_basis": "owned",
        "place": {"endpoint": "https://s3.example", "bucket": "films", "region": "", "prefix": ""},
        "access": {"secret": "HEADEND_SECRET_SOURCES_FILMS"},
    }}})  # fmt: skip
    made = apply(door, text)
    assert Source.objects.get().state == "paused"
    assert any("Films is paused" in note for note in made.notes)
    assert door.preview_configuration(text=text).changes == []


OPENS = {
    "address": (
        "https://videos.example/private.xml",
        {"url": "https://videos.example/private.xml"},
        {"origin": "https://videos.example", "username": "olga", "password": "swordfish-7"},
    ),
    "storage": (
        "headend:storage/https://s3.example/films/",
        {"place": {"endpoint": "https://s3.example", "bucket": "films", "region": "", "prefix": ""}},
        {"endpoint": "https://s3.example", "access_key": "AKSWORDFISH", "secret_key": "swordfish-7"},
    ),
}


@pytest.mark.parametrize("kind", sorted(OPENS))
def test_what_opens_a_source_is_taken_from_the_environment_once(door, db, monkeypatch, kind):
    monkeypatch.setattr("orchestration.register.source_storages.usable_endpoint", lambda text: text)
    monkeypatch.setattr("orchestration.register.sources.check_address", lambda url: None)
    key, where, opens = OPENS[kind]
    values = {
        "kind": kind,
        "name": "Films",
        "rights_basis": "owned",
        "access": {"secret": "HEADEND_SECRET_X"},
    }
    text = yaml_text.write({"headend": 1, "sources": {key: values | where}})
    apply(door, text)
    assert (Source.objects.get().state, Source.objects.get().access_set_at) == ("paused", None)

    monkeypatch.setenv("HEADEND_SECRET_X", json.dumps(opens))
    shown = door.preview_configuration(text=text)
    assert [field.field for change in shown.changes for field in change.fields] == ["access"]
    apply(door, text)

    source = Source.objects.get()
    assert source.access_set_at and "swordfish" not in source.access_sealed
    assert door.preview_configuration(text=text).changes == []
    assert "swordfish" not in door.export_configuration()
    assert "swordfish" not in str(list(Activity.objects.values()))


HERE = '"origin": "https://videos.example"'


@pytest.mark.parametrize(
    "held",
    [
        "swordfish-7",
        '["swordfish-7"]',
        '{"token": "swordfish-7"}',
        f'{{{HERE}, "username": 7}}',
        "{}",
        f"{{{HERE}}}",
        f'{{{HERE}, "username": " ", "headers": []}}',
        '{"username": "olga", "password": "swordfish-7"}',
        '{"origin": "https://bank.example", "username": "olga", "password": "swordfish-7"}',
        '{"origin": "https://videos.example:8443", "username": "olga", "password": "swordfish-7"}',
    ],
)
def test_what_cannot_open_a_source_is_refused_by_the_name_of_its_variable(door, db, monkeypatch, held):
    monkeypatch.setattr("orchestration.register.sources.check_address", lambda url: None)
    monkeypatch.setenv("HEADEND_SECRET_X", held)
    key, where, _ = OPENS["address"]
    values = {"rights_basis": "owned", "access": {"secret": "HEADEND_SECRET_X"}}
    text = yaml_text.write({"headend": 1, "sources": {key: values | where}})

    with pytest.raises(InvalidRequest, match=r"HEADEND_SECRET_X has to (hold|name)") as refusal:
        apply(door, text)

    assert "swordfish" not in str(refusal.value) and not Source.objects.exists()


@pytest.mark.parametrize("secret_key", ["", " "])
def test_a_storage_is_given_both_its_keys_or_none(door, db, monkeypatch, secret_key):
    monkeypatch.setattr("orchestration.register.source_storages.usable_endpoint", lambda text: text)
    held = {"endpoint": "https://s3.example", "access_key": "AKSWORDFISH", "secret_key": secret_key}
    monkeypatch.setenv("HEADEND_SECRET_X", json.dumps(held))
    key, where, _ = OPENS["storage"]
    values = {"kind": "storage", "rights_basis": "owned", "access": {"secret": "HEADEND_SECRET_X"}}

    with pytest.raises(InvalidRequest, match="has to hold both"):
        apply(door, yaml_text.write({"headend": 1, "sources": {key: values | where}}))


# ------------------------------------------------------------------------------------------------------------ what is wrong

BOMB = "headend: 1\na: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "The file is empty"),
        ("- 1\n", "Line 1: the file has to be a mapping"),
        ("headend: 1\nchannels: [\n", "Line 3"),
        ("headend: 1\nchannels:\n\tnorth: {}\n", "Line 3"),
        (BOMB, "Line 2: anchors and aliases"),
        ("headend: !!python/object:os.system {}\n", "Line 1: the tag"),
        ("headend: !own 1\n", "Line 1: the tag"),
        ("headend: 1\nheadend: 1\n", "Line 2: headend stands twice"),
        ("headend: 1\nx: " + "[" * 50_000, "nest"),
        ("headend: 1\n? [a]\n: b\n", "a name has to be a word"),
        ('headend: 1\ngroups:\n  n: {name: "a\\0b"}\n', "Line 3: a text contains"),
        ('headend: 1\ngroups:\n  "n\\e[1m": {name: x}\n', "Line 3: a text contains"),
        ('headend: 1\ngroups:\n  n: {name: "\\ud800"}\n', "Line 3: "),
        ("headend: 1\nx: \x00\n", "it is no YAML"),
        ("headend: 2\n", "line 1: headend"),
        ("groups: {}\n", "headend: it is needed"),
        ("headend: 1\nchanels: {}\n", "line 2: chanels: there is no such field"),
        ("headend: 1\nchannels:\n  north:\n    daily_cup: 3\n", "line 4: channels.north.daily_cup: there is no such field"),
        ("headend: 1\nchannels:\n  north:\n    daily_cap: many\n",
         "line 4: channels.north.daily_cap: it should be a valid integer"),
        ("headend: 1\nchannels:\n  north:\n    slots: [noon]\n", "line 4: channels.north.slots: 'noon'"),
        ("headend: 1\nchannels:\n  north:\n    filters: {sources: [nowhere]}\n",
         "line 4: channels.north.filters: there is no source nowhere"),
        ("headend: 1\nchannels:\n  north:\n    filters: {source_ids: [1]}\n", "channels.north.filters.source_ids"),
        ("headend: 1\nchannels:\n  north:\n    blackouts: [{first_date: x, last_date: x}]\n", "'x' is no date"),
        ("headend: 1\nstanding_rules:\n  r:\n    daily_at: 25:00\n", "standing_rules.r.daily_at: '25:00' is no time"),
        ("headend: 1\nstanding_rules:\n  r:\n    since: soon\n", "standing_rules.r.since"),
        ("headend: 1\nnotification_rules:\n  r:\n    addresses: [nobody]\n", "line 4: notification_rules.r.addresses"),
        ("headend: 1\npools:\n  nothing: {capacity: 1}\n", "line 3: pools.nothing: there is no pool"),
        ("headend: 1\nclock:\n  nothing: {seconds: 60}\n", "line 3: clock.nothing: there is no entry"),
        ("headend: 1\nclock:\n  standing rules: {seconds: 1}\n", "clock.standing rules.seconds"),
        ("headend: 1\nprofiles:\n  p: {crf: 99}\n", "line 3: profiles.p"),
        ("headend: 1\nchannels:\n  north: {words: {title: x}}\n", "channels.north.words: title is a field"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_by_line_and_field(door, scene, text, said):
    before = door.export_configuration()
    with pytest.raises(InvalidRequest) as refused:
        door.preview_configuration(text=text)
    assert said in refused.value.message
    assert door.export_configuration() == before


def test_a_file_that_is_too_large_is_not_read(door, monkeypatch):
    monkeypatch.setattr(yaml_text, "MOST_CHARACTERS", 10)
    with pytest.raises(InvalidRequest, match="more than 10 characters"):
        door.preview_configuration(text="headend: 1\n# long\n")


def test_every_section_of_the_file_has_its_kind():
    sections = set(applying.ConfigurationFile.model_fields) - {"headend"}
    assert sections == set(applying.BY_SECTION)


# ---------------------------------------------------------------------------------------------------------------- the doors


def test_the_command_line_writes_shows_and_applies(scene, tmp_path, capsys):
    call_command("orchestration", "export", stdout=(out := io.StringIO()))
    document = yaml.safe_load(out.getvalue())
    document["channels"]["north"]["daily_cap"] = 2
    file = tmp_path / "headend.yaml"
    file.write_text(yaml_text.write(document))
    call_command("orchestration", "apply", str(file), "--dry-run", stdout=(out := io.StringIO()))
    assert "~ channels: north" in out.getvalue()
    assert "daily_cap: 6 → 2" in out.getvalue()
    assert "nothing is written" in out.getvalue()
    assert Channel.objects.get().daily_cap == 6
    with pytest.raises(SystemExit):
        call_command("orchestration", "apply", str(file))  # nobody can be asked
    assert Channel.objects.get().daily_cap == 6
    call_command("orchestration", "apply", str(file), "--yes", "--json", stdout=(out := io.StringIO()))
    assert json.loads(out.getvalue())["dry_run"] is False
    assert Channel.objects.get().daily_cap == 2
    with pytest.raises(SystemExit) as end:
        call_command("orchestration", "apply", str(tmp_path / "nothing.yaml"))
    assert end.value.code == 2


def test_whoever_applies_it_is_named_in_all_that_it_changes(scene):
    door = CentralOrchestrationService()
    with acting_as(Acting("test", None, "system")):
        apply(door, "headend: 1\nchannels:\n  north: {daily_cap: 2}\n")
    changed = Activity.objects.get(verb="channel_changed")
    assert changed.cid == Activity.objects.get(verb="configuration_applied").cid
