"""Drive a real browser: what the console does by itself, and that nothing breaks the content security policy."""

import re
import subprocess
import time
from pathlib import Path

import pytest

from orchestration.media import ffmpeg_tool
from orchestration.models import Attachment, Job, Schedule, SystemState, Upload
from orchestration.pipeline import uploads
from orchestration.states import JobState, ScheduleState, SystemStatus, UploadState, WaveState
from tests import factories
from tests.browsing import PASSWORD, PATIENCE_MS, log_in, pick

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db(transaction=True)]


def lamp(page) -> str:
    """Return what the switch's lamp says."""
    return page.inner_text("#system .lamp b").lower()


def test_an_operator_logs_in_and_starts_the_system_without_a_reload(page):
    log_in(page)
    assert lamp(page) == "stopped"
    page.evaluate("window.stayed = true")
    page.click("#system button[data-action=start]")
    page.wait_for_selector("#messages .message:has-text('The system is running')")
    page.wait_for_selector("#system .lamp b:text-is('running')")
    page.wait_for_selector("#system button[data-action=pause]")
    assert page.evaluate("window.stayed") is True
    assert SystemState.objects.get().state == SystemStatus.RUNNING


def test_a_page_follows_what_happens_without_a_reload_and_keeps_what_is_open(page):
    factories.SystemStateFactory(running=True)
    job = factories.JobFactory(running=True, progress=0.25, progress_note="uploading")
    entry = factories.ActivityFactory(subject=job.channel)
    log_in(page)
    page.goto("/overview/more/")
    page.wait_for_selector(f"#job-line-{job.pk} >> text=25 %")
    page.click(f"#entry-{entry.pk} > summary")
    page.evaluate("window.stayed = true")
    Job.objects.filter(pk=job.pk).update(progress=0.75, version=job.version + 1)
    page.wait_for_selector(f"#job-line-{job.pk} >> text=75 %")
    assert page.eval_on_selector(f"#entry-{entry.pk}", "entry => entry.open") is True
    assert page.evaluate("window.stayed") is True


def test_an_unchanged_page_is_answered_by_204(page):
    factories.SystemStateFactory(running=True)
    log_in(page)
    page.goto("/jobs/")
    with page.expect_response(re.compile(r"/jobs/\?version=")) as answer:
        pass
    assert answer.value.status == 204


def test_stop_asks_first_and_then_stops(page):
    factories.SystemStateFactory(running=True)
    log_in(page)
    dialog = page.locator("#stop-dialog")
    assert not dialog.is_visible()
    page.click("#system button[data-action=stop]")
    dialog.wait_for(state="visible")
    dialog.get_by_role("button", name="Keep running").click()
    dialog.wait_for(state="hidden")
    assert SystemState.objects.get().state == SystemStatus.RUNNING
    page.click("#system button[data-action=stop]")
    dialog.get_by_role("button", name="Let what runs finish").click()
    page.wait_for_selector("#system .lamp b:text-is('stopped')")
    assert SystemState.objects.get().state == SystemStatus.STOPPED


def test_taking_back_what_is_armed_asks_first(page):
    factories.SystemStateFactory(running=True)
    row = factories.ScheduleFactory(staged=True, publish_at=factories.in_(minutes=10))
    Schedule.objects.update(armed_for=row.publish_at)
    page.set_viewport_size({"width": 1280, "height": 900})
    log_in(page)
    dialog = page.locator("#disarm-dialog")
    page.click("#system button[data-action=ask_disarm]")
    dialog.wait_for(state="visible")
    dialog.get_by_role("button", name="Leave it armed").click()
    dialog.wait_for(state="hidden")
    row.refresh_from_db()
    assert row.armed_for is not None
    page.click("#system button[data-action=ask_disarm]")
    dialog.get_by_role("button", name="Pause, and take 1 armed back").click()
    page.wait_for_selector("#system .lamp b:text-is('paused')")
    row.refresh_from_db()
    assert row.armed_for is None


@pytest.mark.parametrize("status", ["running", "paused", "stopped", "draining"])
@pytest.mark.parametrize("width", [390, 820, 1181, 1280])
def test_the_buttons_of_the_system_fit_into_the_bar(page, width, status):
    factories.SystemStateFactory(state=status, reason="the licence of this film is being looked at once more")
    factories.ScheduleFactory.create_batch(
        12, staged=True, publish_at=factories.in_(minutes=10), armed_for=factories.in_(minutes=10)
    )
    page.set_viewport_size({"width": width, "height": 844})
    log_in(page)
    bar, end = page.locator(".top").bounding_box(), page.locator(".top-end").bounding_box()
    for button in page.locator("#system .actions button:visible").all():
        box = button.bounding_box()
        assert box["x"] + box["width"] <= end["x"]
        assert box["y"] >= bar["y"]
        assert box["y"] + box["height"] <= bar["y"] + bar["height"]
    page.click("#system .actions button[popovertarget]:visible")
    for button in page.locator(".dialog:popover-open button").all():
        assert button.evaluate("e => e.scrollWidth <= e.clientWidth")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_wave_is_cancelled_only_once_that_was_confirmed(page):
    wave = factories.WaveFactory(name="Evening wave")
    factories.ScheduleFactory(wave=wave, distribution__wave=wave)
    log_in(page)
    page.goto(f"/waves/{wave.pk}/")
    asked = []
    page.once("dialog", lambda dialog: (asked.append(dialog.message), dialog.dismiss()))
    page.click("button[data-action=cancel]")
    assert asked and "Only a person takes up again what was cancelled." in asked[0]
    assert page.locator("#messages .message").count() == 0
    page.once("dialog", lambda dialog: dialog.accept())
    page.click("button[data-action=cancel]")
    page.wait_for_selector("#messages >> text=The wave is cancelled")
    wave.refresh_from_db()
    assert wave.state == WaveState.CANCELLED


def test_a_refusal_is_shown_where_the_operator_is(page):
    log_in(page)
    job = factories.JobFactory(failed=True)
    # If the page looked again between the change and the click, it would take the button away.
    page.route(re.compile(r"[?&]version="), lambda route: route.fulfill(status=204))
    page.goto("/jobs/")
    Job.objects.filter(pk=job.pk).update(state=JobState.SUCCEEDED)
    page.click(f"#job-{job.pk} button[data-action=retry]")
    page.wait_for_selector("#messages .message.error")
    assert page.url.endswith("/jobs/")
    # The browser itself notes every answer above 399; that note is no fault of the page.
    page.complaints[:] = [text for text in page.complaints if "status of 409" not in text]


def test_a_refusal_that_is_a_whole_page_is_said_in_one_sentence(page):
    """The token of a page is old once somebody has logged in anew in another window."""
    job = factories.JobFactory(running=True)
    log_in(page)
    page.goto("/jobs/")
    page.wait_for_selector("button[data-action=cancel]")
    [token] = [one for one in page.context.cookies() if "csrf" in one["name"]]
    page.context.add_cookies([token | {"value": "x" * 32}])
    page.click("button[data-action=cancel]")
    page.wait_for_selector("#messages .message.error >> text=older than your login")
    assert page.locator("main").count() == 1
    assert not Job.objects.filter(pk=job.pk, cancel_requested_at__isnull=False).exists()
    page.complaints[:] = [text for text in page.complaints if "status of 403" not in text]


def test_a_wave_is_previewed_and_committed_in_place(page):
    video = factories.VideoFactory(title="Harbour at dawn")
    factories.ChannelFactory(name="North", slug="north", min_gap_minutes=0)
    log_in(page)
    page.goto(f"/waves/new/?video={video.pk}")
    pick(page, "North")
    page.click("button[data-action=preview]")
    page.wait_for_selector("#plan >> text=Placements")
    page.click("button[data-action=commit]")
    page.wait_for_url(re.compile(r"/waves/\d+/$"))
    page.wait_for_selector("text=Harbour at dawn")


def test_a_button_whose_form_came_later_than_the_page_leads_to_it(page):
    row = factories.ScheduleFactory(state=ScheduleState.PUBLISHING)
    factories.SystemStateFactory(running=True)
    log_in(page)
    page.goto(f"/schedules/{row.pk}/")
    assert page.locator("#review").count() == 0
    Schedule.objects.filter(pk=row.pk).update(state=ScheduleState.NEEDS_REVIEW)
    page.click("a[data-action=review]")
    page.wait_for_selector("#review >> text=what you found", state="attached")


def test_a_member_is_given_a_time_of_its_own_in_the_preview(page):
    video = factories.VideoFactory(title="Harbour at dawn")
    for name, zone in (("North", "Europe/Berlin"), ("East", "Asia/Tokyo")):
        factories.ChannelFactory(name=name, slug=name.lower(), timezone=zone, min_gap_minutes=0)
    log_in(page)
    page.goto(f"/waves/new/?video={video.pk}")
    pick(page, "North")
    pick(page, "East")
    page.fill("input[name=scheduled_at]", factories.in_(days=3).strftime("%Y-%m-%dT18:00:00"))
    page.click("#wave-form button[data-action=preview]")
    own = factories.in_(days=4).strftime("%Y-%m-%dT09:30:00")
    page.get_by_label("Own time of Harbour at dawn on East, Asia/Tokyo").fill(own)
    page.click("#plan button[data-action=preview]")
    page.wait_for_selector("#plan >> text=09:30:00 JST")
    assert page.get_by_label("Own time of Harbour at dawn on East, Asia/Tokyo").input_value() == own[:16]
    page.click("button[data-action=commit]")
    page.wait_for_url(re.compile(r"/waves/\d+/$"))
    assert page.locator("tr", has_text="East").locator("text=set by hand").count() == 1
    assert page.locator("tr", has_text="North").locator("text=set by hand").count() == 0


def test_times_tick_and_the_theme_is_kept(page):
    factories.SystemStateFactory(running=True)
    factories.ScheduleFactory(publish_at=factories.in_(seconds=80))
    log_in(page)
    first = page.inner_text("section[aria-labelledby=upcoming] time.rel")
    assert re.fullmatch(r"in \d+ s", first)
    page.wait_for_function(
        "first => document.querySelector('section[aria-labelledby=upcoming] time.rel').textContent !== first",
        arg=first,
    )
    page.click("button[data-do=theme]")
    page.reload()
    assert page.evaluate("document.documentElement.dataset.theme") == "light"


def test_a_lost_connection_is_said_and_its_return_too(page, server):
    factories.SystemStateFactory(running=True)
    log_in(page)
    page.context.set_offline(True)
    page.wait_for_selector("#connection:not([hidden]) >> text=Not connected since")
    page.context.set_offline(False)
    page.wait_for_selector("#connection", state="hidden")
    page.complaints.clear()  # the browser notes each request that failed


def test_an_open_page_leads_to_the_login_when_the_session_ends(page):
    factories.SystemStateFactory(running=True)
    log_in(page)
    page.goto("/jobs/")
    page.context.clear_cookies()
    page.wait_for_url("**/login/?next=/jobs/")


def test_no_page_breaks_the_policy_or_overflows_a_phone(page, scene):
    log_in(page)
    page.set_viewport_size({"width": 360, "height": 740})
    for address in [
        "/",
        "/channels/",
        f"/channels/{scene['channel'].slug}/",
        "/schedule/",
        f"/schedules/{scene['planned'].pk}/",
        "/waves/",
        f"/waves/{scene['wave'].pk}/",
        "/waves/new/",
        "/videos/",
        f"/videos/{scene['video'].pk}/?channel={scene['channel'].pk}",
        "/library/",
        "/sources/",
        "/distribute/",
        "/jobs/",
        f"/jobs/{scene['failed'].pk}/",
        "/conflicts/",
        "/pools/",
        "/forecast/",
        "/statistics/",
        "/activity/",
    ]:
        page.goto(address)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, address
        assert page.evaluate(
            "[...document.querySelectorAll('.gauges')].every(e => e.scrollWidth <= e.clientWidth)"
        ), address


def test_films_are_dropped_paused_and_gone_on_with_after_a_reload(page, scene, tmp_path):
    log_in(page)
    piece = 8 * 1024 * 1024
    films = [tmp_path / f"film {number} ü.mp4" for number in range(3)]
    for number, film in enumerate(films):
        film.write_bytes(bytes([number]) * (2 * piece + 1000 if number == 0 else 3000))
    page.goto("/library/")
    page.select_option("[name=source_id]", label="a new source")
    page.fill("[name=name]", "My films")
    page.select_option("[name=rights_basis]", "owned")
    # The line holds back the second piece of the large one: the page is left in the middle of it.
    page.route("**/api/uploads/*", lambda route: hold_second_piece(route))
    page.set_input_files("#upload-files", films)
    page.wait_for_selector("#upload-summary >> text=2 of 3 sent")
    large = wait_for_offset(films[0].name, piece)
    page.click("#upload-queue >> text=Pause")
    page.wait_for_selector("#upload-queue li[data-state=paused] >> text=paused")
    page.unroute_all(behavior="ignoreErrors")
    page.reload()
    page.wait_for_selector("text=to go on, choose the same file again")
    page.select_option("[name=source_id]", label="My films (owned by us)")
    page.set_input_files("#upload-files", films[0])
    page.wait_for_selector("#upload-queue li[data-state=done]")
    large.refresh_from_db()
    assert (large.state, large.checks_pieces) == (UploadState.RECEIVED, True)
    assert uploads.path_of(large).read_bytes() == films[0].read_bytes()
    assert Upload.objects.filter(source__name="My films").count() == 3
    page.complaints.clear()  # the browser notes the request that the reload broke off


def test_an_upload_that_was_refused_is_tried_again_once_the_reason_is_mended(page, scene, tmp_path):
    log_in(page)
    film = tmp_path / "harbour.mp4"
    film.write_bytes(b"harbour" * 400)
    page.goto("/library/")
    page.select_option("[name=source_id]", label="a new source")
    page.set_input_files("#upload-files", film)  # the new source has no name yet
    page.wait_for_selector("#upload-queue li[data-state=failed]")
    assert page.inner_text("#upload-summary") == "0 of 1 sent, 1 failed"
    mine = Upload.objects.filter(name="harbour.mp4")
    assert not mine.exists()
    page.complaints.clear()  # the browser notes the refusal
    page.fill("[name=name]", "Harbour films")
    page.select_option("[name=rights_basis]", "owned")
    page.click("#upload-queue button:has-text('Try again')")
    page.wait_for_selector("#upload-queue li[data-state=done]")
    assert page.locator("#upload-queue button:has-text('Try again')").is_hidden()
    sent = mine.get()
    assert (sent.source.name, uploads.path_of(sent).read_bytes()) == ("Harbour films", film.read_bytes())


def hold_second_piece(route) -> None:
    if route.request.headers.get("upload-offset", "0") == "0":
        route.continue_()


def wait_for_offset(name: str, offset: int) -> Upload:
    end = time.monotonic() + PATIENCE_MS / 1000
    while time.monotonic() < end:
        upload = Upload.objects.get(name=name)
        if upload.received_bytes == offset:
            return upload
        time.sleep(0.05)
    raise AssertionError(f"{name} did not come as far as {offset}")


def test_everything_works_without_javascript(chromium, server):
    factories.UserFactory(admin=True, username="olga")
    context = chromium.new_context(base_url=server.url, java_script_enabled=False)
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    page.goto("/jobs/")
    page.fill("input[name=username]", "olga")
    page.fill("input[name=password]", PASSWORD)
    page.click("button:has-text('Log in')")
    page.wait_for_url("**/jobs/")
    page.click("#system button[data-action=start]")
    page.wait_for_selector("#messages >> text=The system is running")
    assert page.url.endswith("/jobs/")
    page.click("#system button[data-action=stop]")
    page.click("#stop-dialog >> text=Let what runs finish")
    page.wait_for_selector("#messages >> text=The system is stopped")
    context.close()


def test_a_film_is_looked_at_and_its_picture_chosen(page, settings):
    ffmpeg = ffmpeg_tool().path
    video = factories.VideoFactory(duration_seconds=2.0, frames_per_second=25, width=320, height=180)
    folder = Path(settings.MEDIA_ROOT) / "videos" / str(video.pk)
    folder.mkdir(parents=True)
    source = ["-f", "lavfi", "-i", "testsrc2=s=320x180:r=25:d=2", "-f", "lavfi", "-i", "sine=440:d=2"]
    # VP9, since the browser of a distribution need not play H.264.
    webm = ["-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-c:a", "libopus"]
    subprocess.run([ffmpeg, "-v", "error", *source, *webm, folder / "prepared.webm"], check=True, timeout=60)
    (folder / "original.mov").write_bytes(b"no film at all")
    video.prepared_file = f"videos/{video.pk}/prepared.webm"
    video.original_file = f"videos/{video.pk}/original.mov"
    video.save()
    log_in(page)
    page.goto(f"/videos/{video.pk}/")
    film = "document.querySelector('[data-screen=prepared] video')"
    page.wait_for_function(f"{film}.readyState >= 1 && {film}.duration > 1.5")
    page.keyboard.press(".")
    page.wait_for_function(f"Math.abs({film}.currentTime - 0.06) < 0.02")
    page.keyboard.press("ArrowRight")
    page.wait_for_function(f"{film}.currentTime > 1.9")
    page.keyboard.press("m")
    assert page.evaluate(f"{film}.muted") is True
    page.click("[data-show=original]")
    page.wait_for_selector("[data-screen=original] >> text=This browser does not play this file")
    page.complaints.clear()  # it says that it cannot play what is no film
    page.click("[data-show=prepared]")
    page.fill("[data-here] input[name=at]", "1.00")
    page.click("button[data-action=choose_here]")
    page.wait_for_selector(".choices .chosen")
    video.refresh_from_db()
    assert video.words == {"picture": Attachment.objects.get().pk}
    page.complaints.clear()
