"""Start the demo in a fresh folder, wait until its wave is public, and take the pictures of README and docs.

    .venv/bin/python tests/drills/screenshots.py [--every DIR] [--only overview,wave]

Without options the pictures of `PICTURES` are written into docs/images. `--every DIR` writes each page that is about no row
in four views (light and dark, 1440 and 390 wide) into DIR instead, for looking at them. Needs Debian's chromium on PATH.
Says which pages complained in the browser's console, asked another host, or were wider than the screen, and ends with exit
code 1 if any did.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.drills.demo_wave import free_port, until

IMAGES = ROOT / "docs" / "images"
WIDTHS = {"wide": {"width": 1440, "height": 900}, "narrow": {"width": 390, "height": 844}}
PATIENCE_SECONDS = 300

PICTURES: dict[str, str] = {
    "overview": "/",
    "calendar": "/calendar/",
    "channel": "/channels/aurora/",
    "statistics": "/statistics/",
    "rewind": "/rewind/",
    "library": "/library/",
    "words": "/words/",
    "system": "/system/",
    "jobs": "/jobs/",
    "wave": "/waves/1/",
}
"""The pictures of the documents: the file in docs/images, and the page."""


@contextmanager
def demo() -> Iterator[tuple[str, str]]:
    """Run the demo; yields its address and the password of its administrator."""
    data_dir = Path(tempfile.mkdtemp(prefix="headend-pictures-"))
    environment = {**os.environ, "HEADEND_DATA_DIR": str(data_dir)}
    for name in ("DATABASE_URL", "CELERY_BROKER_URL"):
        environment.pop(name, None)
    port = free_port()
    told = data_dir / "up.log"
    with told.open("w") as log:
        up = subprocess.Popen(
            [sys.executable, "manage.py", "up", "--demo", "--port", str(port)],
            cwd=ROOT,
            env=environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        password = until(lambda: re.search(r"Password\s+(\S+)", told.read_text()), PATIENCE_SECONDS)
        if not password:
            raise SystemExit(f"the demo did not start:\n{told.read_text()[-2000:]}")
        yield f"http://127.0.0.1:{port}", password[1]
    finally:
        up.send_signal(signal.SIGINT)
        try:
            up.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(up.pid, signal.SIGKILL)
        shutil.rmtree(data_dir, ignore_errors=True)


def log_in(page: Page, password: str) -> None:
    """Log in as the demo's administrator."""
    page.goto("/login/")
    page.fill("input[name=username]", "admin")
    page.fill("input[name=password]", password)
    page.press("input[name=password]", "Enter")
    page.wait_for_url(lambda url: "/login/" not in url)


def wait_for_the_wave(page: Page) -> None:
    """Wait until the demo's wave is public on all its channels."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        page.goto("/waves/1/")
        if page.locator("text=/\\bcompleted\\b/i").count():
            return
        time.sleep(3)
    print("the wave was not over in time: the pictures show it on its way")


def plain_pages() -> list[str]:
    """Return the addresses of the pages that are about no row."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    os.environ["HEADEND_DATA_DIR"] = tempfile.mkdtemp(prefix="headend-pages-")
    import django

    django.setup()
    from tests.dashboard import screens

    return screens.plain_pages()


def main() -> int:
    """Take the pictures."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--every", type=Path, metavar="DIR")
    options.add_argument("--only", default="")
    given = options.parse_args()
    faults: list[str] = []
    every = plain_pages() if given.every else []
    if given.every:
        given.every.mkdir(parents=True, exist_ok=True)
    with demo() as (address, password), sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        context = browser.new_context(base_url=address, viewport=WIDTHS["wide"], color_scheme="light")
        page = context.new_page()
        page.on("pageerror", lambda error: faults.append(f"{page.url}: {error}"))
        page.on(
            "console",
            lambda line: (
                faults.append(f"{page.url}: {line.text}") if line.type in ("error", "warning") else None
            ),
        )
        page.on(
            "request",
            lambda request: (
                None
                if request.url.startswith((address, "data:", "blob:"))
                else faults.append(f"{page.url} asked {request.url}")
            ),
        )
        log_in(page, password)
        wait_for_the_wave(page)
        faults.clear()  # the browser notes each time that there was no wave yet
        if given.every:
            for path in every:
                for scheme in ("light", "dark"):
                    for name, size in WIDTHS.items():
                        page.emulate_media(color_scheme=scheme)
                        page.set_viewport_size(size)
                        page.goto(path)
                        wider = page.evaluate("document.documentElement.scrollWidth - innerWidth")
                        if wider > 0:
                            faults.append(f"{path} is {wider} wider than {size['width']}")
                        label = path.strip("/").replace("/", "-") or "overview"
                        page.screenshot(path=given.every / f"{label}-{name}-{scheme}.png", full_page=True)
        else:
            wanted = [word for word in given.only.split(",") if word] or list(PICTURES)
            for name in wanted:
                page.goto(PICTURES[name])
                page.wait_for_timeout(400)
                page.screenshot(path=IMAGES / f"{name}.png")
        browser.close()
    print("\n".join(faults) or "nothing complained")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
