"""A check looks at a channel over the wire and writes what it saw, and only what changed into the audit log."""

from datetime import timedelta

import pytest
from django.utils import timezone

from channels.models import Channel, Credential
from channels.sandbox import github_state, youtube_state
from channels.states import ChannelHealth, CredentialState
from orchestration.engine import worker
from orchestration.models import Activity, BudgetEntry, Job
from orchestration.monitoring import checks, problems
from orchestration.monitoring import health as health_of_monitoring
from orchestration.queue.pools import ensure_defaults
from orchestration.results.channels import HealthCheck
from orchestration.service import CentralOrchestrationService
from orchestration.states import JobKind, JobState
from tests.factories import BlackoutFactory, ChannelFactory, JobFactory, PoolFactory, ScheduleFactory
from tests.register_helpers import connected_channel, github_channel, held, lead_to_sandbox

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def outside(settings, sandbox):
    lead_to_sandbox(settings, sandbox)


def look(channel: Channel, *, asked: bool = True) -> dict[str, HealthCheck]:
    """Run one check and return what it saw, by name."""
    job = JobFactory(kind=JobKind.CHECK, channel=channel, asked=asked)
    result = health_of_monitoring.run_check(*held(job))
    channel.refresh_from_db()
    assert result["health"] == channel.health
    return {seen["check"]: HealthCheck(**seen) for seen in result["checks"]}


def test_a_channel_whose_parts_all_answer_is_healthy(sandbox, settings):
    settings.HEADEND_PUBLIC_URL = "https://headend.example"
    channel = github_channel(sandbox, "aurora")
    seen = look(channel)
    assert channel.health == ChannelHealth.HEALTHY
    assert all(check.ok for check in seen.values())
    assert set(seen) == {"credential", "github", "repository", "workflow", "slots", "outcomes", "overdue"}
    assert channel.health_checked_at is not None


def test_health_is_told_to_the_audit_log_only_when_it_changes(sandbox):
    channel = connected_channel(sandbox, "delta")
    look(channel)
    look(channel)
    entry = Activity.objects.get(verb="channel_health_changed")
    assert (entry.before["health"], entry.after["health"]) == ("unknown", "healthy")


def test_a_revoked_grant_makes_the_channel_failing_and_is_written_to_the_credential(sandbox):
    channel = connected_channel(sandbox, "delta")
    youtube_state.revoke(sandbox.store, "sandbox-refresh-delta")
    seen = look(channel)
    assert channel.health == ChannelHealth.FAILING
    assert seen["credential"].ok is False
    assert channel.credential.state == CredentialState.REVOKED
    assert "invalid_grant" in channel.credential.reason
    entry = Activity.objects.get(verb="credential_revoked")
    assert entry.before["state"] == CredentialState.VALID


def test_a_credential_of_another_channel_is_found_out(sandbox):
    channel = connected_channel(sandbox, "delta", youtube_channel_id="UCanother")
    look(channel)
    assert channel.health == ChannelHealth.FAILING
    assert channel.credential.state == CredentialState.WRONG_CHANNEL
    assert "UCanother" in channel.health_reason


def test_an_empty_channel_id_is_adopted_and_pinned(sandbox):
    channel = connected_channel(sandbox, "delta", youtube_channel_id="")
    look(channel)
    assert channel.youtube_channel_id == "UCsandbox-delta"
    assert channel.credential.state == CredentialState.VALID
    assert Activity.objects.get(verb="youtube_channel_adopted").after == {
        "youtube_channel_id": "UCsandbox-delta"
    }


def test_a_youtube_channel_is_not_adopted_twice(sandbox):
    ChannelFactory(name="Delta proper", youtube_channel_id="UCsandbox-delta")
    channel = connected_channel(sandbox, "delta", youtube_channel_id="")
    look(channel)
    assert channel.youtube_channel_id == ""
    assert channel.credential.state == CredentialState.WRONG_CHANNEL
    assert "Delta proper" in channel.health_reason


def test_a_credential_that_works_again_is_valid_again(sandbox):
    channel = connected_channel(sandbox, "delta")
    channel.credential.state = CredentialState.REVOKED
    channel.credential.reason = "invalid_grant"
    channel.credential.save()
    look(channel)
    channel.credential.refresh_from_db()
    assert (channel.credential.state, channel.credential.reason) == (CredentialState.VALID, "")


def test_a_consent_that_ends_soon_is_said_ahead_of_time_and_once(sandbox):
    channel = connected_channel(sandbox, "delta")
    ends = timezone.now() + checks.EXPIRING_BEFORE - timedelta(minutes=1)
    Credential.objects.filter(channel=channel).update(expires_at=ends)
    for _ in range(2):
        seen = look(channel)
        assert (seen["credential"].ok, seen["consent"].ok) == (True, False)
        assert channel.health == ChannelHealth.DEGRADED
        assert f"{ends:%Y-%m-%d %H:%M} UTC: connect the channel again" in channel.health_reason
    credential = Credential.objects.get(channel=channel)
    assert credential.state == CredentialState.EXPIRING
    assert "connect the channel again" in credential.reason
    assert Activity.objects.filter(verb="credential_expiring").count() == 1
    [problem] = [p for p in problems.problems() if p["code"] == "credential_expiring"]
    assert problem["severity"] == "warning"
    assert "connect the channel again" in problem["sentence"]


def test_a_consent_that_ends_soon_is_noticed_also_while_google_is_not_asked(sandbox):
    channel = connected_channel(sandbox, "delta")
    now = timezone.now()
    Credential.objects.filter(channel=channel).update(
        expires_at=now + timedelta(days=1), checked_at=now - timedelta(minutes=5)
    )
    look(channel, asked=False)
    credential = Credential.objects.get(channel=channel)
    assert credential.state == CredentialState.EXPIRING
    assert credential.checked_at == now - timedelta(minutes=5)
    assert sandbox.requests(path="/oauth/token") == []


def test_a_consent_that_lasts_is_no_warning_and_one_without_an_end_says_nothing(sandbox):
    channel = connected_channel(sandbox, "delta")
    assert "consent" not in look(channel)
    Credential.objects.filter(channel=channel).update(expires_at=timezone.now() + timedelta(days=7))
    assert look(channel)["consent"].ok is True
    assert channel.health == ChannelHealth.HEALTHY
    assert channel.credential.state == CredentialState.VALID


def test_what_google_refuses_is_revoked_even_if_its_consent_was_only_to_end_soon(sandbox):
    channel = connected_channel(sandbox, "delta")
    Credential.objects.filter(channel=channel).update(expires_at=timezone.now() + timedelta(days=1))
    look(channel)
    youtube_state.revoke(sandbox.store, "sandbox-refresh-delta")
    seen = look(channel)
    assert "consent" not in seen
    assert Credential.objects.get(channel=channel).state == CredentialState.REVOKED


def test_a_planned_page_is_said_before_a_run_fails_on_it(sandbox, settings):
    channel = github_channel(sandbox, "aurora")
    settings.HEADEND_PUBLIC_URL = None
    for number, address in enumerate(("films/1.mp4", "watch?v=2", "films/three/")):
        url = f"https://films.example/{address}"
        ScheduleFactory(
            distribution__channel=channel,
            distribution__video__url=url,
            distribution__video__title=f"Film {number}",
        )
    seen = look(channel)
    assert seen["delivery"].ok is False
    assert "2 planned videos lie behind a page (first: Film 1)" in seen["delivery"].sentence
    assert channel.health == ChannelHealth.DEGRADED

    settings.HEADEND_PUBLIC_URL = "https://headend.example"
    assert "delivery" not in look(channel)
    assert channel.health == ChannelHealth.HEALTHY


def test_without_a_public_address_files_are_fetched_from_their_sources(sandbox, settings):
    settings.HEADEND_PUBLIC_URL = None
    channel = github_channel(sandbox, "aurora")
    ScheduleFactory(distribution__channel=channel, distribution__video__url="https://films.example/a.mp4?x=1")
    assert look(channel)["delivery"].ok is True
    assert channel.health == ChannelHealth.HEALTHY


def test_what_was_planned_before_a_blackout_was_set_over_it_is_said(sandbox):
    channel = connected_channel(sandbox, "delta")
    at = timezone.now() + timedelta(days=3)
    for moment in (at, at + timedelta(days=9)):
        ScheduleFactory(channel=channel, distribution__channel=channel, publish_at=moment)
    held = ScheduleFactory(channel=channel, distribution__channel=channel, publish_at=at + timedelta(hours=1))
    type(held).objects.filter(pk=held.pk).update(state="held")
    assert "calendar" not in look(channel)
    day = at.astimezone(channel.zone).date()
    BlackoutFactory(channel=channel, first_date=day - timedelta(days=1), last_date=day + timedelta(days=1))
    said = look(channel)["calendar"]
    assert said.ok is False
    assert said.sentence.startswith("1 planned publication lies in a blackout that was set later")
    assert f"{at:%Y-%m-%d %H:%M} UTC" in said.sentence
    assert channel.health == ChannelHealth.DEGRADED


def test_a_renamed_repository_is_followed_and_its_id_stays_pinned(sandbox):
    channel = github_channel(sandbox, "aurora")
    look(channel)
    pinned = channel.repository_id
    github_state.rename_repository(sandbox.store, "headend/aurora", "headend/dawn")
    assert look(channel)["workflow"].ok
    assert (channel.repository, channel.repository_id) == ("headend/dawn", pinned)
    assert Activity.objects.filter(verb="repository_renamed").count() == 1
    github_state.add_repository(sandbox.store, "headend/aurora")  # somebody takes the old name
    assert look(channel)["repository"].ok


def test_a_channel_without_a_credential_is_failing():
    channel = ChannelFactory()
    seen = look(channel)
    assert channel.health == ChannelHealth.FAILING
    assert "not connected" in seen["credential"].sentence


@pytest.mark.parametrize("path", [r"^/oauth/token", r"^/youtube/.*channels"])
def test_a_youtube_that_does_not_answer_leaves_the_channel_unknown_not_failing(sandbox, path):
    channel = connected_channel(sandbox, "delta")
    sandbox.faults.add(path, "status_before", status=503, times=None)
    seen = look(channel)
    assert channel.health == ChannelHealth.UNKNOWN
    assert seen["credential"].ok is None
    assert channel.credential.state == CredentialState.VALID


def test_a_spent_budget_leaves_the_credential_unlooked_at(sandbox):
    PoolFactory(name="youtube_units", budget=True, capacity=0)
    channel = connected_channel(sandbox, "delta")
    seen = look(channel)
    assert seen["credential"].ok is None
    assert sandbox.requests(path="/youtube/") == []


def test_asking_google_is_charged_and_settled(sandbox):
    ensure_defaults()
    channel = connected_channel(sandbox, "delta")
    look(channel)
    entry = BudgetEntry.objects.get()
    assert (entry.pool.name, entry.units, entry.call, entry.state) == (
        "youtube_units",
        1,
        "channels.list",
        "settled",
    )


def test_a_routine_check_takes_googles_word_of_a_moment_ago(sandbox):
    channel = connected_channel(sandbox, "delta")
    look(channel)
    sandbox.clear_requests()
    seen = look(channel, asked=False)
    assert seen["credential"].ok is True
    assert sandbox.requests(path="/youtube/") == []
    look(channel)
    assert len(sandbox.requests(path="/youtube/")) == 1


def test_the_repositorys_id_is_pinned_when_it_is_first_seen(sandbox):
    channel = github_channel(sandbox, "aurora")
    assert channel.repository_id is None
    look(channel)
    assert channel.repository_id == 700_000_001
    assert Activity.objects.get(verb="repository_pinned").after == {"repository_id": 700_000_001}


def test_a_repository_of_the_same_name_but_another_id_is_not_trusted(sandbox):
    channel = github_channel(sandbox, "aurora", repository_id=4711)
    look(channel)
    assert channel.health == ChannelHealth.FAILING
    assert "not the pinned 4711" in channel.health_reason
    assert channel.repository_id == 4711


def test_an_archived_repository_is_failing(sandbox):
    channel = github_channel(sandbox, "aurora")
    with sandbox.store.change("github") as github:
        github_state.find_repository(github, "headend/aurora")["archived"] = True
    look(channel)
    assert channel.health == ChannelHealth.FAILING
    assert "archived" in channel.health_reason


def test_a_repository_without_the_workflow_is_failing_and_says_what_to_do(sandbox):
    channel = github_channel(sandbox, "aurora", files={"README.md": b"empty"})
    seen = look(channel)
    assert channel.health == ChannelHealth.FAILING
    assert seen["repository"].ok
    assert "sync the configuration" in seen["workflow"].sentence


def test_a_repository_that_is_not_there_is_failing(sandbox):
    channel = connected_channel(sandbox, "aurora", github=True)
    look(channel)
    assert channel.health == ChannelHealth.FAILING
    assert "not found" in channel.health_reason


def test_a_github_that_does_not_answer_leaves_the_channel_unknown(sandbox):
    channel = github_channel(sandbox, "aurora")
    sandbox.faults.add("^/github/", "status_before", status=502, times=None)
    seen = look(channel)
    assert channel.health == ChannelHealth.UNKNOWN
    assert seen["repository"].ok is None


def test_a_missing_github_token_is_named_by_its_setting(sandbox, settings):
    settings.GITHUB_TOKEN = ""
    channel = github_channel(sandbox, "aurora")
    look(channel)
    assert channel.health == ChannelHealth.FAILING
    assert "GITHUB_TOKEN" in channel.health_reason


def test_a_local_channel_needs_no_repository(sandbox, settings):
    settings.GITHUB_TOKEN = ""
    channel = connected_channel(sandbox, "delta")
    assert "repository" not in look(channel)
    assert channel.health == ChannelHealth.HEALTHY


def test_failures_reviews_and_overdue_items_degrade_a_channel(sandbox):
    channel = connected_channel(sandbox, "delta")
    JobFactory(channel=channel, failed=True)
    JobFactory(channel=channel, failed=True, finished_at=timezone.now() - timedelta(hours=25))
    ScheduleFactory(channel=channel, needs_review=True)
    ScheduleFactory(channel=channel, overdue=True)
    seen = look(channel)
    assert channel.health == ChannelHealth.DEGRADED
    assert seen["outcomes"].sentence == "1 job failed in the last 24 hours, 1 outcome needs review."
    assert seen["overdue"].sentence.startswith("1 publication is overdue, the first since")


def test_a_channel_without_slots_is_degraded(sandbox):
    channel = connected_channel(sandbox, "delta")
    channel.slots.all().delete()
    assert look(channel)["slots"].ok is False
    assert channel.health == ChannelHealth.DEGRADED


def test_failing_outweighs_degraded_and_degraded_outweighs_unknown():
    def health(*verdicts: tuple[str, bool | None]) -> str:
        return checks.judge([HealthCheck(name, ok, f"{name}.") for name, ok in verdicts])[0]

    assert health(("credential", False), ("slots", False), ("workflow", None)) == ChannelHealth.FAILING
    assert health(("credential", None), ("slots", False)) == ChannelHealth.DEGRADED
    assert health(("credential", None), ("slots", True)) == ChannelHealth.UNKNOWN
    assert health(("credential", True), ("slots", True)) == ChannelHealth.HEALTHY


def test_a_slower_earlier_look_does_not_overwrite_a_later_one(sandbox):
    channel = connected_channel(sandbox, "delta")
    now = timezone.now()
    health_of_monitoring.write_health(channel, [HealthCheck("credential", True, "Fine.")], now)
    health_of_monitoring.write_health(
        channel, [HealthCheck("credential", False, "Old.")], now - timedelta(seconds=5)
    )
    channel.refresh_from_db()
    assert channel.health == ChannelHealth.HEALTHY


def test_checks_are_due_for_channels_not_looked_at_lately_the_oldest_first():
    now = timezone.now()
    old = ChannelFactory(health_checked_at=now - timedelta(hours=1))
    never = ChannelFactory(health_checked_at=None)
    ChannelFactory(health_checked_at=now)
    ChannelFactory(disabled=True)
    assert [job.channel for job in health_of_monitoring.due_checks(now)] == [never, old]
    assert health_of_monitoring.due_checks(now) == []
    assert Job.objects.count() == 2


def test_a_round_of_routine_checks_leaves_github_calls_for_dispatches(monkeypatch):
    monkeypatch.setattr(health_of_monitoring, "MAX_AT_GITHUB", 2)
    ChannelFactory.create_batch(3, github=True)
    local = ChannelFactory()
    jobs = health_of_monitoring.due_checks(timezone.now())
    assert len(jobs) == 3
    assert local in [job.channel for job in jobs]
    assert len(health_of_monitoring.due_checks(timezone.now())) == 1


def test_a_stopped_system_checks_but_does_not_write_configuration(sandbox, settings):
    settings.HEADEND_HEARTBEAT_SECONDS = 0
    service = CentralOrchestrationService()
    channel = github_channel(sandbox, "aurora")
    (synced,) = service.sync_channel_configs().outcomes
    (check,) = service.check_channels().jobs

    worker.work(fast=True)

    check.refresh_from_db()
    assert (check.state, check.result["health"]) == (JobState.SUCCEEDED, ChannelHealth.HEALTHY)
    assert service.monitor_channels(channel_ids=[channel.pk]).channels[0].health == ChannelHealth.HEALTHY
    synced.job.refresh_from_db()
    assert synced.job.state == JobState.QUEUED

    service.start()
    worker.work(fast=True)
    synced.job.refresh_from_db()
    assert (synced.job.state, synced.job.result["revision"]) == (JobState.SUCCEEDED, 1)
    assert service.get_dashboard_data().problems[0]["code"] == "component_silent"
