"""Look at every page in a real browser, full and empty, in both widths and schemes: what axe, the keyboard and a phone find.

The pages come from the URL configuration (`screens`), so that a new one cannot be forgotten.
"""

from __future__ import annotations

import os
import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.test import Client

from tests import factories
from tests.dashboard import screens

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db(transaction=True)]

WIDE, NARROW = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
SERIOUS = {"serious", "critical"}
WHOLE = {"resultTypes": ["violations"]}
COLOURS = {**WHOLE, "runOnly": ["color-contrast", "link-in-text-block"]}
"""What another scheme can change; the rest is the same document."""
VIEWS = (("light", NARROW, COLOURS), ("dark", NARROW, WHOLE), ("dark", WIDE, COLOURS), ("light", WIDE, WHOLE))
"""The last one is what a page is then used in, and the next one opened in."""
AXE = Axe().axe_script

PARTS = 4

KEYBOARD = """() => {
  const wanted = "a[href], button:not([disabled]), input:not([type=hidden]):not([disabled]), select, textarea, summary";
  const faults = [];
  for (const element of document.querySelectorAll(wanted)) {
    if (!element.checkVisibility({ checkVisibilityCSS: true })) continue;
    element.focus({ focusVisible: true, preventScroll: true });
    const name = element.outerHTML.slice(0, 120);
    if (document.activeElement !== element) { faults.push(`cannot be focused: ${name}`); continue; }
    const around = [element, element.closest("label"), element.parentElement].filter(Boolean).map(getComputedStyle);
    const shown = around.some((style) =>
      (style.outlineStyle !== "none" && style.outlineWidth !== "0px") || style.boxShadow !== "none");
    if (!shown) faults.push(`shows no focus: ${name}`);
  }
  for (const element of document.querySelectorAll("[onclick], [role=button]:not(button):not([tabindex])"))
    faults.push(`for the mouse only: ${element.outerHTML.slice(0, 120)}`);
  return faults;
}"""

DEAD_WITHOUT_SCRIPT = """() => [...document.querySelectorAll("button")]
  .filter((button) => button.checkVisibility({ checkVisibilityCSS: true }))
  .filter((button) => !(button.form && button.type === "submit") && !button.popoverTargetElement)
  .map((button) => button.outerHTML.slice(0, 120))"""

SHIFT = """async () => {
  let shift = 0;
  const add = (entries) => { for (const entry of entries) shift += entry.value; };
  const seen = new PerformanceObserver((list) => add(list.getEntries()));
  seen.observe({ type: "layout-shift", buffered: false });
  const frame = () => new Promise(requestAnimationFrame);
  const parts = [...document.querySelectorAll("[data-pace]")];
  await new Promise((stands, fails) => {
    let left = parts.length || stands();
    document.addEventListener("htmx:finally:request", () => --left || stands());
    setTimeout(() => fails(new Error("a live part is not answered")), 20000);
    for (const part of parts) {
      part.setAttribute("hx-get", part.getAttribute("hx-get").replace(/([?&]version=)[^&]*$/, "$1another"));
      window.htmx.trigger(part, "headend:poll", {}, false);
    }
  });
  await frame();
  await frame();
  await frame();
  add(seen.takeRecords());
  seen.disconnect();
  return shift;
}"""
"""Refresh each live part as if something had changed, so that it is sent and put in again, and wait until it stands."""


@pytest.fixture
def open_pages(chromium, server):
    """Return a function that looks at pages as an administrator, and gathers what is wrong with each."""
    cookie = Client()
    contexts = []

    def look(addresses: list[str], **options):
        if not contexts:
            cookie.force_login(factories.UserFactory(admin=True, username="olga"))
        context = chromium.new_context(base_url=server.url, viewport=WIDE, **options)
        contexts.append(context)
        context.add_cookies(
            [
                {
                    "name": settings.SESSION_COOKIE_NAME,
                    "value": cookie.cookies[settings.SESSION_COOKIE_NAME].value,
                    "url": server.url,
                }
            ]
        )
        window = context.new_page()
        for address in addresses:
            yield address, window

    yield look
    for context in contexts:
        context.close()


def _share(addresses: list[str], part: int) -> list[str]:
    """Return one test's share of the pages; HEADEND_TEST_PAGES, a pattern, leaves out others while one is built."""
    wanted = os.environ.get("HEADEND_TEST_PAGES", "")
    return [address for address in addresses if re.search(wanted, address)][part::PARTS]


def _faults_of_views(page) -> list[str]:
    found = []
    page.evaluate(AXE)
    for scheme, size, rules in VIEWS:
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        page.set_viewport_size(size)
        view = f"{scheme} {size['width']}"
        wider = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        if wider > 0:
            found.append(f"{view}: wider than the screen by {wider}")
        for violation in page.evaluate("rules => axe.run(rules).then(found => found.violations)", rules):
            if violation["impact"] in SERIOUS:
                nodes = violation["nodes"]
                found.append(
                    f"{view}: {violation['id']}, {len(nodes)} times: {nodes[0]['html'][:160]} "
                    f"{nodes[0]['failureSummary'][:200]}"
                )
    return found


def _look(open_pages, addresses: list[str], host: str) -> list[str]:
    found: list[str] = []
    heard: list[str] = []
    listening = None
    for address, page in open_pages(addresses):
        if page is not listening:
            listening = page
            page.on(
                "console",
                lambda message: heard.append(message.text) if message.type in ("error", "warning") else None,
            )
            page.on("pageerror", lambda error: heard.append(str(error)))
            page.on(
                "request",
                lambda request: (
                    None if request.url.startswith((host, "data:", "blob:")) else heard.append(request.url)
                ),
            )
        heard.clear()
        page.goto(address)
        faults = _faults_of_views(page) + page.evaluate(KEYBOARD)
        page.evaluate("document.activeElement.blur()")
        shift = page.evaluate(SHIFT)
        if shift > 0.001:
            faults.append(f"a refresh moves what is read: {shift}")
        if page.locator("h1").count() != 1:
            faults.append("has not one heading of the first rank")
        found += [f"{address}: {fault}" for fault in [*faults, *heard]]
    return found


@pytest.mark.parametrize("part", range(PARTS))
def test_no_page_with_rows_has_a_serious_fault(open_pages, server, scene, part):
    addresses = [*screens.plain_pages(), *screens.pages_of_rows(scene)]
    found = _look(open_pages, _share(addresses, part), server.url)
    assert not found, "\n".join(found)


@pytest.mark.parametrize("part", range(PARTS))
def test_no_empty_page_has_a_serious_fault(open_pages, server, part):
    found = _look(open_pages, _share(screens.plain_pages(), part), server.url)
    assert not found, "\n".join(found)


def test_no_page_offers_without_scripts_what_only_a_script_does(open_pages, scene):
    dead = []
    for address, page in open_pages(
        [*screens.plain_pages(), *screens.pages_of_rows(scene)], java_script_enabled=False
    ):
        page.goto(address)
        dead += [f"{address}: {button}" for button in page.evaluate(DEAD_WITHOUT_SCRIPT)]
    assert not dead, "\n".join(dead)
