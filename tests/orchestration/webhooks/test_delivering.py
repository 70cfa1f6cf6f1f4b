"""What happens reaches each endpoint that wants it, signed, at least once, and nothing else does."""

import json

import pytest
from standardwebhooks.webhooks import WebhookVerificationError

from channels.models import Channel
from orchestration.errors import IllegalTransition, InvalidRequest, NotFound
from orchestration.models import Activity, WebhookDelivery, WebhookEndpoint
from orchestration.models.webhooks import DeliveryOutcome
from orchestration.monitoring.problems import problems
from orchestration.webhooks import calls, deliveries
from tests import factories
from tests.orchestration.notify_room import door
from tests.orchestration.webhooks.conftest import Hooks, happens

pytestmark = pytest.mark.django_db
OUTCOME = DeliveryOutcome


def last() -> WebhookDelivery:
    return WebhookDelivery.objects.latest("id")


def test_a_consumer_verifies_what_came_with_the_library_of_the_standard(hooks: Hooks):
    _, secret = hooks.add()
    channel = factories.ChannelFactory()
    happens("channel_paused", channel, reason="the owner is away")
    hooks.look()
    told = hooks.verified(-1, secret)
    assert told["type"] == "channel.paused"
    assert told["data"]["channel_id"] == channel.pk
    assert told["data"]["actor"] == {"name": "anna", "trigger": "system"}
    assert told["data"]["reason"] == "the owner is away"
    assert told["data"]["id"] == hooks.receiver.raw[-1][0]["webhook-id"]
    assert last().outcome == OUTCOME.DELIVERED
    with pytest.raises(WebhookVerificationError):
        headers, body = hooks.receiver.raw[-1]
        hooks.receiver.raw[-1] = headers, body + b" "
        hooks.verified(-1, secret)


def test_a_publication_s_event_names_publication_and_channel(hooks: Hooks):
    _, secret = hooks.add(events=["schedule.*"])
    schedule = factories.ScheduleFactory()
    happens("schedule_published", schedule)
    hooks.look()
    data = hooks.verified(-1, secret)["data"]
    assert (data["publication_id"], data["channel_id"]) == (schedule.pk, schedule.channel_id)


def test_only_what_is_wanted_is_sent_and_nothing_twice(hooks: Hooks):
    hooks.add(events=["schedule.published", "wave.*"])
    happens("schedule_published")
    happens("schedule_moved")
    happens("wave_paused")
    hooks.look()
    hooks.look()
    assert [each["type"] for each in hooks.receiver.taken] == ["schedule.published", "wave.paused"]


def test_events_come_in_the_order_of_the_record(hooks: Hooks):
    hooks.add(events=["channel.*"])
    for number in range(120):
        happens(reason=str(number))
    hooks.look()
    assert [each["data"]["reason"] for each in hooks.receiver.taken] == [str(n) for n in range(120)]


def test_an_endpoint_of_a_group_hears_of_its_channels_only(hooks: Hooks):
    inside, outside = factories.ChannelFactory(), factories.ChannelFactory()
    group = factories.ChannelGroupFactory()
    inside.groups.add(group)
    hooks.add(groups=[group.slug])
    happens(subject=inside)
    happens(subject=outside)
    hooks.look()
    assert [each["data"]["channel_id"] for each in hooks.receiver.taken] == [inside.pk]
    group.delete()
    happens(subject=Channel.objects.get(pk=inside.pk))
    hooks.look()
    assert len(hooks.receiver.taken) == 1


def test_what_fails_is_tried_again_with_growing_pauses_for_a_day_then_given_up(hooks: Hooks):
    hooks.add(events=["channel.*"])
    hooks.receiver.status = 503
    happens()
    hooks.look()
    assert (last().outcome, last().status, last().attempts) == (OUTCOME.RETRYING, 503, 1)
    for _ in range(28 * 12):  # a day, and the longest pause
        hooks.pass_(minutes=5)
        if last().outcome == OUTCOME.GIVEN_UP:
            break
    assert last().outcome == OUTCOME.GIVEN_UP
    assert 10 <= last().attempts <= 40
    assert len(last().tries) <= deliveries.MOST_TRIES_KEPT


def test_it_arrives_once_the_endpoint_takes_it_again(hooks: Hooks):
    row, _ = hooks.add(events=["channel.*"])
    hooks.receiver.status = 500
    for number in range(5):
        happens(reason=str(number))
    hooks.look()
    hooks.receiver.status = 200
    for _ in range(40):
        hooks.pass_(minutes=5)
    assert {each["data"]["reason"] for each in hooks.receiver.taken} == set("01234")
    row.refresh_from_db()
    assert (row.failures, row.failing_since, row.paused_until, row.last_error) == (0, None, None, "")


def test_retry_after_is_honoured(hooks: Hooks):
    hooks.add(events=["channel.*"])
    hooks.receiver.status, hooks.receiver.says = 429, {"Retry-After": "7200"}
    happens()
    hooks.look()
    hooks.pass_(minutes=119)
    assert last().attempts == 1
    hooks.pass_(minutes=2)
    assert last().attempts == 2


def test_an_endpoint_that_is_gone_is_switched_off(hooks: Hooks):
    row, _ = hooks.add(events=["channel.*"])
    hooks.receiver.status = 410
    happens()
    happens()
    hooks.look()
    row.refresh_from_db()
    assert not row.enabled and row.disabled_at
    assert set(WebhookDelivery.objects.values_list("outcome", flat=True)) == {OUTCOME.GIVEN_UP}
    assert hooks.receiver.refused == 1
    assert Activity.objects.filter(verb="webhook_endpoint_disabled", object_id=row.pk).exists()
    assert "webhook_disabled" in {each["code"] for each in problems()}


def test_an_endpoint_that_fails_for_days_is_switched_off_and_hears_of_the_present_when_switched_on(
    hooks: Hooks,
):
    row, _ = hooks.add(events=["channel.*"])
    hooks.receiver.status = 500
    for _ in range(40):
        happens()
        hooks.pass_(hours=2.5)
    row.refresh_from_db()
    assert not row.enabled
    hooks.receiver.status = 200
    door().change_webhook_endpoint(endpoint_id=row.pk, enabled=True)
    happens(reason="now")
    hooks.look()
    assert [each["data"]["reason"] for each in hooks.receiver.taken] == ["now"]
    assert "webhook_disabled" not in {each["code"] for each in problems()}


def test_a_redirect_is_not_followed(hooks: Hooks):
    hooks.add(events=["channel.*"])
    hooks.receiver.status = 302
    happens()
    hooks.look()
    assert last().error == "It answered 302."
    assert len(hooks.receiver.raw) == 1


def test_nothing_of_the_address_and_the_secret_is_kept_of_an_answer(hooks: Hooks):
    row, secret = hooks.add(url=f"http://127.0.0.1:{hooks.receiver.port}/in/t0ken-9f2b?key=s3same-77")
    hooks.receiver.status = 400
    hooks.receiver.body = f"no /in/t0ken-9f2b?key=s3same-77 with {secret} here".encode()
    happens()
    hooks.look()
    kept = json.dumps(list(WebhookDelivery.objects.values("answer", "error", "tries")), default=str)
    kept += json.dumps(list(WebhookEndpoint.objects.values()), default=str)
    kept += json.dumps(list(Activity.objects.values("before", "after", "changes", "reason")), default=str)
    for each in ("t0ken-9f2b", "s3same-77", secret, secret.removeprefix("whsec_")):
        assert each not in kept
    assert "no" in last().answer
    assert row.pk


def test_a_test_is_sent_at_once_and_says_what_became_of_it(hooks: Hooks):
    row, secret = hooks.add()
    made = door().test_webhook_endpoint(endpoint_id=row.pk)
    assert made.outcome == OUTCOME.DELIVERED
    assert hooks.verified(-1, secret)["type"] == "webhook.test"
    hooks.receiver.status = 500
    made = door().test_webhook_endpoint(endpoint_id=row.pk)
    assert (made.outcome, made.error) == (OUTCOME.GIVEN_UP, "It answered 500.")
    row.refresh_from_db()
    assert row.enabled and row.failures == 0


def test_one_event_is_sent_again_as_it_was(hooks: Hooks):
    hooks.add(events=["channel.paused"])
    happens()
    hooks.look()
    door().resend_webhook_delivery(delivery_id=last().pk)
    hooks.look()
    first, second = hooks.receiver.raw
    assert first[1] == second[1]
    assert first[0]["webhook-id"] == second[0]["webhook-id"]
    assert last().attempts == 2


def test_everything_since_an_instant_is_sent_again(hooks: Hooks):
    hooks.add(events=["channel.paused"])
    happens(reason="before")
    hooks.look()
    hooks.clock.shift(60)
    since = hooks.clock_now()
    happens(reason="after")
    happens("channel_resumed", reason="unwanted")
    hooks.look()
    row = WebhookEndpoint.objects.get()
    door().resend_webhook_events(endpoint_id=row.pk, since=since)
    hooks.look()
    assert [each["data"]["reason"] for each in hooks.receiver.taken] == ["before", "after", "after"]


def test_two_secrets_sign_while_one_is_replaced_then_one(hooks: Hooks):
    row, old = hooks.add(events=["channel.*"])
    _, new = door().rotate_webhook_secret(endpoint_id=row.pk, overlap_hours=2)
    happens()
    hooks.look()
    assert hooks.verified(-1, old) == hooks.verified(-1, new)
    hooks.clock.shift(2 * 3600 + 1)
    happens()
    hooks.look()
    assert hooks.verified(-1, new)
    with pytest.raises(WebhookVerificationError):
        hooks.verified(-1, old)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.org/x",
        "https://user:secret@example.org/",
        "no address",
        "http://169.254.169.254/latest",
        "https://",
        "https://example.org/" + "x" * 2000,
    ],
)
def test_addresses_that_can_be_none_are_refused_by_field(hooks: Hooks, url):
    with pytest.raises(InvalidRequest) as refused:
        door().add_webhook_endpoint(name="x", url=url)
    assert refused.value.field == "url"
    assert not WebhookEndpoint.objects.exists()


@pytest.mark.parametrize(
    "url", ["https://127.0.0.1/x", "https://10.0.0.8/x", "https://[::1]/x", "https://localhost/"]
)
def test_an_address_of_the_own_network_is_refused_unless_it_is_allowed(db, settings, url):
    settings.HEADEND_WEBHOOK_PRIVATE_HOSTS = False
    with pytest.raises(InvalidRequest) as refused:
        door().add_webhook_endpoint(name="x", url=url)
    assert refused.value.field == "url"


def test_where_it_leads_is_looked_at_again_as_the_connection_is_made(hooks: Hooks, settings):
    hooks.add()
    settings.HEADEND_WEBHOOK_PRIVATE_HOSTS = False
    happens()
    hooks.look()
    assert hooks.receiver.raw == []
    assert "not a public address" in last().error


def test_what_is_asked_wrongly_is_refused_by_field(hooks: Hooks):
    row, _ = hooks.add()
    for call, field in (
        (lambda: door().add_webhook_endpoint(name="", url="https://example.org/"), "name"),
        (lambda: door().add_webhook_endpoint(name=row.name, url="https://example.org/"), "name"),
        (
            lambda: door().change_webhook_endpoint(endpoint_id=row.pk, events=["schedule published!"]),
            "events",
        ),
        (lambda: door().rotate_webhook_secret(endpoint_id=row.pk, overlap_hours=10_000), "overlap_hours"),
    ):
        with pytest.raises(InvalidRequest) as refused:
            call()
        assert refused.value.field == field
    with pytest.raises(NotFound) as missing:
        door().add_webhook_endpoint(name="y", url="https://example.org/", groups=["none-such"])
    assert missing.value.field == "groups"
    door().change_webhook_endpoint(endpoint_id=row.pk, enabled=False)
    happens()
    with pytest.raises(IllegalTransition):
        door().resend_webhook_events(endpoint_id=row.pk, since=hooks.clock_now())


def test_nothing_waits_for_an_endpoint_that_is_switched_off_or_removed(hooks: Hooks):
    row, _ = hooks.add(events=["channel.*"])
    hooks.receiver.status = 500
    happens()
    hooks.look()
    door().change_webhook_endpoint(endpoint_id=row.pk, enabled=False)
    assert last().outcome == OUTCOME.GIVEN_UP
    door().remove_webhook_endpoint(endpoint_id=row.pk)
    assert not WebhookDelivery.objects.exists()


def test_old_deliveries_are_pruned_and_open_ones_are_not(hooks: Hooks):
    hooks.add(events=["channel.*"])
    happens()
    hooks.look()
    waits = WebhookDelivery.objects.create(
        endpoint=WebhookEndpoint.objects.get(), event_id="x", type="x", give_up_at=hooks.clock_now()
    )
    hooks.clock.shift(31 * 86_400)
    deliveries.prune()
    assert list(WebhookDelivery.objects.all()) == [waits]


def test_an_instant_in_retry_after_is_read(hooks: Hooks):
    assert calls._wait("Wed, 25 Nov 2026 13:00:00 GMT") == pytest.approx(3600, abs=5)
    assert calls._wait("120") == 120
    assert calls._wait("soon") is None


def test_an_instant_in_retry_after_that_no_calendar_has_is_none():
    assert calls._wait(f"Wed, 25 Nov {'9' * 30} 13:00:00 GMT") is None
