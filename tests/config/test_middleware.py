"""What guards every request."""

import ipaddress
from types import SimpleNamespace

import pytest
from django.contrib.auth import get_user_model
from django.http import HttpResponse
from django.test import Client, RequestFactory

from config import middleware

PROXY = "10.1.2.3"


@pytest.fixture
def behind_a_proxy(settings) -> None:
    """Trust the proxies of one network."""
    settings.HEADEND_TRUSTED_PROXIES = [ipaddress.ip_network("10.0.0.0/8")]


@pytest.mark.parametrize(
    ("remote", "forwarded", "client"),
    [
        ("203.0.113.9", "198.51.100.1", "203.0.113.9"),
        (PROXY, "198.51.100.1", "198.51.100.1"),
        (PROXY, "6.6.6.6, 198.51.100.1", "198.51.100.1"),
        (PROXY, "6.6.6.6, 198.51.100.1, 10.9.9.9", "198.51.100.1"),
        (PROXY, "", PROXY),
        (PROXY, "garbage", PROXY),
        (PROXY, "garbage, 198.51.100.1", "198.51.100.1"),
        (PROXY, "2001:db8::1", "2001:db8::1"),
        ("", "198.51.100.1", None),
    ],
)
def test_the_client_is_the_last_address_that_is_no_proxy_of_ours(
    behind_a_proxy, remote, forwarded, client
) -> None:
    request = RequestFactory().get("/", REMOTE_ADDR=remote, HTTP_X_FORWARDED_FOR=forwarded)
    assert middleware.client_address(request) == client


def test_forwarding_headers_of_strangers_are_dropped(behind_a_proxy) -> None:
    seen = {}

    def view(request):
        seen.update(request.META)
        return HttpResponse()

    headers = {"HTTP_X_FORWARDED_FOR": "6.6.6.6", "HTTP_X_FORWARDED_PROTO": "https"}
    middleware.TrustedProxies(view)(RequestFactory().get("/", REMOTE_ADDR="203.0.113.9", **headers))
    assert not headers.keys() & seen.keys()
    middleware.TrustedProxies(view)(RequestFactory().get("/", REMOTE_ADDR=PROXY, **headers))
    assert headers.items() <= seen.items()


def test_a_page_may_run_and_style_from_our_own_files_only() -> None:
    policy = Client().get("/healthz").headers["Content-Security-Policy"]
    assert "script-src 'self';" in policy
    assert "style-src 'self';" in policy
    assert "unsafe" not in policy


def test_a_stricter_policy_of_a_view_stays() -> None:
    def view(request):
        return HttpResponse(headers={"Content-Security-Policy": "default-src 'none'"})

    response = middleware.ContentSecurityPolicy(view)(RequestFactory().get("/"))
    assert response.headers["Content-Security-Policy"] == "default-src 'none'"


def test_a_page_asks_whoever_is_not_logged_in_to_log_in(rf: RequestFactory) -> None:
    request = rf.get("/anything/")
    request.user = SimpleNamespace(is_authenticated=False)
    guard = middleware.LoginRequired(lambda request: HttpResponse())

    def view(request):
        return HttpResponse()

    response = guard.process_view(request, view, (), {})
    assert response.status_code == 302
    assert response.url.endswith("?next=/anything/")


def test_the_api_is_left_to_its_own_authentication(rf: RequestFactory) -> None:
    request = rf.get("/api/orchestration/status")
    request.user = SimpleNamespace(is_authenticated=False)
    guard = middleware.LoginRequired(lambda request: HttpResponse())
    assert guard.process_view(request, lambda request: HttpResponse(), (), {}) is None


@pytest.mark.django_db
def test_a_garbled_forwarding_header_does_no_harm() -> None:
    user = get_user_model().objects.create_superuser("operator")
    client = Client(headers={"X-Forwarded-For": "not an address, at all", "X-Forwarded-Port": "x"})
    client.force_login(user)
    assert client.get("/admin/").status_code == 200


@pytest.mark.django_db
def test_a_password_cannot_be_guessed_for_ever(settings) -> None:
    settings.AXES_FAILURE_LIMIT = 3
    get_user_model().objects.create_superuser("operator", password="the right one, really")
    client = Client()
    guess = {"username": "operator", "password": "wrong"}
    answers = [client.post("/login/", guess).status_code for _ in range(4)]
    assert answers[-1] == 429
    right = client.post("/login/", guess | {"password": "the right one, really"})
    assert right.status_code == 429
