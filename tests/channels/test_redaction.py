"""What a gateway sends in secret is in no error, whatever the other side repeats of it."""

import gc

import pytest

from channels.gateways import redaction
from channels.gateways.errors import RemoteError
from channels.gateways.github import GitHubGateway
from channels.gateways.youtube import YouTubeGateway
from channels.gateways.youtube_oauth import OAuthCredential, exchange_code
from channels.links import web_link
from channels.sandbox.faults import Match
from channels.sandbox.seed import GITHUB_TOKEN
from channels.sandbox.youtube_state import SECTION, seed_demo
from tests.channels.youtube_helpers import Sent, gateway, metadata, upload, video_file

REFRESH = "1//slashes+and=signs"
SECRET = 'GOCSPX-"quoted"-secret'


@pytest.fixture(autouse=True)
def seeded(sandbox):
    seed_demo(sandbox.store)


def refused(call) -> str:
    with pytest.raises(RemoteError) as error:
        call()
    assert "[hidden]" in str(error.value), "the echo did not get this far"
    return str(error.value)


def test_a_refused_refresh_shows_neither_client_secret_nor_refresh_token(sandbox):
    sandbox.faults.add("^/oauth/token", "echo", status=401, times=None)
    credential = OAuthCredential("client", SECRET, REFRESH)
    with YouTubeGateway(credential, sandbox.youtube_url, sandbox.token_url) as youtube:
        text = refused(youtube.my_channel)
    for piece in ("slashes", "quoted"):
        assert piece not in text


@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_a_refused_call_shows_no_access_token_and_no_session(sandbox, tmp_path, method):
    with gateway(sandbox) as youtube:
        if method == "GET":
            sandbox.faults.add(Match("GET", "/youtube/v3/"), "echo", status=400)
            text = refused(youtube.my_channel)
        else:
            sent = Sent()
            sandbox.faults.add(Match("PUT", "/upload/"), "echo", status=400)
            text = refused(
                lambda: youtube.upload(video_file(tmp_path, 100), metadata(), on_session=sent.on_session)
            )
            assert sent.session_uris[0].partition("upload_id=")[2] not in text
    with sandbox.store.read(SECTION) as state:
        assert not [token for token in state["access_tokens"] if token in text]


def test_githubs_refusal_shows_no_token(sandbox):
    with GitHubGateway(GITHUB_TOKEN, sandbox.github_url) as github:
        for method, call in (
            ("GET", lambda: github.repository("headend-demo/aurora")),
            ("PUT", lambda: github.write_file("headend-demo/aurora", "a.json", "{}", "Sync", "main")),
        ):
            sandbox.faults.add(Match(method, "/repos/"), "echo", status=422)
            assert GITHUB_TOKEN not in refused(call)


def test_a_refused_consent_shows_neither_code_nor_secret(sandbox):
    sandbox.faults.add("^/oauth/token", "echo", status=400)
    text = refused(
        lambda: exchange_code(
            "4/the-code-of-a-consent",
            client_id="client",
            client_secret=SECRET,
            redirect_uri="http://127.0.0.1/",
            verifier="a-verifier",
            token_url=sandbox.token_url,
        )
    )
    assert "the-code" not in text and "quoted" not in text


def test_nothing_is_kept_of_a_gateway_that_is_gone(sandbox):
    with GitHubGateway("a-token-for-a-moment", sandbox.github_url):
        assert redaction.hidden("a-token-for-a-moment") == "[hidden]"
    gc.collect()
    assert redaction.hidden("a-token-for-a-moment") == "a-token-for-a-moment"


def test_short_words_are_not_taken_for_secrets():
    with redaction.knowing("abc", ""):
        assert redaction.hidden("abc and more") == "abc and more"


@pytest.mark.parametrize(
    ("address", "kept"),
    [
        ("https://github.com/a/b/actions/runs/1", True),
        ("http://ghe.local/a/b", True),
        ("javascript:alert(1)", False),
        ("JavaScript:alert(1)", False),
        ("data:text/html,x", False),
        ("//elsewhere.example/x", False),
        ("https:///no-host", False),
        ("https://x/a\nb", False),
        ("https://x/a b", False),
        ("https://[", False),
        ("", False),
        (None, False),
        (7, False),
        ("https://x/" + "y" * 500, False),
    ],
)
def test_only_web_addresses_become_links(address, kept):
    assert web_link(address) == (address if kept else "")


def test_a_run_whose_address_is_no_web_address_has_none(sandbox):
    with GitHubGateway(GITHUB_TOKEN, sandbox.github_url) as github:
        body = {"workflow_run_id": 7, "html_url": "javascript:alert(1)"}
        sandbox.faults.add("/dispatches$", "status_before", status=200, body=body)
        receipt = github.dispatch_workflow("headend-demo/aurora", "headend.yml", "main", {})
    assert (receipt.run_id, receipt.html_url) == (7, "")


def test_an_upload_works_while_errors_are_hidden(sandbox, tmp_path):
    with gateway(sandbox) as youtube:
        assert upload(youtube, tmp_path).privacy_status == "private"
