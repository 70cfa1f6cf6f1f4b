"""Drive a real browser: Chromium, a console served on loopback, and a window whose complaints fail the test."""

import os
import shutil
from collections.abc import Iterator

import pytest
from pytest_django.live_server_helper import LiveServer

from tests import factories

CHROMIUM = shutil.which(os.environ.get("HEADEND_TEST_CHROMIUM") or "chromium")
REQUIRED = bool(os.environ.get("HEADEND_TEST_BROWSER_REQUIRED"))
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PASSWORD = "correct horse battery staple"
PATIENCE_MS = 60_000


@pytest.fixture(scope="module")
def chromium() -> Iterator:
    """Start one browser for all tests here."""
    if CHROMIUM is None:
        if REQUIRED:
            pytest.fail("no chromium was found, and HEADEND_TEST_BROWSER_REQUIRED asks for one")
        pytest.skip("no chromium was found on PATH: install Debian's chromium to drive the console")
    sync_api = pytest.importorskip("playwright.sync_api")
    patch = pytest.MonkeyPatch()
    patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")  # Playwright's loop runs in this thread
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()
    patch.undo()


@pytest.fixture
def server(settings, transactional_db) -> Iterator[LiveServer]:
    """Serve the console on loopback."""
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }
    settings.ALLOWED_HOSTS = ["127.0.0.1"]
    running = LiveServer(
        "127.0.0.1"
    )  # on a port that the kernel gives: one looked for beforehand can be taken by then
    running._live_server_modified_settings.enable()
    yield running
    running.stop()
    running._live_server_modified_settings.disable()


@pytest.fixture
def page(chromium, server) -> Iterator:
    """Open a window; whatever it complains about fails the test."""
    context = chromium.new_context(base_url=server.url)
    context.set_default_timeout(PATIENCE_MS)
    window = context.new_page()
    complaints: list[str] = []
    window.on(
        "console",
        lambda message: complaints.append(message.text) if message.type in ("error", "warning") else None,
    )
    window.on("pageerror", lambda error: complaints.append(str(error)))
    window.complaints = complaints
    yield window
    context.close()
    assert complaints == []


def log_in(page) -> None:
    """Log in as an administrator by the form."""
    factories.UserFactory(admin=True, username="olga")
    page.goto("/")
    page.fill("input[name=username]", "olga")
    page.fill("input[name=password]", PASSWORD)
    page.click("button:has-text('Log in')")
    page.wait_for_url("**/")


def pick(page, name: str, what: str = "channels") -> None:
    """Choose a channel, a group or a video in its picker, by the keyboard."""
    field = page.locator(f"[data-picker={what}] .picker-input").first
    field.fill(name)
    page.wait_for_selector(f"[data-picker={what}] .picker-options .active:has-text('{name}')")
    field.press("Enter")
    page.wait_for_selector(f"[data-picker={what}] .chip:has-text('{name}')")
