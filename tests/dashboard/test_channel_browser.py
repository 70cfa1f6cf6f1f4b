"""The main path through a channel's page, in a real browser: made, filled by the keyboard, tried, saved and brought back."""

import pytest

from channels.models import Channel
from tests import factories
from tests.browsing import log_in

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db(transaction=True)]


def test_a_channel_is_made_gets_slots_and_words_and_goes_back(page):
    factories.VideoFactory(title="A walk")
    page.set_viewport_size({"width": 1280, "height": 900})
    log_in(page)
    page.goto("/channels/new/")
    page.fill("input[name=name]", "Müller & Söhne")
    assert page.input_value("input[name=slug]") == "muller-sohne"
    assert page.locator("input[name=repository]").is_hidden()
    page.fill("input[name=timezone]", "Europe/Berlin")
    page.click("button:has-text('Register it')")
    page.wait_for_url("**/channels/muller-sohne/?open=week#section-week")

    # By the keyboard: one step into the grid, arrows inside, Enter adds, and the focus stays where it was.
    page.focus("[data-week-grid] button[tabindex='0']")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.wait_for_selector("[data-week-grid] button.slot:focus >> text=18:00")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_selector("[data-week-grid] button.slot:focus >> text=19:00")
    row = Channel.objects.get()
    assert [str(slot) for slot in row.slots.all()] == [
        "muller-sohne Tuesday 18:00",
        "muller-sohne Tuesday 19:00",
    ]
    page.keyboard.press("Enter")
    page.click("[popover]:popover-open button:has-text('Switch off')")
    page.wait_for_selector("button.slot.off >> text=19:00")

    # A section is filled in once it is opened; the words show on a real video while they are typed.
    page.click("#section-words > summary")
    page.fill("#section-words #id_title", "{title} on {channel}")
    page.wait_for_selector("#words-tried h3 >> text=A walk on Müller & Söhne")
    page.fill("#section-words #id_title", "{tilte}")
    page.wait_for_selector("#words-tried .errors >> text={tilte}")
    page.fill("#section-words #id_title", "{title} on {channel}")
    page.click("#section-words button:has-text('Save')")
    page.wait_for_selector("#section-words [role=status] >> text=Saved.")
    row.refresh_from_db()
    assert row.title_template == "{title} on {channel}"

    # What is wrong is said beside its field, and nothing that was typed is lost.
    page.click("#section-basics > summary")
    page.fill("#section-basics input[name=timezone]", "Mars/Olympus")
    page.click("#section-basics button:has-text('Save')")
    page.wait_for_selector("#section-basics .field:has(input[name=timezone]) .errors >> text=Mars/Olympus")
    assert page.input_value("#section-basics input[name=timezone]") == "Mars/Olympus"
    assert "422" in page.complaints.pop()  # the browser says so of each refusal

    page.goto(f"/channels/{row.slug}/?open=revisions")
    page.click("#section-revisions a:has-text('Revision 1')")
    page.wait_for_selector("tr:has-text('Title template') >> text={title} on {channel}")
    page.click("button:has-text('Go back to it')")
    page.wait_for_selector("#messages >> text=is as in revision 1")
    row.refresh_from_db()
    assert row.title_template == "{title}"
    assert [slot.enabled for slot in row.slots.all()] == [False], "what is off is in no revision, so it stays"
