from datetime import UTC, datetime, timedelta

import pytest

from channels import quota
from channels.gateways.errors import (
    ClientRefused,
    CredentialMissing,
    CredentialRevoked,
    PermissionMissing,
    QuotaExhausted,
    RateLimited,
    RemoteRejected,
    RemoteUnavailable,
    WrongChannel,
)
from channels.gateways.youtube import YouTubeGateway
from channels.gateways.youtube_oauth import OAuthCredential
from channels.sandbox.faults import Match
from channels.sandbox.youtube_state import SECTION, UPLOAD, add_channel, configure, revoke, seed_demo
from tests.channels.youtube_helpers import gateway, metadata, stored_videos, upload, video_file

READ = Match(method="GET", path="/youtube/youtube/v3/")
TOKEN = Match(method="POST", path="^/oauth/token")


@pytest.fixture(autouse=True)
def seeded(sandbox):
    seed_demo(sandbox.store)


def test_the_channel_behind_a_credential_is_named_with_its_numbers(sandbox):
    with gateway(sandbox, "delta") as youtube:
        channel = youtube.my_channel()
    assert (channel.id, channel.title) == ("UCsandbox-delta", "Delta")
    assert channel.uploads_playlist_id == "UUsandbox-delta"
    assert channel.subscriber_count > 0 and channel.view_count > 0 and channel.video_count == 0


def test_a_hidden_subscriber_count_is_none_and_not_zero(sandbox):
    with sandbox.store.change(SECTION) as state:
        state["channels"]["UCsandbox-delta"]["hides_subscribers"] = True
    with gateway(sandbox, "delta") as youtube:
        assert youtube.my_channel().subscriber_count is None


def test_a_credential_for_another_channel_is_refused(sandbox):
    with gateway(sandbox, "delta") as youtube:
        assert youtube.require_channel("UCsandbox-delta").title == "Delta"
        with pytest.raises(WrongChannel, match=r"UCsandbox-delta.*not to UCsandbox-ember"):
            youtube.require_channel("UCsandbox-ember")


def test_an_incomplete_credential_says_what_is_missing():
    with pytest.raises(CredentialMissing, match="no client secret and no refresh token"):
        YouTubeGateway(OAuthCredential("client", "", ""))


def test_a_credential_shows_no_secret_when_printed():
    shown = repr(OAuthCredential("client", "the-secret", "the-token"))
    assert "the-secret" not in shown and "the-token" not in shown


def test_a_revoked_permission_is_named_and_the_token_is_not(sandbox):
    revoke(sandbox.store, "sandbox-refresh-aurora")
    with gateway(sandbox) as youtube, pytest.raises(CredentialRevoked, match="invalid_grant") as refused:
        youtube.my_channel()
    assert refused.value.again == "blocked"
    assert "sandbox-refresh" not in str(refused.value)


def test_a_permission_revoked_while_the_gateway_is_in_use_is_named(sandbox):
    with gateway(sandbox) as youtube:
        youtube.my_channel()
        revoke(sandbox.store, "sandbox-refresh-aurora")
        with pytest.raises(CredentialRevoked):
            youtube.my_channel()


def test_a_wrong_client_secret_is_named(sandbox):
    wrong = OAuthCredential("sandbox-client", "wrong", "sandbox-refresh-aurora")
    with (
        YouTubeGateway(wrong, sandbox.youtube_url, sandbox.token_url) as youtube,
        pytest.raises(ClientRefused, match="invalid_client") as refused,
    ):
        youtube.my_channel()
    assert refused.value.scope == "installation"  # it says nothing of the channel's consent


def test_an_access_token_that_is_refused_for_ever_counts_as_revoked(sandbox):
    sandbox.faults.add(READ, "status_before", status=401, times=None)
    with gateway(sandbox) as youtube, pytest.raises(CredentialRevoked):
        youtube.my_channel()


def test_a_missing_scope_is_a_missing_permission(sandbox, tmp_path):
    with sandbox.store.change(SECTION) as state:
        state["refresh_tokens"]["sandbox-refresh-aurora"]["scopes"] = [UPLOAD]
    with gateway(sandbox) as youtube:
        receipt = upload(youtube, tmp_path)
        with pytest.raises(PermissionMissing, match="insufficientPermissions"):
            youtube.delete(receipt.youtube_video_id)


def test_another_channels_public_video_cannot_be_changed(sandbox, tmp_path):
    with gateway(sandbox, "delta") as theirs:
        video_id = upload(theirs, tmp_path).youtube_video_id
        theirs.publish_now(video_id)
    with gateway(sandbox, "ember") as ours, pytest.raises(PermissionMissing, match="forbidden"):
        ours.make_private(video_id)


def test_another_channels_private_video_is_as_good_as_not_there(sandbox, tmp_path):
    with gateway(sandbox, "delta") as theirs:
        video_id = upload(theirs, tmp_path).youtube_video_id
    with gateway(sandbox, "ember") as ours:
        assert ours.videos([video_id]) == {}


def test_the_projects_used_up_uploads_wait_for_midnight_in_california(sandbox, tmp_path):
    configure(sandbox.store, uploads_per_day=1)
    with gateway(sandbox) as youtube:
        upload(youtube, tmp_path)
    with gateway(sandbox, "delta") as other, pytest.raises(QuotaExhausted) as used_up:
        upload(other, tmp_path)
    assert (used_up.value.bucket, used_up.value.status) == (quota.UPLOADS, 429)
    assert used_up.value.resets_at == quota.next_reset(datetime.now(UTC))
    assert used_up.value.again == "again"
    sandbox.store.advance(25 * 3600 + 1)  # a quota day can have 25 hours
    with gateway(sandbox) as youtube:
        upload(youtube, tmp_path)
    assert len(stored_videos(sandbox)) == 2


def test_the_projects_used_up_units_wait_for_midnight_in_california(sandbox):
    configure(sandbox.store, units_per_day=3)
    with gateway(sandbox) as youtube:
        for _ in range(3):
            youtube.my_channel()
        with pytest.raises(QuotaExhausted) as used_up:
            youtube.my_channel()
    assert (used_up.value.bucket, used_up.value.status) == (quota.UNITS, 403)
    assert used_up.value.resets_at == quota.next_reset(datetime.now(UTC))


def test_the_channels_own_cap_waits_for_a_day(sandbox, tmp_path):
    configure(sandbox.store, channel_uploads_per_day=1)
    with gateway(sandbox) as youtube:
        upload(youtube, tmp_path)
        with pytest.raises(QuotaExhausted) as used_up:
            upload(youtube, tmp_path)
    assert (used_up.value.bucket, used_up.value.status) == (quota.CHANNEL_UPLOADS, 400)
    assert used_up.value.resets_at - datetime.now(UTC) > timedelta(hours=23)
    with gateway(sandbox, "delta") as other:
        upload(other, tmp_path)


def test_too_many_calls_say_how_long_to_wait(sandbox):
    sandbox.faults.add(READ, "rate_limit", retry_after_seconds=17)
    with gateway(sandbox) as youtube, pytest.raises(RateLimited) as slower:
        youtube.my_channel()
    assert (slower.value.retry_after_seconds, slower.value.again) == (17.0, "again")


@pytest.mark.parametrize("status", [500, 502, 503])
def test_a_failing_read_had_no_effect_and_may_be_repeated(sandbox, status):
    sandbox.faults.add(READ, "status_before", status=status)
    with gateway(sandbox) as youtube:
        with pytest.raises(RemoteUnavailable) as failed:
            youtube.my_channel()
        assert (failed.value.status, failed.value.again) == (status, "again")
        youtube.my_channel()


def test_a_read_without_an_answer_in_time_is_unavailable(sandbox):
    sandbox.faults.add(READ, "timeout_before", hold_seconds=60, times=None)
    with (
        gateway(sandbox, timeout_seconds=2) as youtube,
        pytest.raises(RemoteUnavailable, match="timed out"),
    ):
        youtube.my_channel()


def test_an_answer_that_is_not_json_is_unavailable(sandbox):
    sandbox.faults.add(READ, "status_before", status=200, body="<html>a login page</html>")
    with gateway(sandbox) as youtube, pytest.raises(RemoteUnavailable, match="could not be read"):
        youtube.my_channel()


def test_nobody_at_the_address_is_unavailable_for_a_write_too_as_nothing_was_sent(sandbox, tmp_path):
    with gateway(sandbox) as youtube:
        video_id = upload(youtube, tmp_path).youtube_video_id
        item = youtube._item(video_id)
        sandbox.stop()
        with pytest.raises(RemoteUnavailable):
            youtube._update_status(item, {"privacyStatus": "public"})
        with pytest.raises(RemoteUnavailable):
            youtube.my_channel()


def test_a_token_endpoint_that_hangs_up_is_unavailable_even_before_a_write(sandbox, tmp_path):
    sandbox.faults.add(TOKEN, "timeout_before", hold_seconds=0)
    with gateway(sandbox) as youtube, pytest.raises(RemoteUnavailable, match="token endpoint"):
        youtube.upload(video_file(tmp_path, 10), metadata(), on_session=lambda uri: None)


def test_a_token_endpoint_that_answers_nonsense_revokes_nothing(sandbox):
    sandbox.faults.add(TOKEN, "status_before", status=404, body="<html>a captive portal</html>")
    with gateway(sandbox) as youtube, pytest.raises(RemoteUnavailable, match="token endpoint"):
        youtube.my_channel()


def test_a_call_with_wrong_values_is_refused_by_name(sandbox):
    with gateway(sandbox) as youtube, pytest.raises(RemoteRejected, match="invalidFilters"):
        youtube._items([f"id-{number}" for number in range(51)])


def test_a_google_account_without_a_channel_is_named(sandbox):
    add_channel(sandbox.store, "closed")
    with sandbox.store.change(SECTION) as state:
        del state["channels"]["UCsandbox-closed"]
    with gateway(sandbox, "closed") as youtube, pytest.raises(PermissionMissing, match="no YouTube channel"):
        youtube.my_channel()
