"""Every address that there is: closed to whoever has not logged in, but for a list that says why."""

import re

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

pytestmark = pytest.mark.django_db

OPEN = {
    "healthz": "a load balancer asks",
    "readyz": "a load balancer asks",
    "metrics": "asks for its own token, or an administrator",
    "webhooks/github": "asks for GitHub's signature",
    "login/": "the way in",
    "login/second/": "its second step: leads to the first where nobody took that",
    "login/sign-on/": "leads to the provider, where one is configured",
    "login/sign-on/done/": "takes what the provider answers",
    "login/passkey/begin/": "asks any browser the same question",
    "login/passkey/": "takes the answer to it",
    "logout/": "the way out takes POST and ends whatever there is",
    "admin/login/": "leads to the way in",
    "api/openapi.json": "says what there is, and nothing of what is in it",
    "api/docs": "shows the document above",
    "set-password/<str:uidb64>/<str:token>/": "its token is the way in; another one opens a page that says so",
    "calendar/<str:secret>.ics": "its secret is the way in; every other one is not there",
}
RUN = {"run_id": 1, "run_attempt": 1}
BODIES = {"permit": RUN, "result": RUN | {"outcome": "failed"}}
"""What a run sends is read before its token is looked at: a body that says nothing is refused as such."""


def _addresses(resolver: URLResolver, prefix: str = ""):
    for pattern in resolver.url_patterns:
        path = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _addresses(pattern, path)
        elif isinstance(pattern, URLPattern):
            yield path


def _filled(path: str) -> str:
    path = re.sub(r"<uuid:\w+>", "5d1f2c5e-6d0a-4b7e-9a51-0c1c2ad1f7aa", path)
    path = re.sub(r"<(?:int:)\w+>|<\w*_id>", "1", path)
    path = re.sub(r"<(?:\w+:)?\w+>", "x", path)
    path = re.sub(r"\(\?P<\w+>[^)]*\)", "x", path)
    return "/" + path.lstrip("^").rstrip("$")


ADDRESSES = sorted(set(_addresses(get_resolver())))


def test_the_walk_finds_every_room():
    for known in (
        "",
        "channels/<slug:slug>/pause/",
        "admin/orchestration/job/",
        "api/waves/<wave_id>/recall",
    ):
        assert known in ADDRESSES
    assert OPEN.keys() <= set(ADDRESSES)


@pytest.mark.parametrize("path", [path for path in ADDRESSES if path not in OPEN])
def test_nothing_opens_without_logging_in(path):
    browser, address = Client(), _filled(path)
    for method in ("get", "post", "put", "delete"):
        body = BODIES.get(path.rpartition("/")[2], {}) if method == "post" else {}
        answer = getattr(browser, method)(address, body, content_type="application/json")
        if path.startswith("api/"):
            # What catches all that does not exist says so; everything else asks who it is.
            refusals = {404} if path in ("api/", "api/<path:rest>") else {401, 405}
            assert answer.status_code in refusals, (method, address, answer.status_code)
            continue
        led_away = answer.status_code == 302 and "login/?next=" in answer.headers["Location"]
        assert led_away or answer.status_code == 405, (method, address, answer.status_code)


def test_what_asks_for_another_proof_refuses_without_it(settings):
    settings.GITHUB_WEBHOOK_SECRET = settings.HEADEND_METRICS_TOKEN = "a secret of this test"
    assert Client().get("/metrics").status_code == 401
    assert Client().post("/webhooks/github", b"{}", "application/json").status_code == 401
