"""The documentation page works in a browser, under the policy that forbids inline scripts."""

import shutil

import pytest
from playwright.sync_api import sync_playwright
from pytest_django.live_server_helper import LiveServer

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.mark.browser
@pytest.mark.skipif(BROWSER is None, reason="needs Chromium")
@pytest.mark.django_db(transaction=True)
def test_the_page_lists_the_operations_and_breaks_no_policy():
    server = LiveServer("127.0.0.1")  # on a port that the kernel gives
    complaints, elsewhere = [], []
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=BROWSER)
            page = browser.new_page()
            page.on(
                "console",
                lambda message: complaints.append(message.text) if message.type == "error" else None,
            )
            page.on("pageerror", lambda error: complaints.append(str(error)))
            page.on(
                "request",
                lambda request: (
                    None if request.url.startswith((server.url, "data:")) else elsewhere.append(request.url)
                ),
            )
            page.goto(f"{server.url}/api/docs")
            page.wait_for_selector("#operations-channels-channels_pause", timeout=60_000)
            page.click("#operations-channels-channels_pause .opblock-summary-control")
            page.wait_for_selector("#operations-channels-channels_pause .parameters", timeout=60_000)
            browser.close()
    finally:
        server.stop()

    assert (complaints, elsewhere) == ([], [])
