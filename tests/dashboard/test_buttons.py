"""Each button posts to the service: with its token, as the user who pressed it, and only where the state allows it."""

import re
from datetime import UTC, date, datetime, timedelta
from ipaddress import ip_network

import pytest
from django.test import Client

from channels.states import CHANNEL_VERBS, ChannelState
from channels.verbs import offered
from orchestration.models import Activity, Job, Schedule, Source, SystemState, Wave
from orchestration.states import (
    JOB_VERBS,
    SCHEDULE_VERBS,
    SOURCE_VERBS,
    SYSTEM_VERBS,
    WAVE_VERBS,
    JobState,
    ScheduleState,
    SourceState,
    SystemStatus,
    Trigger,
    WaveState,
)
from tests import factories

HTMX = {"HX-Request": "true"}
NEXT_YEAR = datetime.now(UTC).year + 1
NEXT_MAY = f"{NEXT_YEAR}-05-05T18:00"
CLOCKS_GO_FORWARD = date(NEXT_YEAR, 3, 31) - timedelta(days=(date(NEXT_YEAR, 3, 31).weekday() + 1) % 7)
"""In Europe: the last Sunday of March, from 02:00 to 03:00."""
ACTION = re.compile(r'data-action="([a-z_]+)"')


def actions_in(html: str) -> list[str]:
    """Return the actions that a piece of a page offers, in order."""
    return ACTION.findall(html)


def head_of(html: str) -> str:
    """Return the head of a detail page: its state and its buttons."""
    return html[html.index('<div class="head bar">') : html.index('<div class="deck">')]


# ------------------------------------------------------------------------------------------------- shown = the table


@pytest.mark.parametrize("state", SystemStatus.values)
def test_the_switch_shows_what_its_state_allows(console, state, db):
    factories.SystemStateFactory(state=state)
    html = console.get("/activity/").content.decode()
    bar = html[html.index('id="system"') : html.index('class="top-end"')]
    assert actions_in(bar) == list(offered(SYSTEM_VERBS, state))


@pytest.mark.parametrize("state", SystemStatus.values)
def test_what_is_armed_can_be_taken_back_beside_the_switch_in_every_state(console, state, db):
    """YouTube publishes it whatever the switch says, so the choice stands where an operator reaches for it."""
    factories.SystemStateFactory(state=state)
    row = factories.ScheduleFactory(staged=True, publish_at=factories.in_(minutes=10))
    Schedule.objects.update(armed_for=row.publish_at)
    html = console.get("/activity/").content.decode()
    bar = html[html.index('id="system"') : html.index('class="top-end"')]
    stops_too = ["disarm", "stop_disarm"] if "stop" in offered(SYSTEM_VERBS, state) else []
    assert actions_in(bar) == [*offered(SYSTEM_VERBS, state), "ask_disarm", *stops_too, "disarm"]
    assert "1 armed back" in bar
    assert 'data-action="disarm"' not in bar[: bar.index("<dialog")], "one click away from an accident"
    (address,) = set(re.findall(r'action="([^"]+)"[^>]*>(?:(?!</form>).)*data-action="disarm"', bar))
    answer = console.post(address, {"disarm": "1"}, headers=HTMX)
    assert "Being taken back from YouTube: 1." in answer.content.decode()
    entry = Activity.objects.get(verb="system_disarmed")
    assert entry.trigger == Trigger.BUTTON
    row.refresh_from_db()
    assert row.armed_for is None
    wanted = {"running": "paused", "paused": "paused"}.get(state, state)
    assert SystemState.objects.get().state == wanted


@pytest.mark.parametrize("state", ChannelState.values)
def test_a_channel_shows_what_its_state_allows(console, state, db):
    channel = factories.ChannelFactory(state=state)
    html = console.get(f"/channels/{channel.slug}/").content.decode()
    assert actions_in(head_of(html)) == list(offered(CHANNEL_VERBS, state))


@pytest.mark.parametrize("state", ScheduleState.values)
def test_a_publication_shows_what_its_state_allows(console, state, db):
    row = factories.ScheduleFactory(state=state, distribution__error_code="changed_elsewhere")
    html = console.get(f"/schedules/{row.pk}/").content.decode()
    assert actions_in(head_of(html)) == list(offered(SCHEDULE_VERBS, state))
    listed = console.get("/schedule/").content.decode()
    line = listed[listed.index(f'id="schedule-{row.pk}"') :]
    assert actions_in(line) == list(offered(SCHEDULE_VERBS, state))


@pytest.mark.parametrize("state", JobState.values)
def test_a_job_shows_what_its_state_allows(console, state, db):
    row = factories.JobFactory(state=state, distribution=factories.DistributionFactory())
    html = console.get(f"/jobs/{row.pk}/").content.decode()
    assert actions_in(head_of(html)) == list(offered(JOB_VERBS, state))
    listed = console.get("/jobs/").content.decode()
    assert actions_in(listed[listed.index(f'id="job-{row.pk}"') :]) == list(offered(JOB_VERBS, state))


@pytest.mark.parametrize("state", WaveState.values)
def test_a_wave_shows_what_its_state_allows(console, state, db):
    row = factories.WaveFactory(state=state)
    factories.ScheduleFactory(wave=row, distribution__wave=row)
    html = console.get(f"/waves/{row.pk}/").content.decode()
    bar = html[html.index('<div class="head bar">') : html.index('<section class="gauges">')]
    assert actions_in(bar) == list(offered(WAVE_VERBS, state))


@pytest.mark.parametrize("state", SourceState.values)
def test_a_source_shows_what_its_state_allows(console, state, db):
    row = factories.SourceFactory(state=state)
    html = console.get("/sources/").content.decode()
    line = html[html.index(f'id="source-{row.pk}"') : html.index("</tbody>")]
    # Whether it wants approvals is a setting, not a verb of its state.
    assert actions_in(line) == [*offered(SOURCE_VERBS, state), "approval"]


# ---------------------------------------------------------------------------------------------------------- the service


POSTS = [
    "/start/",
    "/pause/",
    "/resume/",
    "/stop/",
    "/channels/check/",
    "/channels/sync/",
    "/channels/{channel}/pause/",
    "/channels/{channel}/resume/",
    "/channels/{channel}/disable/",
    "/channels/{channel}/check/",
    "/channels/{channel}/sync/",
    "/channels/{channel}/trigger/",
    "/schedules/{schedule}/hold/",
    "/schedules/{schedule}/release/",
    "/schedules/{schedule}/reopen/",
    "/schedules/{schedule}/cancel/",
    "/schedules/{schedule}/bump/",
    "/schedules/{schedule}/move/",
    "/schedules/{schedule}/review/",
    "/waves/preview/",
    "/waves/schedule/",
    "/waves/{wave}/pause/",
    "/waves/{wave}/resume/",
    "/waves/{wave}/cancel/",
    "/waves/{wave}/move/",
    "/waves/{wave}/recall/",
    "/sources/add/",
    "/sources/{source}/scrape/",
    "/sources/{source}/pause/",
    "/sources/{source}/resume/",
    "/distribute/preview/",
    "/distribute/commit/",
    "/jobs/{job}/retry/",
    "/jobs/{job}/review/",
    "/jobs/{job}/cancel/",
    "/jobs/{job}/bump/",
    "/conflicts/{conflict}/apply/",
    "/conflicts/{conflict}/dismiss/",
    "/pools/{pool}/pause/",
    "/pools/{pool}/resume/",
    "/leases/{lease}/release/",
]


def fill(address: str, scene: dict) -> str:
    """Name the rows of the scene in an address."""
    return address.format(
        channel=scene["channel"].slug,
        schedule=scene["planned"].pk,
        wave=scene["wave"].pk,
        source=scene["source"].pk,
        job=scene["running"].pk,
        conflict=scene["conflict"].pk,
        pool=scene["pool"].pk,
        lease=scene["lease"].pk,
    )


@pytest.mark.parametrize("address", POSTS)
def test_a_verb_takes_post_only_and_only_with_its_token(operator, scene, address):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(operator)
    address = fill(address, scene)
    # A channel may be called check or sync, but no more than that stands at such an address.
    assert browser.get(address).status_code in (404, 405)
    entries = Activity.objects.count()
    assert browser.post(address).status_code == 403
    assert Activity.objects.count() == entries


@pytest.mark.parametrize("address", POSTS)
def test_a_button_pressed_in_any_state_is_answered_by_a_sentence_and_never_by_a_fault(
    console, scene, address
):
    address = fill(address, scene)
    plain = console.post(address, {})
    assert plain.status_code in (200, 302), address
    live = console.post(address, {}, headers=HTMX)
    assert live.status_code < 500, address
    if live.status_code >= 400:
        assert 'class="message error"' in live.content.decode()


@pytest.mark.parametrize(
    "address", [a for a in POSTS if a not in ("/waves/preview/", "/distribute/preview/")]
)
def test_a_reader_is_refused_and_nothing_is_written(client, scene, address):
    client.force_login(factories.UserFactory(username="rita"))
    entries, jobs = Activity.objects.count(), Job.objects.count()
    answer = client.post(fill(address, scene), {}, headers=HTMX)
    assert answer.status_code in (200, 403, 422), address
    assert Activity.objects.count() == entries
    assert Job.objects.count() == jobs
    if answer.status_code == 403:
        assert "rita may read, but" in answer.content.decode()


def test_what_a_button_does_is_recorded_as_pressed_by_its_user(console, operator, db):
    answer = console.post("/start/", headers=HTMX)
    assert answer.status_code == 200
    assert "The system is running" in answer.content.decode()
    assert answer.headers["HX-Trigger"] == "headend:look"
    assert SystemState.objects.get().state == SystemStatus.RUNNING
    entry = Activity.objects.filter(verb="system_started").get()
    assert (entry.trigger, entry.actor_label, entry.actor_id) == (Trigger.BUTTON, "olga", operator.pk)


def test_without_javascript_a_button_leads_back_to_its_page_with_a_message(console, db):
    answer = console.post("/start/", headers={"Referer": "http://testserver/jobs/?state=open"})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/jobs/?state=open")
    page = console.get("/jobs/").content.decode()
    assert "The system is running" in page


@pytest.mark.parametrize(
    "came_from",
    [
        "https://elsewhere.example/jobs/",
        "http://testserver/resume/",
        "http://testserver/nowhere/",
        "http://testserver//elsewhere.example/",
        "",
    ],
)
def test_a_button_never_leads_to_another_site_or_to_what_is_no_page(console, db, came_from):
    answer = console.post("/start/", headers={"Referer": came_from})
    assert answer.headers["Location"] == "/"


def test_a_refusal_names_the_fact(console, db):
    factories.SystemStateFactory(running=True)
    live = console.post("/start/", headers=HTMX)
    assert live.status_code == 409
    assert "The system is running already." in live.content.decode()
    console.post("/start/")
    assert "The system is running already." in console.get("/").content.decode()


def test_pausing_a_channel_keeps_the_reason_that_was_typed(console, scene):
    console.post(f"/channels/{scene['channel'].slug}/pause/", {"reason": "licence talks"}, headers=HTMX)
    scene["channel"].refresh_from_db()
    assert scene["channel"].state == ChannelState.PAUSED
    entry = Activity.objects.get(verb="channel_paused")
    assert (entry.trigger, entry.reason) == (Trigger.BUTTON, "licence talks")


def test_stop_asks_first_and_offers_both_ways(console, db):
    factories.SystemStateFactory(running=True)
    factories.JobFactory(running=True)
    html = console.get("/").content.decode()
    dialog = html[html.index('<dialog id="stop-dialog"') : html.index("</dialog>")]
    assert "Let what runs finish" in dialog
    assert "Stop now" in dialog
    assert "1 job running" in dialog
    console.post("/stop/", {"now": "1"}, headers=HTMX)
    assert Job.objects.get().cancel_requested_at is not None


def test_a_refused_move_says_what_could_be_had_instead(console, db):
    channel = factories.ChannelFactory(min_gap_minutes=60, timezone="UTC")
    at = datetime(NEXT_YEAR, 5, 5, 18, 0, tzinfo=UTC)
    factories.ScheduleFactory(channel=channel, distribution__channel=channel, publish_at=at)
    row = factories.ScheduleFactory(channel=channel, distribution__channel=channel)
    answer = console.post(f"/schedules/{row.pk}/move/", {"at": NEXT_MAY, "zone": "UTC"}, headers=HTMX)
    assert answer.status_code == 409
    instead = f"Possible instead: publish on {channel.name} at {NEXT_YEAR}-05-05 19:00 UTC."
    assert instead in answer.content.decode()


def test_a_retry_may_take_the_next_free_time_where_its_own_is_over(console, db):
    factories.SystemStateFactory(running=True)
    row = factories.ScheduleFactory(
        distribution__staged=True, state=ScheduleState.FAILED, publish_at=factories.in_(minutes=-30)
    )
    job = factories.JobFactory(
        kind="publish",
        state=JobState.FAILED,
        schedule=row,
        distribution=row.distribution,
        channel=row.channel,
    )
    assert "Retry at the next free time" in console.get(f"/jobs/{job.pk}/").content.decode()
    refused = console.post(f"/jobs/{job.pk}/retry/", headers=HTMX)
    assert refused.status_code == 409
    assert console.post(f"/jobs/{job.pk}/retry/", {"next_free": "1"}, headers=HTMX).status_code == 200
    row.refresh_from_db()
    assert row.state == ScheduleState.STAGED
    assert row.publish_at > factories.in_(minutes=0)
    assert "Retry at the next free time" not in console.get(f"/jobs/{job.pk}/").content.decode()


def test_resume_first_shows_what_is_overdue_and_what_becomes_of_it(console, db):
    factories.SystemStateFactory(paused=True)
    late = factories.ScheduleFactory(staged=True, overdue=True)
    html = console.get("/").content.decode()
    assert 'name="preview" value="1"' in html
    page = console.post("/resume/", {"preview": "1"})
    assert page.status_code == 200
    assert str(late.distribution.video) in page.content.decode()
    assert SystemState.objects.get().state == SystemStatus.PAUSED
    console.post("/resume/")
    assert SystemState.objects.get().state == SystemStatus.RUNNING


# ------------------------------------------------------------------------------------------------------ forms


def wave_form(scene: dict, **changes) -> dict:
    """Return a filled-in form of a wave."""
    return {
        "name": "Matinee",
        "videos": [scene["video"].pk],
        "channels": [scene["channel"].pk],
        "timing": "simultaneous",
        "scheduled_at": NEXT_MAY,
        "zone": "Europe/Berlin",
        "delay_seconds": "0",
        "priority": "5",
        "on_conflict": "shift",
        **changes,
    }


def test_a_wave_is_previewed_before_it_is_written_and_then_committed(console, scene):
    waves = Wave.objects.count()
    preview = console.post("/waves/preview/", wave_form(scene), headers=HTMX)
    html = preview.content.decode()
    assert preview.status_code == 200
    assert "5 May 18:00:00" in html
    assert "Commit: 1 publication, as asked" in html
    assert "<html" not in html
    assert Wave.objects.count() == waves
    full = console.post("/waves/preview/", wave_form(scene)).content.decode()
    assert "<html" in full
    assert "Commit: 1 publication, as asked" in full
    answer = console.post("/waves/schedule/", wave_form(scene), headers=HTMX)
    wave = Wave.objects.get(name="Matinee")
    assert answer.headers["HX-Redirect"] == f"/waves/{wave.pk}/"
    assert Activity.objects.filter(cid=wave.correlation_id, trigger=Trigger.BUTTON).exists()


def test_a_time_that_the_clocks_skip_is_refused_with_the_nearest_ones(console, scene):
    html = console.post(
        "/waves/preview/", wave_form(scene, scheduled_at=f"{CLOCKS_GO_FORWARD}T02:30"), headers=HTMX
    ).content.decode()
    assert "does not exist in Europe/Berlin" in html
    assert f"{CLOCKS_GO_FORWARD} 01:59 and {CLOCKS_GO_FORWARD} 03:00" in html


def test_a_wave_that_reaches_into_the_past_is_shown_with_its_conflict(console, scene):
    html = console.post(
        "/waves/preview/",
        wave_form(scene, scheduled_at="2020-01-01T10:00", on_conflict="reject"),
        headers=HTMX,
    ).content.decode()
    assert "past" in html
    assert "Commit" not in html


def test_an_incomplete_form_names_its_field(console, scene):
    html = console.post("/waves/schedule/", wave_form(scene, videos=[]), headers=HTMX).content.decode()
    assert "videos: choose at least one." in html


def test_moving_a_publication_means_the_clock_that_was_chosen(console, scene):
    answer = console.post(
        f"/schedules/{scene['planned'].pk}/move/",
        {"at": NEXT_MAY, "zone": "Europe/Berlin"},
        headers=HTMX,
    )
    assert answer.status_code == 200, answer.content
    scene["planned"].refresh_from_db()
    assert scene["planned"].publish_at.isoformat() == f"{NEXT_YEAR}-05-05T16:00:00+00:00"


def test_a_recall_lists_what_is_public_before_it_does_anything(console, scene):
    page = console.post(f"/waves/{scene['wave'].pk}/recall/")
    html = page.content.decode()
    assert "Recall this wave?" in html
    assert f'name="confirmed" value="{scene["published"].distribution_id}"' in html
    scene["wave"].refresh_from_db()
    assert scene["wave"].state == WaveState.SCHEDULED
    answer = console.post(
        f"/waves/{scene['wave'].pk}/recall/", {"confirm": "1", "confirmed": []}, headers=HTMX
    )
    assert answer.status_code >= 400


def test_a_form_takes_as_many_members_as_a_wave_may_have(console, scene):
    many = [str(number) for number in range(1_000_000, 1_010_000)]
    answer = console.post(
        f"/waves/{scene['wave'].pk}/recall/", {"confirm": "1", "confirmed": many}, headers=HTMX
    )
    assert answer.status_code == 422  # read whole, and refused since it is not what the preview lists
    answer = console.post("/waves/preview/", wave_form(scene, channels=many), headers=HTMX)
    assert "Nothing is named 1000000, 1000001" in answer.content.decode()


def test_the_rules_are_shown_with_their_reasons_before_anything_is_placed(console, scene):
    html = console.post("/distribute/preview/", {"horizon_days": "14"}, headers=HTMX).content.decode()
    assert "What the rules decide" in html
    assert "✓ yes" in html or "✕ no" in html


def test_why_not_lists_each_rule_with_its_value(console, scene):
    html = console.get(f"/videos/{scene['video'].pk}/?channel={scene['channel'].pk}").content.decode()
    assert "rights basis" in html
    assert "✓ yes" in html


def test_a_source_is_added_with_its_rights(console, db, settings):
    settings.HEADEND_SOURCE_NETWORKS = [ip_network("127.0.0.0/8")]
    answer = console.post(
        "/sources/add/",
        {
            "url": "http://127.0.0.1:20999/new.xml",
            "name": "New",
            "rights_basis": "owned",
            "rights_note": "ours",
        },
        headers=HTMX,
    )
    assert answer.status_code == 200, answer.content
    assert Source.objects.get(name="New").rights_basis == "owned"


def test_committing_a_distribution_places_it_and_leads_to_the_schedule(console, scene):
    preview = console.post("/distribute/preview/", {"horizon_days": "14"}).content.decode()
    assert "<html" in preview
    planned = Schedule.objects.count()
    answer = console.post("/distribute/commit/", {"horizon_days": "14"}, headers=HTMX)
    placed = Schedule.objects.count() - planned
    assert placed > 0
    assert answer.headers["HX-Redirect"] == "/schedule/?span=336"
    again = console.post("/distribute/commit/", {"horizon_days": "14"}, headers=HTMX)
    assert "HX-Redirect" not in again.headers
    assert Schedule.objects.count() == planned + placed


def test_running_a_pipeline_answers_with_its_job_and_method(console, scene):
    factories.SystemStateFactory()
    SystemState.objects.update(state=SystemStatus.RUNNING)
    answer = console.post(
        f"/channels/{scene['channel'].slug}/trigger/",
        {"video": scene["video"].pk},
        headers=HTMX,
    )
    assert answer.status_code == 200, answer.content
    assert "local pipeline" in answer.content.decode()


def test_settling_a_review_writes_what_was_found(console, scene):
    answer = console.post(
        f"/schedules/{scene['unclear'].pk}/review/",
        {"outcome": "cancelled", "reason": "nothing there"},
        headers=HTMX,
    )
    assert answer.status_code == 200, answer.content
    scene["unclear"].refresh_from_db()
    assert scene["unclear"].state == ScheduleState.CANCELLED


def test_a_wave_is_moved_as_a_whole(console, scene):
    answer = console.post(
        f"/waves/{scene['wave'].pk}/move/", {"at": NEXT_MAY, "zone": "Europe/Berlin"}, headers=HTMX
    )
    assert answer.status_code == 200, answer.content
    scene["planned"].refresh_from_db()
    assert scene["planned"].publish_at.isoformat() == f"{NEXT_YEAR}-05-05T16:00:00+00:00"


def test_a_conflict_is_dismissed_and_an_unknown_alternative_refused(console, scene):
    address = f"/conflicts/{scene['conflict'].pk}"
    assert console.post(f"{address}/apply/", {"index": "7"}, headers=HTMX).status_code >= 400
    assert console.post(f"{address}/dismiss/", headers=HTMX).status_code == 200
    scene["conflict"].refresh_from_db()
    assert scene["conflict"].state == "dismissed"


def test_a_job_that_no_publication_waits_for_is_settled_on_its_own_page(console, db):
    job = factories.JobFactory(
        kind="recall", needs_review=True, distribution=factories.DistributionFactory(published=True)
    )
    page = console.get(f"/jobs/{job.pk}/").content.decode()
    assert "it is private again" in page
    answer = console.post(f"/jobs/{job.pk}/review/", {"outcome": "published"}, headers=HTMX)
    assert answer.status_code == 200, answer.content
    job.refresh_from_db()
    assert job.state != JobState.NEEDS_REVIEW
    assert Activity.objects.filter(trigger=Trigger.BUTTON, object_id=job.pk).exists()
