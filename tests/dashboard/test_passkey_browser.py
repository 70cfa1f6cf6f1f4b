"""A passkey in a real browser: added on one's page, it opens Headend without a password; one that is a copy does not."""

import pytest

from orchestration.models import SecondFactor
from tests import factories
from tests.browsing import PASSWORD

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db(transaction=True)]
AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


def test_a_passkey_is_added_and_opens_without_a_password(page, server, settings):
    settings.ALLOWED_HOSTS = ["localhost"]
    here = server.url.replace("127.0.0.1", "localhost")
    device = page.context.new_cdp_session(page)
    device.send("WebAuthn.enable")
    device.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
    factories.UserFactory(admin=True, username="olga")

    page.goto(f"{here}/login/?next=/me/second-factor/")
    page.fill("input[name=username]", "olga")
    page.fill("input[name=password]", PASSWORD)
    page.click("button:has-text('Log in')")
    page.fill("#passkey-name", "this laptop")
    page.fill("#passkey-current", "wrong")
    page.click("button:has-text('Add a passkey')")
    page.wait_for_selector("[data-passkey-says]:has-text('present password')")
    page.complaints.clear()  # Chromium tells every refused request
    page.fill("#passkey-current", PASSWORD)
    page.click("button:has-text('Add a passkey')")
    page.wait_for_selector("h1:has-text('Recovery codes')")
    row = SecondFactor.objects.get()
    assert (row.kind, row.name) == ("passkey", "this laptop")

    page.wait_for_load_state("load")
    page.context.clear_cookies()
    page.goto(f"{here}/login/?next=/jobs/")
    page.click("button:has-text('Use a passkey')")
    page.wait_for_url(f"{here}/jobs/")

    # A counter that does not go on is that of a copy.
    page.wait_for_load_state("load")
    SecondFactor.objects.update(sign_count=1_000_000)
    page.context.clear_cookies()
    page.goto(f"{here}/login/")
    page.click("button:has-text('Use a passkey')")
    page.wait_for_selector(".message.error")
    page.complaints.clear()
