"""The calendar in a real browser: dragged, moved by keys, and by the plain form where no script runs."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from orchestration.models import Schedule
from tests import factories
from tests.browsing import log_in

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db(transaction=True)]


def test_a_publication_is_moved_by_hand_by_keys_and_by_a_form(page):
    channel = factories.ChannelFactory(timezone="UTC", min_gap_minutes=30)
    now = datetime.now(UTC)
    at = (now + timedelta(days=2)).replace(hour=10, minute=0, second=0, microsecond=0)
    row = factories.ScheduleFactory(channel=channel, publish_at=at)
    factories.ScheduleFactory(channel=channel, publish_at=at + timedelta(hours=6))
    address = f"/calendar/?view=day&zone=UTC&day={at:%Y-%m-%d}"

    def publish_at() -> datetime:
        return Schedule.objects.get(pk=row.pk).publish_at

    log_in(page)
    page.goto(address)
    chip = page.locator(f"[data-schedule='{row.pk}']")
    target = page.locator(f"td[data-cell='{at:%Y-%m-%d}T13']")
    target.scroll_into_view_if_needed()
    begins, ends = chip.bounding_box(), target.bounding_box()
    page.mouse.move(begins["x"] + 20, begins["y"] + 6)
    page.mouse.down()
    page.mouse.move(begins["x"] + 30, begins["y"] + 30, steps=3)
    page.wait_for_selector(".calendar .band.closed", state="attached")
    page.mouse.move(ends["x"] + 40, ends["y"] + 2, steps=3)
    page.wait_for_selector(".calendar-ghost:has-text('13:00'):has-text('free')")
    page.mouse.up()
    assert publish_at() == at, "nothing is written before the plan's answer"
    page.click("#answer button:has-text('Move it')")
    page.wait_for_selector("#messages .message:has-text('Moved to')")
    assert publish_at() == at + timedelta(hours=3)

    page.goto(address)
    page.locator(f"[data-schedule='{row.pk}'] .grip").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector(".calendar .band", state="attached")
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.className") == "grip"
    page.keyboard.press("Enter")
    for _ in range(11):  # from 13:00 to 15:45, too close to what stands at 16:00
        page.keyboard.press("ArrowDown")
    page.wait_for_selector("#calendar-said:has-text('15:45, closer to another')", state="attached")
    page.keyboard.press("ArrowUp")
    page.wait_for_selector("#calendar-said:has-text('15:30, free')", state="attached")
    page.keyboard.press("Enter")
    page.wait_for_selector("#answer button.primary:focus")
    page.keyboard.press("Enter")
    page.wait_for_selector("#messages .message:has-text('Moved to')")
    assert publish_at() == at + timedelta(hours=5, minutes=30)

    plain = page.context.browser.new_context(
        base_url=page.url.split("/calendar")[0],
        java_script_enabled=False,
        storage_state=page.context.storage_state(),
    )
    window = plain.new_page()
    window.goto(address)
    window.click(f"[data-schedule='{row.pk}'] .grip")
    window.fill("#calendar-wall", f"{at:%Y-%m-%d}T09:00:00")
    window.click("button:has-text('Ask the plan')")
    window.click("button:has-text('Move it')")
    assert re.search(r"/calendar/", window.url)
    assert publish_at() == at - timedelta(hours=1)
    plain.close()
