"""From nothing to a channel by the keyboard: the palette leads to the set-up, the set-up to its next step."""

import pytest

from channels.models import Channel
from tests.browsing import log_in

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db(transaction=True)]


def test_the_palette_leads_to_the_set_up_and_back_to_what_was_opened_last(page):
    log_in(page)
    page.keyboard.press("Control+k")
    field = page.locator("#palette input[name=q]")
    field.fill("first st")
    page.wait_for_selector("#palette-list a.hit[aria-selected=true][href='/set-up/']")
    field.press("Enter")
    page.wait_for_url("**/set-up/")

    page.click("main a[href='/channels/new/']")
    page.fill("input[name=name]", "Aurora")
    page.click("button:has-text('Register it')")
    page.wait_for_url("**/channels/aurora/**")
    assert Channel.objects.get().name == "Aurora"

    # What was opened last stands first, found things come from the server, and Escape gives the focus back.
    opener = page.locator("[data-palette-open]").first
    opener.focus()
    opener.press("Enter")
    page.wait_for_selector("#palette-list a.hit >> nth=0 >> text=First steps")
    field.fill("auro")
    page.wait_for_selector("#palette-list a.hit[href='/channels/aurora/']")
    field.press("ArrowDown")
    field.press("ArrowUp")
    page.keyboard.press("Escape")
    page.wait_for_selector("#palette", state="hidden")
    assert opener.evaluate("element => element === document.activeElement")

    page.goto("/set-up/")
    assert "(done)" in page.text_content("main"), "the step is taken"
