import json
import re
from html import unescape
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from googleapiclient.discovery_cache import get_static_doc

from channels.gateways.errors import (
    PermissionMissing,
    RateLimited,
    RemoteRejected,
    RemoteUnavailable,
    RemoteUncertain,
)
from channels.gateways.youtube import YouTubeGateway
from channels.gateways.youtube_oauth import (
    SCOPES,
    OAuthCredential,
    authorization_url,
    challenge_of,
    exchange_code,
)
from channels.sandbox.faults import Match
from channels.sandbox.youtube_state import seed_demo

CALLBACK = "http://127.0.0.1:8000/channels/connect/callback/"
CLIENT = {"client_id": "sandbox-client", "client_secret": "sandbox-client-secret"}
VERIFIER = "a-verifier-of-43-letters-at-least-by-rfc-7636"


def consent(sandbox, choice="Borealis", **changes):
    """Open the consent page, click on a channel, and return the parameters that come back."""
    where = authorization_url(
        client_id="sandbox-client",
        redirect_uri=CALLBACK,
        state="unguessable",
        verifier=VERIFIER,
        auth_url=f"{sandbox.url}/oauth/authorize",
    )
    for old, new in changes.items():
        where = where.replace(old, new)
    page = requests.get(where, timeout=30).text
    link = unescape(re.search(rf'href="([^"]+)">{choice}</a>', page).group(1))
    answer = requests.get(sandbox.url + link, timeout=30, allow_redirects=False)
    assert answer.status_code == 302
    back = urlsplit(answer.headers["Location"])
    assert f"{back.scheme}://{back.netloc}{back.path}" == CALLBACK
    return {name: values[0] for name, values in parse_qs(back.query).items()}


@pytest.fixture(autouse=True)
def seeded(sandbox):
    seed_demo(sandbox.store)


def test_a_channel_is_connected_by_consent_and_the_credential_works(sandbox):
    back = consent(sandbox)
    assert back["state"] == "unguessable"
    granted = exchange_code(
        back["code"], **CLIENT, verifier=VERIFIER, redirect_uri=CALLBACK, token_url=sandbox.token_url
    )
    assert granted.scopes == SCOPES
    credential = OAuthCredential(**CLIENT, refresh_token=granted.refresh_token)
    with YouTubeGateway(credential, sandbox.youtube_url, sandbox.token_url) as youtube:
        assert youtube.my_channel().id == "UCsandbox-borealis"
    assert granted.refresh_token not in repr(granted)


def test_the_consent_page_asks_for_offline_access_and_consent_each_time():
    asked = parse_qs(
        urlsplit(authorization_url(client_id="c", redirect_uri=CALLBACK, state="s", verifier=VERIFIER)).query
    )
    assert asked["access_type"] == ["offline"]
    assert "consent" in asked["prompt"][0]
    assert asked["scope"] == [" ".join(SCOPES)]


def test_the_asked_scope_serves_every_call_that_the_gateway_makes():
    methods = json.loads(get_static_doc("youtube", "v3"))["resources"]
    for resource, method in (
        ("videos", "insert"),
        ("videos", "list"),
        ("videos", "update"),
        ("videos", "delete"),
        ("channels", "list"),
        ("playlistItems", "list"),
        ("thumbnails", "set"),
    ):
        assert set(SCOPES) & set(methods[resource]["methods"][method]["scopes"]), (resource, method)


def test_an_owner_who_refuses_is_sent_back_with_that(sandbox):
    back = consent(sandbox, "Refuse")
    assert back == {"state": "unguessable", "error": "access_denied"}


def test_a_code_works_once_and_only_with_its_own_address(sandbox):
    code = consent(sandbox)["code"]
    exchange_code(code, **CLIENT, verifier=VERIFIER, redirect_uri=CALLBACK, token_url=sandbox.token_url)
    with pytest.raises(RemoteRejected, match="invalid_grant"):
        exchange_code(code, **CLIENT, verifier=VERIFIER, redirect_uri=CALLBACK, token_url=sandbox.token_url)
    other = consent(sandbox)["code"]
    with pytest.raises(RemoteRejected, match="redirect_uri_mismatch"):
        exchange_code(
            other, **CLIENT, verifier=VERIFIER, redirect_uri="http://elsewhere/", token_url=sandbox.token_url
        )


def test_a_code_opens_nothing_for_who_does_not_know_its_verifier(sandbox):
    code = consent(sandbox)["code"]
    with pytest.raises(RemoteRejected, match="Invalid code verifier"):
        exchange_code(
            code, **CLIENT, verifier="another-verifier", redirect_uri=CALLBACK, token_url=sandbox.token_url
        )


def test_the_challenge_is_that_of_the_rfc():
    assert (
        challenge_of("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")
        == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
    )  # RFC 7636, appendix B


def test_a_code_expires(sandbox):
    code = consent(sandbox)["code"]
    sandbox.store.advance(601)
    with pytest.raises(RemoteRejected, match="expired"):
        exchange_code(code, **CLIENT, verifier=VERIFIER, redirect_uri=CALLBACK, token_url=sandbox.token_url)


def test_a_grant_without_a_refresh_token_is_refused(sandbox):
    code = consent(sandbox, **{"access_type=offline": "access_type=online"})["code"]
    with pytest.raises(RemoteRejected, match="no refresh token"):
        exchange_code(code, **CLIENT, verifier=VERIFIER, redirect_uri=CALLBACK, token_url=sandbox.token_url)


def test_a_scope_that_the_owner_left_out_is_named(sandbox):
    code = consent(sandbox, **{"auth%2Fyoutube": "auth%2Fyoutube.readonly"})["code"]
    with pytest.raises(PermissionMissing, match="auth/youtube was not granted"):
        exchange_code(code, **CLIENT, verifier=VERIFIER, redirect_uri=CALLBACK, token_url=sandbox.token_url)


@pytest.mark.parametrize(
    ("fault", "options", "kind"),
    [
        ("status_before", {"status": 500}, RemoteUncertain),
        ("status_before", {"status": 429}, RateLimited),
        ("status_before", {"status": 403, "body": "<html>"}, RemoteUnavailable),
        ("timeout_after", {"hold_seconds": 0}, RemoteUncertain),
    ],
)
def test_a_failing_token_endpoint_is_called_once(sandbox, fault, options, kind):
    code = consent(sandbox)["code"]
    sandbox.faults.add(Match(path="^/oauth/token"), fault, **options)
    with pytest.raises(kind):
        exchange_code(code, **CLIENT, verifier=VERIFIER, redirect_uri=CALLBACK, token_url=sandbox.token_url)
    assert len(sandbox.requests("POST", "/oauth/token")) == 1


def test_no_connection_to_the_token_endpoint_is_unavailable(sandbox):
    sandbox.stop()
    with pytest.raises(RemoteUnavailable):
        exchange_code("code", **CLIENT, verifier=VERIFIER, redirect_uri=CALLBACK, token_url=sandbox.token_url)


def test_an_unknown_client_sees_an_error_page_and_is_not_sent_anywhere(sandbox):
    where = authorization_url(
        client_id="stranger",
        redirect_uri=CALLBACK,
        state="s",
        verifier=VERIFIER,
        auth_url=f"{sandbox.url}/oauth/authorize",
    )
    assert requests.get(where, timeout=30, allow_redirects=False).status_code == 401
