"""Pick and change many by the keyboard and in place, in a real browser."""

import re

import pytest

from tests import factories
from tests.browsing import log_in, pick

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db(transaction=True)]


def test_channels_are_picked_by_the_keyboard_alone(page):
    rows = [
        factories.ChannelFactory(name=name, slug=name.lower()) for name in ("Aurora", "Borealis", "Corona")
    ]
    factories.ChannelGroupFactory(name="News", slug="news").channels.set(rows[:2])
    log_in(page)
    page.goto("/waves/new/")
    pick(page, "News")
    page.wait_for_selector("#id_channels_count >> text=2 channels")
    pick(page, "Corona")
    page.wait_for_selector("#id_channels_count >> text=3 channels")

    field = page.locator("#id_channels")
    field.press("Escape")
    field.press("Backspace")
    page.wait_for_selector("#id_channels_count >> text=2 channels")
    chips = page.locator("[data-picker=channels] .chip")
    assert chips.all_inner_texts() == ["all in News"]
    assert page.evaluate("document.activeElement.id") == "id_channels"
    field.fill("o")
    page.wait_for_selector("#id_channels_options .active")
    first = field.get_attribute("aria-activedescendant")
    field.press("ArrowDown")
    assert field.get_attribute("aria-activedescendant") != first
    assert field.get_attribute("aria-expanded") == "true"


def test_a_filter_is_picked_and_many_are_held_and_let_go_again(page):
    factories.SystemStateFactory(running=True)
    rows = [factories.ScheduleFactory() for _ in range(3)]
    factories.ChannelGroupFactory(name="News", slug="news").channels.set([row.channel for row in rows[:2]])
    log_in(page)
    page.goto("/schedule/?span=24")
    pick(page, "News")
    page.wait_for_url(re.compile("channels=group%3Anews"))
    page.wait_for_function("document.querySelectorAll('input[name=picked]').length === 2")
    page.click("[data-bulk=page]")
    page.wait_for_selector("[data-bulk-count]:text-is('2')")
    page.select_option("#bulk [name=verb]", "hold")
    page.click("#bulk [data-bulk=show]")
    page.wait_for_selector("h1:has-text('Hold: 2 publications?')")
    page.click("[data-action=confirm]")
    page.wait_for_selector("#messages >> text=Hold: 2 publications done")
    page.click("#messages [data-action=undo]")
    page.wait_for_selector("#messages >> text=Undone: 2 changes")
    assert {type(row).objects.get(pk=row.pk).state for row in rows} == {"planned"}
