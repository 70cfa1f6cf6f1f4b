"""Check states, the audit log, secrets and whose database this is."""

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.db.models import F, Model, QuerySet

from channels.models import Channel, Credential
from channels.secrets import SecretUnreadable
from channels.stateful import Stateful
from orchestration.core import change_counts
from orchestration.core.installation import is_waiting_to_be_taken_over
from orchestration.models import (
    Activity,
    Conflict,
    Distribution,
    Job,
    Schedule,
    Source,
    SystemState,
    Video,
    Wave,
    WorkflowRun,
)
from orchestration.monitoring import record_check, record_standing
from orchestration.monitoring.invariants.values import Look, Violation, broken
from orchestration.states import SystemStatus

STATEFUL: tuple[type[Stateful], ...] = (
    Channel,
    Credential,
    Conflict,
    Distribution,
    Job,
    Schedule,
    Source,
    SystemState,
    Video,
    Wave,
    WorkflowRun,
)
AUDITED: tuple[type[Stateful], ...] = (Conflict, Distribution, Job, Schedule, Video, Wave, WorkflowRun)
"""Rows that say when they were made, so that one can see whether their state has changed since."""
MAX_ROWS = 200_000


def only_listed_states(look: Look) -> Iterator[Violation]:
    """Look for states that no table names."""
    for model in STATEFUL:
        for row in model._default_manager.exclude(state__in=model.TRANSITIONS):
            yield broken(row, f"is {row.state!r}, which is no state")


def only_listed_transitions(look: Look) -> Iterator[Violation]:
    """Look for entries of changes that no arrow allows."""
    tables = {ContentType.objects.get_for_model(model).pk: model.TRANSITIONS for model in STATEFUL}
    for entry in _entries(look).filter(content_type__in=tables, after__has_key="state"):
        old, new = (entry.before or {}).get("state"), (entry.after or {}).get("state")
        if entry.additional_data and "members" in entry.additional_data:
            continue  # a batch's states are its members'
        if isinstance(old, str) and old != new and new not in tables[entry.content_type_id].get(old, ()):
            yield broken(entry, f"({entry.verb}) says that {entry.object_repr} went from {old} to {new}")


def changes_have_entries(look: Look) -> Iterator[Violation]:
    """Look for rows whose state changed without an entry that names the state they are in."""
    named = _named_states(look)
    for model in AUDITED:
        kind = str(model._meta.model_name)
        lately = model._default_manager.filter(state_changed_at__gt=look.since)
        changed = lately.filter(state_changed_at__gt=F("created_at"))
        for pk, state in changed.values_list("pk", "state")[:MAX_ROWS]:
            if state not in named[kind, pk]:
                yield Violation(
                    f"{kind} {pk} became {state}, and no entry says so",
                    f"{kind} {pk}",
                )


def _named_states(look: Look) -> dict[tuple[str, int], set[str]]:
    """Return which states entries say that each row went to, by itself or as a member of a batch."""
    models = {ContentType.objects.get_for_model(model).pk: str(model._meta.model_name) for model in AUDITED}
    named: dict[tuple[str, int], set[str]] = defaultdict(set)
    rows = _entries(look).filter(after__has_key="state")
    for content_type, pk, after, more in rows.values_list(
        "content_type_id", "object_id", "after", "additional_data"
    ):
        if content_type in models:
            named[models[content_type], pk].add(after["state"])
        for name, ids in ((more or {}).get("members") or {}).items():
            for member in ids:
                named[name, member].add(after["state"])
    return named


def _entries(look: Look) -> QuerySet[Activity]:
    return Activity.objects.filter(timestamp__gt=look.since)


# --------------------------------------------------------------------------------------------------------------- secrets

SHAPES = re.compile(
    r"\bgh[pousr]_[A-Za-z0-9]{20,}|\bgithub_pat_[A-Za-z0-9_]{20,}|\bya29\.[A-Za-z0-9_-]{10,}|\b1//[A-Za-z0-9_-]{20,}"
    r"|\bGOCSPX-[A-Za-z0-9_-]{10,}|upload_id=[A-Za-z0-9_-]{8,}|\bBearer [A-Za-z0-9._-]{16,}"
)
"""How tokens of GitHub and Google look, and the capability in an upload session's address."""
SHORTEST = 8  # a shorter value would be found everywhere by chance
PLAIN: tuple[tuple[type[Model], tuple[str, ...], str], ...] = (
    (Activity, ("reason", "object_repr", "changes", "before", "after", "additional_data"), "timestamp"),
    (Job, ("reason", "result", "error_message", "progress_note", "waits_for"), "created_at"),
    (WorkflowRun, ("result", "error_message", "html_url"), "created_at"),
    (Distribution, ("error_message", "reason", "explanation"), "created_at"),
    (Schedule, ("reason",), "created_at"),
)


def no_plain_secrets(look: Look) -> Iterator[Violation]:
    """Look for secrets where people and logs read, and for sealed columns that are not sealed."""
    known = _known_secrets()
    for model, fields, made_at in PLAIN:
        rows = model._default_manager.filter(**{f"{made_at}__gt": look.since}).order_by("-pk")
        for pk, *values in rows.values_list("pk", *fields)[:MAX_ROWS]:
            text = " ".join(_text(values))
            if any(secret in text for secret in known) or SHAPES.search(text):
                subject = f"{model._meta.model_name} {pk}"
                yield Violation(f"{subject} holds a secret in plain text", subject)
    for row in Distribution.objects.filter(upload_session_sealed__contains="://"):
        yield broken(row, "keeps its upload session unsealed")


def _text(values: Iterable[Any]) -> Iterator[str]:
    for value in values:
        if value:
            yield value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False)


def _known_secrets() -> set[str]:
    secrets = {
        settings.SECRET_KEY,
        settings.GITHUB_TOKEN,
        settings.GITHUB_APP_PRIVATE_KEY,
        settings.GITHUB_WEBHOOK_SECRET,
        settings.GOOGLE_CLIENT_SECRET,
        *settings.HEADEND_ENCRYPTION_KEYS,
    }
    for credential in Credential.objects.all():
        try:
            secrets |= {credential.client_secret, credential.refresh_token}
        except SecretUnreadable:
            continue  # nobody can read it here, so nothing of ours has written it anywhere
    return {secret for secret in secrets if secret and len(secret) >= SHORTEST}


def a_copy_does_not_run(look: Look) -> Iterator[Violation]:
    """Look for a database of another installation, or a restored backup, that is not held back."""
    system = SystemState.objects.filter(pk=1).exclude(state=SystemStatus.PAUSED).first()
    if system is not None and is_waiting_to_be_taken_over() and look.ticking:
        yield broken(system, f"is {system.state}, but its database is a copy or a restored backup")


def the_record_is_as_it_was_sealed(look: Look) -> Iterator[Violation]:
    """Look for entries that were changed, taken away or put in, and for what should refuse that and is not there."""
    for finding in record_check.verify(since=None if look.everything else look.since).findings:
        yield Violation(finding.sentence, finding.subject)
    since = record_standing.waits_too_long(look.now) if look.ticking else None
    if since is not None:
        yield Violation(
            f"An entry of {since:%Y-%m-%d %H:%M} UTC waits for its seal; is beat running?", "the record"
        )


def every_change_is_counted(look: Look) -> Iterator[Violation]:
    """Look for tables whose changes an open page would not notice."""
    for table, what in change_counts.missing():
        yield Violation(f"{table or 'The database'} {what}; `manage.py count_changes` mends it", table)
