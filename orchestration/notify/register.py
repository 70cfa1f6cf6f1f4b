"""Enter, change and remove what is told to whom: addresses, rules and silences; and try an address."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime, time
from typing import Any
from zoneinfo import available_timezones

from auditlog.context import disable_auditlog
from django.db import IntegrityError, transaction
from django.utils import timezone

from channels.models import Channel
from orchestration.core import audit, lookup
from orchestration.errors import InvalidRequest
from orchestration.models import Notification, NotificationAddress, NotificationRule, Silence
from orchestration.models.notify import (
    HEARTBEAT,
    Category,
    NotificationKind,
    NotificationOutcome,
    Severity,
)
from orchestration.notify import apprise_calls, outbox

MAX_NAME = 80
TEST_TITLE = "Headend: a test"
TEST_BODY = "This is a test of this address. Nothing is wrong, and nothing has to be done."

# ------------------------------------------------------------------------------------------------------------ addresses


def add_address(*, name: str, url: str, heartbeat: bool = False, enabled: bool = True) -> NotificationAddress:
    """Enter an address; it is checked first and sealed. Raises: InvalidRequest, naming `name` or `url`."""
    name = _name(NotificationAddress, name)
    url = url.strip()
    checked = apprise_calls.check(url, heartbeat=heartbeat)
    with _unique("name", "address", name), transaction.atomic(), disable_auditlog():
        row = NotificationAddress.objects.create(
            name=name, kind=checked.kind, shown=checked.shown, enabled=enabled
        )
        row.seal(url)
        row.save(update_fields=["url_sealed"])
        audit.record("notification_address_added", row, after=_of_address(row))
    return row


def change_address(
    address_id: int, *, name: str | None = None, url: str | None = None, enabled: bool | None = None
) -> NotificationAddress:
    """Change what is given of an address. Raises: NotFound; InvalidRequest, naming `name` or `url`."""
    kind = lookup.one(NotificationAddress, address_id, field="address_id").kind
    if name is not None:
        name = _name(NotificationAddress, name, but=address_id)
    checked = None
    if url:
        url = url.strip()
        checked = apprise_calls.check(url, heartbeat=kind == HEARTBEAT)
    with _unique("name", "address", name or ""), transaction.atomic(), disable_auditlog():
        row = lookup.one(NotificationAddress.objects.locked(), address_id, field="address_id")
        before = _of_address(row)
        row.name = row.name if name is None else name
        row.enabled = row.enabled if enabled is None else enabled
        if url and checked:
            row.kind, row.shown = checked.kind, checked.shown
            row.last_error, row.gave_up_at = "", None
            row.seal(url)
        row.save()
        after = _of_address(row) | ({"url": "changed"} if url else {})
        audit.record("notification_address_changed", row, before=before, after=after)
    return row


def remove_address(address_id: int, reason: str = "") -> None:
    """Remove an address; what waits for it is not sent, the log keeps its name. Raises: NotFound."""
    with transaction.atomic(), disable_auditlog():
        row = lookup.one(NotificationAddress.objects.locked(), address_id, field="address_id")
        row.notifications.filter(outcome__in=outbox.OPEN_OUTCOMES).update(
            outcome=NotificationOutcome.WITHDRAWN, error="Its address was removed."
        )
        audit.record("notification_address_removed", row, before=_of_address(row), after={}, reason=reason)
        row.delete()


def test_address(address_id: int) -> Notification:
    """Send a test to an address now, outside any transaction, and return the log's row with its outcome.

    Raises: NotFound; InvalidRequest, if it is a heartbeat, which takes no message.
    """
    address = lookup.one(NotificationAddress, address_id, field="address_id")
    if address.kind == HEARTBEAT:
        raise InvalidRequest(
            f"{address} is a heartbeat: it is called, and takes no message.", field="address_id"
        )
    now = timezone.now()
    with transaction.atomic():
        row = Notification.objects.create(
            once=f"test:{uuid.uuid4().hex}",
            kind=NotificationKind.TEST,
            address=address,
            address_name=address.name,
            title=TEST_TITLE,
            body=TEST_BODY,
            outcome=NotificationOutcome.SENDING,
            created_at=now,
            due_at=now,
            claimed_at=now,
            attempts=1,
            message_id=uuid.uuid4().hex,
        )
        audit.record("notification_address_tested", address, after={"notification": row.pk})
    outbox.send([row])
    row.refresh_from_db()
    return row


test_address.__test__ = False  # type: ignore[attr-defined]  # pytest takes it for a test where it is imported


def _of_address(row: NotificationAddress) -> dict[str, Any]:
    return {"name": row.name, "kind": row.kind, "shown": row.shown, "enabled": row.enabled}


# ---------------------------------------------------------------------------------------------------------------- rules

RULE_FIELDS = (
    *("name", "min_severity", "kinds", "quiet_from", "quiet_until", "zone", "critical_breaks_quiet"),
    *("reminder_hours", "send_recovery", "digest_at", "enabled"),
)


def add_rule(
    values: Mapping[str, Any], *, address_ids: Sequence[int], channel_ids: Sequence[int] = ()
) -> NotificationRule:
    """Enter a rule. Raises: InvalidRequest or NotFound, naming the field."""
    row = NotificationRule(name=_name(NotificationRule, str(values.get("name", ""))))
    return _write_rule(row, values, address_ids, channel_ids, "notification_rule_added")


def change_rule(
    rule_id: int,
    values: Mapping[str, Any],
    *,
    address_ids: Sequence[int] | None = None,
    channel_ids: Sequence[int] | None = None,
) -> NotificationRule:
    """Change what is given of a rule. Raises: NotFound, InvalidRequest, naming the field."""
    row = lookup.one(NotificationRule, rule_id, field="rule_id")
    if "name" in values:
        values = {**values, "name": _name(NotificationRule, str(values["name"]), but=rule_id)}
    return _write_rule(row, values, address_ids, channel_ids, "notification_rule_changed")


def remove_rule(rule_id: int, reason: str = "") -> None:
    """Remove a rule; what it has written already is sent. Raises: NotFound."""
    with transaction.atomic(), disable_auditlog():
        row = lookup.one(NotificationRule.objects.locked(), rule_id, field="rule_id")
        audit.record("notification_rule_removed", row, before=_of_rule(row), after={}, reason=reason)
        row.delete()


def _write_rule(
    row: NotificationRule,
    values: Mapping[str, Any],
    address_ids: Sequence[int] | None,
    channel_ids: Sequence[int] | None,
    verb: str,
) -> NotificationRule:
    before = _of_rule(row) if row.pk else None
    old_digest = (row.digest_at, row.zone)
    for name in RULE_FIELDS:
        if name in values and name != "name":
            setattr(row, name, values[name])
    row.name = str(values["name"]).strip() if "name" in values else row.name
    _check_rule(row)
    addresses = _all(NotificationAddress, address_ids, "address_ids")
    if addresses is not None and any(address.kind == HEARTBEAT for address in addresses):
        raise InvalidRequest("A heartbeat takes no message; choose another address.", field="address_ids")
    if addresses == []:
        raise InvalidRequest("address_ids is empty: name at least one.", field="address_ids")
    channels = _all(Channel, channel_ids, "channel_ids")
    if before is None or old_digest != (row.digest_at, row.zone):
        row.digest_from = timezone.now()
    with _unique("name", "rule", row.name), transaction.atomic(), disable_auditlog():
        row.save()
        if addresses is not None:
            row.addresses.set(addresses)
        if channels is not None:
            row.channels.set(channels)
        audit.record(verb, row, before=before, after=_of_rule(row))
    return row


def _check_rule(row: NotificationRule) -> None:
    if row.min_severity not in Severity.values:
        raise InvalidRequest(
            f"{row.min_severity!r} is no severity; choose one of {', '.join(Severity.values)}.",
            field="min_severity",
        )
    if (row.quiet_from is None) != (row.quiet_until is None):
        missing = "quiet_until" if row.quiet_until is None else "quiet_from"
        raise InvalidRequest("Quiet hours need both a beginning and an end.", field=missing)
    if row.quiet_from is not None and row.quiet_from == row.quiet_until:
        raise InvalidRequest(
            "Quiet hours begin and end at the same time; leave both empty for none.", field="quiet_until"
        )
    if row.zone not in available_timezones():
        raise InvalidRequest(
            f"{row.zone!r} is not the name of a time zone, such as Europe/Berlin.", field="zone"
        )
    if not 0 <= row.reminder_hours <= 720:
        raise InvalidRequest("reminder_hours lies between 0 (none) and 720.", field="reminder_hours")
    row.kinds = [check_kind(kind, "kinds") for kind in dict.fromkeys(row.kinds)]


def check_kind(kind: str, field: str) -> str:
    """Return a category or a problem's code as it may be named. Raises: InvalidRequest."""
    kind = kind.strip().lower()
    if not kind or len(kind) > 60 or not kind.replace("_", "").isalnum() or not kind.isascii():
        raise InvalidRequest(
            f"{kind[:60]!r} is neither a category ({', '.join(Category.values)}) nor the code of a problem, "
            "such as needs_review.",
            field=field,
        )
    return kind


def _of_rule(row: NotificationRule) -> dict[str, Any]:
    plain = {name: getattr(row, name) for name in RULE_FIELDS}
    plain = {
        key: value.isoformat("minutes") if isinstance(value, time) else value for key, value in plain.items()
    }
    return plain | {
        "addresses": sorted(row.addresses.values_list("name", flat=True)),
        "channels": sorted(row.channels.values_list("slug", flat=True)),
    }


# ------------------------------------------------------------------------------------------------------------- silences


def add_silence(
    *, until: datetime, kind: str = "", channel_id: int | None = None, cause: str = "", reason: str = ""
) -> Silence:
    """Tell nobody of something until an end, which it must have. Raises: InvalidRequest, NotFound, naming the field."""
    if until <= timezone.now():
        raise InvalidRequest("The end of a silence lies in the future.", field="until")
    if not kind and channel_id is None and not cause:
        raise InvalidRequest("Say what is silenced: a kind, a channel or a cause.", field="kind")
    if kind:
        kind = check_kind(kind, "kind")
    if len(cause) > 200:
        raise InvalidRequest("A cause has 200 characters at most.", field="cause")
    channel = None if channel_id is None else lookup.one(Channel, channel_id, field="channel_id")
    with transaction.atomic(), disable_auditlog():
        row = Silence.objects.create(
            until=until,
            kind=kind,
            channel=channel,
            cause=cause.strip(),
            reason=reason.strip()[:300],
            who=audit.acting().label[:150],
        )
        audit.record("silence_added", row, after={"until": until.isoformat()}, reason=row.reason)
    return row


def end_silence(silence_id: int, reason: str = "") -> Silence:
    """End a silence now; what stands is told. Raises: NotFound; InvalidRequest, if it is over."""
    now = timezone.now()
    with transaction.atomic(), disable_auditlog():
        row = lookup.one(Silence.objects.locked(), silence_id, field="silence_id")
        if row.until <= now:
            raise InvalidRequest(f"This silence ended at {row.until:%Y-%m-%d %H:%M} UTC.", field="silence_id")
        before = {"until": row.until.isoformat()}
        row.until = now
        row.save(update_fields=["until"])
        audit.record("silence_ended", row, before=before, after={"until": now.isoformat()}, reason=reason)
    return row


# --------------------------------------------------------------------------------------------------------------- shared


def _name(model: Any, name: str, *, but: int | None = None) -> str:
    name = " ".join(name.split())
    if not name:
        raise InvalidRequest("Give it a name.", field="name")
    if len(name) > MAX_NAME:
        raise InvalidRequest(f"The name is longer than {MAX_NAME} characters.", field="name")
    if model.objects.filter(name=name).exclude(pk=but).exists():
        raise InvalidRequest(f"There is a {model._meta.verbose_name} named {name} already.", field="name")
    return name


class _unique:
    """Turn the database's word on a name taken at the same moment into a sentence."""

    def __init__(self, field: str, what: str, name: str) -> None:
        self.field, self.sentence = field, f"There is a notification {what} named {name} already."

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, IntegrityError):
            raise InvalidRequest(self.sentence, field=self.field) from error


def _all(model: Any, ids: Sequence[int] | None, field: str) -> list[Any] | None:
    """Return the rows of these ids, none for none. Raises: NotFound, naming the missing ones."""
    if ids is None:
        return None
    rows = list(model.objects.filter(pk__in=set(ids)))
    lookup.check_found(model, ids, [row.pk for row in rows], field=field)
    return rows
