"""API and command line lead to the same methods; what is wrong is said by its field, and nothing is stored."""

import json
from io import StringIO

import pytest
from django.core.management import call_command
from django.utils import timezone

from orchestration.models import Activity, NotificationAddress, NotificationRule, Silence
from orchestration.notify import addresses
from orchestration.states import Trigger
from tests import factories
from tests.orchestration.api_client import ApiClient
from tests.orchestration.notify_room import Room, door
from tests.receiver import SECRET

pytestmark = pytest.mark.django_db


@pytest.fixture
def api() -> ApiClient:
    from orchestration.register import tokens

    return ApiClient(tokens.issue("admin", "admin")[1], raise_errors=True)


def cli(*words: object) -> tuple[int, str, str]:
    out, err, code = StringIO(), StringIO(), 0
    try:
        call_command("orchestration", *map(str, words), stdout=out, stderr=err)
    except SystemExit as end:
        code = int(end.code or 0)
    return code, out.getvalue(), err.getvalue()


BAD = [
    ("slak://a/b", "Apprise does not know the scheme 'slak://'"),
    ("no address at all", "has the form scheme://"),
    ("slack://", "has the form scheme://"),
    ("slack://short", "something is missing or wrong after it"),
    ("syslog://local", "on the machine of Headend only"),
    ("dbus://", "has the form scheme://"),
    ("gnome://x", "on the machine of Headend only"),
    ("windows://x", "on the machine of Headend only"),
    ("macosx://x", "on the machine of Headend only"),
    ("fcm://project/key/?keyfile=/etc/passwd", "parameter keyfile"),
    ("mailto://a:b@example.org?pgpkey=/etc/passwd", "parameter pgpkey"),
    ("tgram://123456789:abcdefg_hijklmnop/1?template=/etc/passwd", "parameter template"),
    ("json://h/?attach=file:///etc/passwd", "parameter attach"),
    ("https://example.org/page", "something is missing or wrong after it"),
    ("json://" + "a" * 2000, "longer than 2000"),
]


@pytest.mark.parametrize(("url", "fact"), BAD, ids=lambda value: value[:20])
def test_a_bad_address_is_refused_by_its_field_and_nothing_is_stored(api, url, fact):
    answer = api.post("notifications/addresses", {"name": "ops", "url": url})
    assert answer.status_code == 422, answer.content
    assert answer.json()["field"] == "url"
    if len(url) <= 2000:  # what is longer is refused by the schema, in its words
        assert fact in answer.json()["detail"]
        code, _, err = cli("notification-address-add", "ops", url)
        assert (code, fact in err, err.startswith("url: ")) == (2, True, True)
    assert not NotificationAddress.objects.exists()


def test_an_address_is_sealed_and_never_shown_again(api, room: Room):
    made = api.post("notifications/addresses", {"name": "ops", "url": room.receiver.url})
    assert made.status_code == 201
    row = NotificationAddress.objects.get()
    assert (row.kind, row.shown) == ("json", "json://127…")
    assert row.url == room.receiver.url
    changed = api.post(f"notifications/addresses/{row.pk}/change", {"name": "night"})
    everything = (
        made.content.decode()
        + changed.content.decode()
        + api.get("notifications/addresses").content.decode()
        + json.dumps(cli("notifications"))
        + json.dumps(list(Activity.objects.values("changes", "before", "after", "object_repr")), default=str)
    )
    assert SECRET not in everything + row.url_sealed
    row.refresh_from_db()
    assert (row.name, row.url) == ("night", room.receiver.url)


def test_a_native_address_of_a_service_is_taken_as_what_it_is(api):
    answer = api.post(
        "notifications/addresses",
        {
            "name": "team",
            "url": "https://discord.com/api/webhooks/123456789012345678/abcdefghijklmnop_qrstuvwx",
        },
    )
    assert answer.status_code == 201, answer.content
    assert answer.json()["kind"] == "discord"
    assert "abcdefghij" not in answer.content.decode()


def test_a_test_really_sends_and_says_what_became_of_it(api, room: Room):
    row = room.address()
    answer = api.post(f"notifications/addresses/{row.pk}/test")
    assert answer.json()["outcome"] == "sent"
    room.receiver.status = 404
    answer = api.post(f"notifications/addresses/{row.pk}/test", Idempotency_Key="once-and-only-once")
    assert (answer.json()["outcome"], "404" in answer.json()["error"]) == ("given_up", True)
    room.receiver.status = 200
    code, out, _ = cli("notification-test", row.pk)
    assert (code, out.startswith("The test went to ops")) == (0, True)
    assert len(room.receiver.taken) == 2
    assert "ops" in cli("notification-log", "--outcome", "given_up")[1]


RULE = {"name": "night", "min_severity": "error"}


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"zone": "Europe/Nowhere"}, "zone"),
        ({"quiet_from": "22:00"}, "quiet_until"),
        ({"quiet_from": "22:00", "quiet_until": "22:00"}, "quiet_until"),
        ({"min_severity": "dreadful"}, "min_severity"),
        ({"kinds": ["no such thing!"]}, "kinds"),
        ({"reminder_hours": 10_000}, "reminder_hours"),
        ({"address_ids": [999]}, "address_ids"),
        ({"address_ids": []}, "address_ids"),
        ({"channel_ids": [999]}, "channel_ids"),
        ({"digest_at": "25:00"}, "digest_at"),
        ({"name": " "}, "name"),
    ],
)
def test_a_bad_rule_is_refused_by_its_field(api, more, field):
    address = factories.NotificationAddressFactory()
    answer = api.post("notifications/rules", {"address_ids": [address.pk], **RULE, **more})
    assert answer.status_code in {404, 422}, answer.content
    assert answer.json()["field"] == field
    assert not NotificationRule.objects.exists()


def test_a_rule_is_entered_changed_and_removed_with_an_entry_each(api):
    address, channel = factories.NotificationAddressFactory(), factories.ChannelFactory()
    body = {**RULE, "address_ids": [address.pk], "channel_ids": [channel.pk], "digest_at": "08:00"}
    made = api.post("notifications/rules", body).json()
    assert (made["address_ids"], made["channel_ids"], made["digest_at"]) == (
        [address.pk],
        [channel.pk],
        "08:00:00",
    )
    changed = api.post(
        f"notifications/rules/{made['id']}/change", {**body, "channel_ids": [], "enabled": False}
    )
    assert (changed.json()["channel_ids"], changed.json()["enabled"]) == ([], False)
    assert api.delete(f"notifications/rules/{made['id']}").status_code == 204
    verbs = Activity.objects.filter(trigger=Trigger.API).order_by("id").values_list("verb", flat=True)
    assert [verb for verb in verbs if "rule" in verb] == [
        "notification_rule_added",
        "notification_rule_changed",
        "notification_rule_removed",
    ]
    assert cli("notification-rule-add", "again", "--address", address.pk, "--quiet", "22:00", "07:00")[0] == 0


def test_a_silence_has_an_end_and_says_who_and_why(api):
    channel = factories.ChannelFactory()
    assert api.post("notifications/silences", {"kind": "channel"}).json()["field"] == "until"
    past = {"until": "2020-01-01T00:00:00Z", "kind": "channel"}
    assert api.post("notifications/silences", past).json()["field"] == "until"
    assert api.post("notifications/silences", {"until": "2090-01-01T00:00:00Z"}).json()["field"] == "kind"
    made = cli("silence-add", "2090-01-01T00:00:00Z", "--channel", channel.slug, "--reason", "moving house")
    assert made[0] == 0
    row = Silence.objects.get()
    assert (row.channel, row.reason, row.who[:4]) == (channel, "moving house", "cli:")
    assert api.post(f"notifications/silences/{row.pk}/end").status_code == 200
    row.refresh_from_db()
    assert row.until <= timezone.now()
    assert api.post(f"notifications/silences/{row.pk}/end").json()["field"] == "silence_id"


@pytest.mark.parametrize(
    ("scope", "may"),
    [("read", set()), ("operate", {"silence", "test"}), ("admin", {"silence", "test", "address"})],
)
def test_who_may_do_what(room: Room, scope, may):
    from orchestration.errors import NotPermitted

    row = room.address()
    service = door(scope)
    ways = {
        "silence": lambda: service.add_silence(until=timezone.now().replace(year=2090), kind="channel"),
        "test": lambda: service.test_notification_address(address_id=row.pk),
        "address": lambda: service.add_notification_address(name="new", url=room.receiver.url),
    }
    service.get_notification_board()
    for name, way in ways.items():
        if name in may:
            way()
        else:
            with pytest.raises(NotPermitted):
                way()


def test_a_heartbeat_takes_no_message(api, room: Room):
    row = addresses.add_address(name="watchdog", url=room.receiver.ping(), heartbeat=True)
    assert api.post(f"notifications/addresses/{row.pk}/test").json()["field"] == "address_id"
    assert api.post("notifications/rules", {**RULE, "address_ids": [row.pk]}).json()["field"] == "address_ids"
    bad = {"name": "other", "url": "ntfy://host/topic", "heartbeat": True}
    assert "http or https" in api.post("notifications/addresses", bad).json()["detail"]
