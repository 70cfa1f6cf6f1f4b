"""Ask whether what work waits for has ended: one probe a blocker, from every minute to every quarter of an hour.

To add a condition: its error class (`channels.gateways.errors`), its remedy (`queue.remedies`) and, where one cheap call can
tell, a line in `PROBES`. Without a line one of the jobs that wait is let try: whether it meets the condition again tells.
"""

import logging
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from channels.gateways.errors import (
    BranchMissing,
    ClientRefused,
    CredentialRevoked,
    RemoteError,
    WorkflowDisabled,
    WorkflowMissing,
)
from channels.models import Channel, Credential
from channels.secrets import SecretUnreadable
from channels.states import OPENING_CREDENTIALS, Executor
from orchestration.core import audit, gateways, lookup
from orchestration.errors import IllegalTransition, OrchestrationError
from orchestration.github import repository_pin, repository_sync
from orchestration.models import Blocker, Job, Pool
from orchestration.monitoring import checks
from orchestration.pipeline import room
from orchestration.queue import blockers, pools
from orchestration.queue import jobs as queue
from orchestration.states import JobKind

logger = logging.getLogger(__name__)

ROOM_BYTES = 1024**3
"""How much room a disk has to have again, or a twentieth of it, before what waits for it goes on."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a probe was told: whether the condition has ended, in a sentence."""

    ended: bool
    sentence: str


_asked_since_start: set[str] = set()


def probe_due(now: datetime | None = None) -> int:
    """Ask about every condition whose turn it is; returns how many have ended. Any number may ask at once.

    A process that has just started may have another setting than the one before: it asks about those at once.
    """
    now = now or timezone.now()
    if not _asked_since_start:
        _asked_since_start.add("settings")
        blockers.ask_soon(now, code__in=blockers.OF_SETTINGS)
    return sum(_ask(row, now) for row in blockers.take_due(now))


def probe(blocker_id: int) -> bool:
    """Ask about one condition now, whenever its turn is; returns whether it has ended."""
    now = timezone.now()
    row = blockers.take(blocker_id, now)
    return row is None or _ask(row, now)


def _ask(row: Blocker, now: datetime) -> bool:
    try:
        answer = _answer(row, now)
    except (RemoteError, OrchestrationError, SecretUnreadable) as error:
        answer = Answer(False, str(error))
    except Exception as error:
        logger.exception("blocker %s could not be asked about", row.pk)
        answer = Answer(False, f"It could not be asked about: {type(error).__name__}.")
    if answer.ended:
        with audit.correlated(audit.new_correlation_id()):
            blockers.clear(row.pk, answer.sentence, now=now)
    else:
        blockers.note_answer(row, answer.sentence)
    return answer.ended


def _answer(row: Blocker, now: datetime) -> Answer:
    if row.until is not None and row.until <= now:
        return Answer(True, f"its time has come: {row.until:%Y-%m-%d %H:%M} UTC")
    is_trying = Job.objects.open().filter(pk=row.canary_id or 0).exists()
    if not row.jobs.claimable().exists() and not is_trying:
        return Answer(True, "nothing waits for it any more")
    known = PROBES.get(row.code)
    return known(row) if known is not None else _by_a_try(row, now)


def _by_a_try(row: Blocker, now: datetime) -> Answer:
    job = blockers.let_one_try(row, now)
    return Answer(False, f"job {job.pk} is let try" if job else "nothing of what waits can be let try now")


def _channel_of(row: Blocker) -> Channel:
    return Channel.objects.get(pk=row.channel_id or 0)


def _credential(row: Blocker) -> Answer:
    """Ask Google whether the channel's credential opens it."""
    look = checks.of_credential(_channel_of(row), None, timezone.now(), fresh_for=timedelta(0))
    return Answer(bool(look.ok), look.sentence)


def _client(row: Blocker) -> Answer:
    """Ask Google for a token of any channel that the installation's OAuth client opens."""
    known = Credential.objects.filter(client_id=settings.GOOGLE_CLIENT_ID, state__in=OPENING_CREDENTIALS)
    credential = known.select_related("channel").order_by("-checked_at").first()
    if credential is None:
        return _by_a_try(row, timezone.now())
    try:
        checks.my_channel(credential.channel, None)
    except ClientRefused:
        raise
    except CredentialRevoked as error:
        return Answer(True, f"Google takes the client, and refuses one channel's token: {error}")
    return Answer(True, "Google takes the OAuth client again.")


def _github_token(row: Blocker) -> Answer:
    channel = Channel.objects.enabled().filter(executor=Executor.GITHUB).exclude(repository="").first()
    with gateways.github(channel) as github:
        github.rate_limit()
    return Answer(True, "GitHub takes the installation's credential again.")


def _repository(row: Blocker) -> Answer:
    """Look at GitHub whether the channel's repository has what a dispatch needs. Raises: any RemoteError."""
    channel = _channel_of(row)
    with gateways.github(channel) as github:
        found = repository_pin.look_at(channel, github)
        path = f"{checks.WORKFLOW_FOLDER}/{channel.workflow}"
        if github.read_file(channel.repository, path, channel.ref) is None:
            kind = BranchMissing if row.code == BranchMissing.code else WorkflowMissing
            raise kind(
                f"{found.full_name} has no {path} on branch {channel.ref}; its default branch is {found.default_branch}."
            )
        state = github.workflow_state(channel.repository, channel.workflow)
        if state != "active":
            raise WorkflowDisabled(
                f"Workflow {channel.workflow} of {found.full_name} is {state}: enable it again at {found.html_url}/actions."
            )
    return Answer(True, f"{found.full_name} has branch {channel.ref} and its workflow is active.")


def _drift(row: Blocker) -> Answer:
    """Look whether somebody has put back by hand what was changed by hand."""
    channel = _channel_of(row)
    found = repository_sync.look(channel)
    return Answer(not found, "; ".join(map(str, found)) or f"{channel.repository} is as Headend wrote it.")


def take_over_branch(blocker_id: int, reason: str = "") -> None:
    """Let a channel whose branch is gone use its repository's default branch, and ask about it at once.

    Raises: NotFound; IllegalTransition, if it is not that which is waited for; any RemoteError.
    """
    row = lookup.one(Blocker.objects.open(), blocker_id, field="blocker_id")
    if row.code != BranchMissing.code:
        raise IllegalTransition(f"Blocker {row.pk} is {row.code}; no branch is missing.", state=row.code)
    channel = _channel_of(row)
    with gateways.github(channel) as github:
        found = repository_pin.look_at(channel, github)
    with transaction.atomic():
        locked = Channel.objects.locked().get(pk=channel.pk)
        was, locked.ref = locked.ref, found.default_branch
        Channel.objects.filter(pk=channel.pk).update(ref=found.default_branch)
        audit.record(
            "channel_branch_taken_over",
            locked,
            before={"ref": was},
            after={"ref": found.default_branch},
            reason=reason or f"{found.full_name} has no branch {was} any more",
        )
        if Credential.objects.filter(channel=channel).exclude(pushed_at=None).exists():
            # The environment that holds its secrets is opened to the new branch.
            queue.enqueue(JobKind.SYNC, dedupe_key=f"sync:{channel.pk}", channel=locked)
    probe(row.pk)


def _budget(row: Blocker) -> Answer:
    pool = Pool.objects.filter(name=row.detail).first()
    if pool is None:
        return Answer(True, "The pool does not exist any more.")
    room = pools.Room([pool], timezone.now()).free[pool.name]
    return Answer(room > 0, f"{pool.label}: {max(room, 0)} of {pool.capacity} are left today.")


def _disk(row: Blocker) -> Answer:
    usage = shutil.disk_usage(settings.MEDIA_ROOT)
    free = f"{usage.free // 1024**2} MB are free on the disk of MEDIA_ROOT."
    return Answer(usage.free >= min(ROOM_BYTES, usage.total // 20), free)


def _floor(row: Blocker) -> Answer:
    free, floor = room.free_bytes(), settings.HEADEND_DISK_FLOOR_BYTES
    told = f"{free // 1024**2} MB are free on the disk of MEDIA_ROOT, {floor // 1024**2} MB are kept free."
    return Answer(free >= floor + floor // 20, told)


def _until(row: Blocker) -> Answer:
    return Answer(False, f"It ends at {row.until:%Y-%m-%d %H:%M} UTC." if row.until else "Nobody said when.")


PROBES: Mapping[str, Callable[[Blocker], Answer]] = MappingProxyType(
    {
        "credential_missing": _credential,
        "credential_revoked": _credential,
        "wrong_channel": _credential,
        "youtube_signup_required": _credential,
        "client_refused": _client,
        "github_token_missing": _github_token,
        "github_token_refused": _github_token,
        "github_app_refused": _github_token,
        "github_app_not_installed": _repository,
        "github_app_suspended": _repository,
        "repository_missing": _repository,
        "repository_archived": _repository,
        "repository_changed": _repository,
        "repository_public": _repository,
        "repository_drifted": _drift,
        "branch_missing": _repository,
        "workflow_missing": _repository,
        "workflow_disabled": _repository,
        "budget_exhausted": _budget,
        "quota_exhausted": _until,
        "storage_full": _disk,
        "disk_too_full": _floor,
    }
)
