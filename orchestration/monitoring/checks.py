"""Look at one channel: its credential, its repository, its slots, what happened lately. Each look gives one sentence.

The looks speak to YouTube and GitHub and are called by a worker, outside any transaction. What a look finds out for
certain about a credential (revoked, of another channel) is written at once, by `transition`.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Count, Min, Q
from django.utils import timezone

from channels.gateways.errors import CredentialMissing, CredentialRevoked, RemoteError, RepositoryPublic
from channels.gateways.youtube_values import ChannelInfo
from channels.models import Channel, Credential
from channels.states import OPENING_CREDENTIALS, ChannelHealth, CredentialState, Executor
from orchestration.core import audit, gateways
from orchestration.core.transitions import transition
from orchestration.errors import OrchestrationError, StaleState
from orchestration.github import repository_pin, repository_sync
from orchestration.models import Distribution, Job, RepositoryRecord, Schedule
from orchestration.pipeline.youtube_calls import charged
from orchestration.results.channels import HealthCheck
from orchestration.scheduling import snapshots
from orchestration.scheduling.file_urls import is_in_reach_of_runs
from orchestration.states import DistributionState, JobKind, JobState, ScheduleState

CREDENTIAL, GITHUB, REPOSITORY, WORKFLOW = "credential", "github", "repository", "workflow"
CONSENT, DELIVERY, DRIFT, VISIBILITY = "consent", "delivery", "drift", "visibility"
SLOTS, CALENDAR, OUTCOMES, OVERDUE = "slots", "calendar", "outcomes", "overdue"
ESSENTIAL = frozenset({CREDENTIAL, GITHUB, REPOSITORY, VISIBILITY, WORKFLOW})
"""Where one of these says no, nothing can be published: the channel is failing. A no of the others degrades it."""

RECENT = timedelta(hours=24)
MAX_PLANNED = 200
"""How many of a channel's planned videos are looked at for an address that is a page."""
PUBLISHING_ITSELF = (ScheduleState.PLANNED, ScheduleState.STAGING, ScheduleState.STAGED)
"""What goes public at its moment unless somebody does something about it."""
EXPIRING_BEFORE = timedelta(days=3)
"""How long before a consent ends its channel says so: of the seven days that an app in Testing gets, the last three."""
WORKFLOW_FOLDER = ".github/workflows"


def judge(checks: Iterable[HealthCheck]) -> tuple[str, str]:
    """Return a channel's health and the reason: failing before degraded before unknown before healthy."""
    checks = list(checks)
    no = [check for check in checks if check.ok is False]
    failing = [check for check in no if check.check in ESSENTIAL]
    unknown = [check for check in checks if check.ok is None]
    if failing:
        return ChannelHealth.FAILING, _sentences(failing)
    if no:
        return ChannelHealth.DEGRADED, _sentences(no)
    if unknown:
        return ChannelHealth.UNKNOWN, _sentences(unknown)
    return ChannelHealth.HEALTHY, "Everything that was looked at is in order."


def _sentences(checks: Iterable[HealthCheck]) -> str:
    text = " ".join(check.sentence for check in checks)
    return text if len(text) <= 300 else text[:299] + "…"


# ----------------------------------------------------------------------------------------------------------- credential


def of_credential(channel: Channel, job: Job | None, now: datetime, *, fresh_for: timedelta) -> HealthCheck:
    """Ask Google whether the credential still opens this very channel, unless it was asked less than `fresh_for` ago."""
    credential = Credential.objects.filter(channel=channel).first()
    if credential is None:
        return HealthCheck(CREDENTIAL, False, "The channel is not connected: it has no Google credential.")
    is_valid = credential.state in OPENING_CREDENTIALS and channel.youtube_channel_id
    if is_valid and credential.checked_at and now - credential.checked_at < fresh_for:
        return HealthCheck(
            CREDENTIAL,
            True,
            f"Google confirmed the credential at {credential.checked_at:%Y-%m-%d %H:%M} UTC.",
        )
    try:
        found = my_channel(channel, job)
    except (RemoteError, OrchestrationError) as error:
        return _refused(credential, error, now)
    return _compare(channel, credential, found, now)


def my_channel(channel: Channel, job: Job | None) -> ChannelInfo:
    """Ask YouTube which channel the credential speaks for; the call is charged before it is made.

    Raises: BudgetExhausted; any RemoteError.
    """
    with gateways.youtube(channel) as youtube, charged("my_channel", "channels.list", job):
        return youtube.my_channel()


def _refused(credential: Credential, error: Exception, now: datetime) -> HealthCheck:
    sentence = f"{error}".rstrip(".") + "."
    if getattr(error, "again", "never") == "again":
        return HealthCheck(CREDENTIAL, None, f"The credential could not be looked at: {sentence}")
    if isinstance(error, CredentialRevoked):
        return _set_state(credential, CredentialState.REVOKED, sentence, now)
    if isinstance(error, CredentialMissing):
        return _set_state(credential, CredentialState.MISSING, sentence, now)
    _note_checked(credential, now)
    return HealthCheck(CREDENTIAL, False, sentence)


def _compare(channel: Channel, credential: Credential, found: ChannelInfo, now: datetime) -> HealthCheck:
    if not channel.youtube_channel_id:
        taken_by = adopt(channel, found)
        if taken_by:
            sentence = (
                f"The credential opens {found.title} ({found.id}), which is registered as {taken_by} already."
            )
            return _set_state(credential, CredentialState.WRONG_CHANNEL, sentence, now)
    if channel.youtube_channel_id != found.id:
        sentence = f"The credential opens {found.title} ({found.id}), not {channel.youtube_channel_id}."
        return _set_state(credential, CredentialState.WRONG_CHANNEL, sentence, now)
    sentence = f"The credential opens {found.title}."
    if credential.state == CredentialState.EXPIRING and _ends_soon(credential, now):
        _note_checked(credential, now)  # it stays expiring, whose reason `of_consent` gives
        return HealthCheck(CREDENTIAL, True, sentence)
    return _set_state(credential, CredentialState.VALID, sentence, now)


def of_consent(channel: Channel, now: datetime) -> list[HealthCheck]:
    """Look when the channel owner's consent ends, if Google said so; the credential is `expiring` ahead of it.

    Google alone says what is: a consent whose end has passed opens the channel until a token is refused.
    """
    credential = Credential.objects.filter(channel=channel).first()
    if credential is None or credential.expires_at is None or credential.state not in OPENING_CREDENTIALS:
        return []
    ends = f"{credential.expires_at:%Y-%m-%d %H:%M} UTC"
    if not _ends_soon(credential, now):
        return [HealthCheck(CONSENT, True, f"The consent lasts until {ends}.")]
    sentence = (
        f"The consent {'ends' if now < credential.expires_at else 'was to end'} at {ends}: connect the channel again. "
        "While the Google app is in Testing every consent lasts seven days; publish the app to end that."
    )
    if credential.state != CredentialState.EXPIRING:
        looked = _set_state(credential, CredentialState.EXPIRING, sentence, credential.checked_at)
        if looked.ok is None:
            return [HealthCheck(CONSENT, None, looked.sentence)]
    return [HealthCheck(CONSENT, False, sentence)]


def _ends_soon(credential: Credential, now: datetime) -> bool:
    return credential.expires_at is not None and now >= credential.expires_at - EXPIRING_BEFORE


def adopt(channel: Channel, found: ChannelInfo) -> str:
    """Pin the YouTube channel that a credential opens, if none is pinned; returns the name of who has it already."""
    taken = Channel.objects.filter(youtube_channel_id=found.id).exclude(pk=channel.pk)
    try:
        with transaction.atomic():
            mine = not taken.exists() and Channel.objects.filter(pk=channel.pk, youtube_channel_id="").update(
                youtube_channel_id=found.id
            )
            if mine:
                audit.record(
                    "youtube_channel_adopted",
                    channel,
                    before={"youtube_channel_id": ""},
                    after={"youtube_channel_id": found.id},
                    reason=f"the credential opens {found.title}",
                )
    except IntegrityError:
        pass  # somebody registered it in the meantime: named below
    channel.refresh_from_db(fields=["youtube_channel_id"])
    return taken.values_list("name", flat=True).first() or ""


def _set_state(credential: Credential, state: str, sentence: str, checked_at: datetime | None) -> HealthCheck:
    """Write what Google said, unless the credential was connected anew while it was asked."""
    ok = state in OPENING_CREDENTIALS
    reason = "" if state == CredentialState.VALID else sentence[:300]
    if credential.state == state and credential.reason == reason:
        _note_checked(credential, checked_at)
        return HealthCheck(CREDENTIAL, ok, sentence)
    same = {"refresh_token_sealed": credential.refresh_token_sealed}
    try:
        if credential.state == state:
            Credential.objects.filter(pk=credential.pk, state=state, **same).update(
                reason=reason, checked_at=checked_at
            )
        else:
            with transaction.atomic():
                transition(credential, state, reason=sentence, where=same, checked_at=checked_at)
                # The field shares its name with the entry's reason, so it cannot travel with the transition.
                Credential.objects.filter(pk=credential.pk, version=credential.version).update(reason=reason)
    except StaleState:
        return HealthCheck(CREDENTIAL, None, "The credential was changed while it was looked at; look again.")
    return HealthCheck(CREDENTIAL, ok, sentence)


def _note_checked(credential: Credential, checked_at: datetime | None) -> None:
    Credential.objects.filter(pk=credential.pk).update(checked_at=checked_at)


# ----------------------------------------------------------------------------------------------------------- repository


def of_repository(channel: Channel) -> list[HealthCheck]:
    """Look whether the channel's repository is still the pinned one, can be written to, and holds the workflow."""
    if channel.executor != Executor.GITHUB:
        return []
    try:
        with gateways.github(channel) as github:
            found = repository_pin.look_at(channel, github)
            checks = [
                HealthCheck(GITHUB, *gateways.github_access(channel, github)),
                HealthCheck(
                    REPOSITORY, True, f"Repository {found.full_name} is the pinned one ({found.id})."
                ),
            ]
            path = f"{WORKFLOW_FOLDER}/{channel.workflow}"
            try:
                present = github.read_file(channel.repository, path, channel.ref) is not None
            except RemoteError as error:
                return [*checks, _unlooked(WORKFLOW, error)]
    except CredentialMissing as error:
        return [HealthCheck(GITHUB, False, str(error))]
    except CredentialRevoked as error:
        return [HealthCheck(GITHUB, False, f"{error}.")]
    except RepositoryPublic as error:
        return [HealthCheck(VISIBILITY, False, str(error))]
    except (RemoteError, OrchestrationError) as error:
        return [_unlooked(REPOSITORY, error)]
    if not found.private:
        sentence = f"{found.full_name} is public, and somebody acknowledged that."
        checks.append(HealthCheck(VISIBILITY, True, sentence))
    if present:
        return [*checks, HealthCheck(WORKFLOW, True, f"The workflow {path} is there.")]
    missing = f"{found.full_name} has no {path} on {channel.ref}; sync the configuration to write it."
    return [*checks, HealthCheck(WORKFLOW, False, missing)]


def of_drift(channel: Channel, *, fresh_for: timedelta) -> list[HealthCheck]:
    """Look whether somebody changed by hand what Headend keeps in the repository, unless that was looked at lately."""
    record = RepositoryRecord.objects.filter(channel=channel, repository_id=channel.repository_id).first()
    if record is None or not record.files:
        return []
    drift = [f"{each['what']} {each['name']}" for each in record.drift]
    if record.checked_at is None or timezone.now() - record.checked_at >= fresh_for:
        try:
            drift = [f"{each.what} {each.name}" for each in repository_sync.look(channel)]
        except (RemoteError, OrchestrationError) as error:
            return [_unlooked(DRIFT, error)]
    if drift:
        sentence = (
            f"Changed by hand in {channel.repository}: {', '.join(drift[:5])}. Overwrite it, or import it."
        )
        return [HealthCheck(DRIFT, False, sentence)]
    return [HealthCheck(DRIFT, True, f"{channel.repository} is as Headend wrote it.")]


def _unlooked(check: str, error: Any) -> HealthCheck:
    sentence = f"{error}".rstrip(".") + "."
    return HealthCheck(check, None if error.again == "again" else False, sentence)


def of_delivery(channel: Channel) -> list[HealthCheck]:
    """Look whether the channel's runs will get the files that are planned for it.

    Without HEADEND_PUBLIC_URL a run fetches the original from its address. Where that is a page there is no file: the run
    would fail at its moment, so it is said as soon as the video is planned.
    """
    if channel.executor != Executor.GITHUB or settings.HEADEND_PUBLIC_URL:
        return []
    waiting = Distribution.objects.filter(channel=channel, state=DistributionState.ASSIGNED)
    rows = waiting.order_by("schedule__publish_at", "id").values_list(
        "video__url", "video__title", "video__source__access_set_at"
    )
    pages = [
        title or url
        for url, title, access in rows[:MAX_PLANNED]
        if not is_in_reach_of_runs(url, needs_access=access is not None)
    ]
    if pages:
        lie = _count(len(pages), "planned video lies", "planned videos lie")
        sentence = (
            "HEADEND_PUBLIC_URL is not set, so a run fetches the original from its address, and "
            f"{lie} behind a page (first: {pages[0][:60]}), which fails as media_changed. "
            "Set it, or let local workers stage."
        )
        return [HealthCheck(DELIVERY, False, sentence)]
    sentence = "HEADEND_PUBLIC_URL is not set: runs fetch each original from its source, and report nothing."
    return [HealthCheck(DELIVERY, True, sentence)]


# ---------------------------------------------------------------------------------------------------- what our rows say


def of_slots(channel: Channel) -> HealthCheck:
    """Count the times at which the channel posts."""
    slots = channel.slots.filter(enabled=True).count()
    if not slots:
        return HealthCheck(
            SLOTS, False, "No posting slot is set, so distribution finds no time for this channel."
        )
    return HealthCheck(SLOTS, True, f"{slots} posting slot{'s' if slots > 1 else ''} a week.")


def of_calendar(channel: Channel, now: datetime) -> list[HealthCheck]:
    """Look for publications that were planned before a blackout was set over them: they go public all the same."""
    windows = [snapshots.blackout_view(row, channel.timezone) for row in channel.blackouts.all()]
    times = Schedule.objects.filter(channel=channel, state__in=PUBLISHING_ITSELF, publish_at__gt=now)
    dark = [
        at
        for at in times.order_by("publish_at").values_list("publish_at", flat=True)
        if any(window.starts_at <= at < window.ends_at for window in windows)
    ]
    if not dark:
        return []
    lie = _count(len(dark), "planned publication lies", "planned publications lie")
    sentence = (
        f"{lie} in a blackout that was set later, the first at {dark[0]:%Y-%m-%d %H:%M} UTC, "
        "and will go public there: move, hold or cancel what is not to."
    )
    return [HealthCheck(CALENDAR, False, sentence)]


def of_outcomes(channel: Channel, now: datetime) -> HealthCheck:
    """Count what failed in the last 24 hours, and what a person has to look at."""
    since = now - RECENT
    jobs = (
        Job.objects.filter(channel=channel)
        .exclude(kind=JobKind.CHECK)
        .aggregate(
            failed=Count(
                "pk", filter=Q(state__in=[JobState.FAILED, JobState.ERRORED], finished_at__gte=since)
            ),
            review=Count("pk", filter=Q(state=JobState.NEEDS_REVIEW, schedule__isnull=True)),
        )
    )
    schedules = Schedule.objects.filter(channel=channel).aggregate(
        missed=Count("pk", filter=Q(state=ScheduleState.MISSED, state_changed_at__gte=since)),
        review=Count("pk", filter=Q(state=ScheduleState.NEEDS_REVIEW)),
    )
    review = jobs["review"] + schedules["review"]
    said = [
        text
        for count, text in (
            (jobs["failed"], _count(jobs["failed"], "job failed", "jobs failed") + " in the last 24 hours"),
            (
                schedules["missed"],
                _count(schedules["missed"], "publication was", "publications were") + " missed",
            ),
            (review, _count(review, "outcome needs", "outcomes need") + " review"),
        )
        if count
    ]
    if said:
        return HealthCheck(OUTCOMES, False, f"{', '.join(said)}.")
    return HealthCheck(OUTCOMES, True, "Nothing failed in the last 24 hours.")


def of_overdue(channel: Channel, now: datetime) -> HealthCheck:
    """Look for publications whose moment has passed and that are neither published nor settled otherwise."""
    late = channel.schedules.overdue(now).aggregate(count=Count("*"), first=Min("publish_at"))
    if late["count"]:
        sentence = f"{_count(late['count'], 'publication is', 'publications are')} overdue"
        return HealthCheck(OVERDUE, False, f"{sentence}, the first since {late['first']:%Y-%m-%d %H:%M} UTC.")
    return HealthCheck(OVERDUE, True, "Nothing is overdue.")


def _count(count: int, one: str, many: str) -> str:
    return f"{count} {one if count == 1 else many}"
