"""Put incidents into words: one message each, or several in one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from orchestration.below import public
from orchestration.models import Incident, Notification, NotificationAddress, NotificationRule
from orchestration.models.notify import SEVERITIES, NotificationKind

MOST_IN_ONE = 15
"""Messages whose words stand in one that joins them; the rest is counted."""
AGAIN = "(Sent again: an earlier try broke off, so this may arrive twice.)"
_BEGINNINGS: dict[str, str] = {
    NotificationKind.PROBLEM: "",
    NotificationKind.REMINDER: "Still: ",
    NotificationKind.RECOVERY: "Over: ",
}


def of_incident(
    kind: str,
    incident: Incident,
    address: NotificationAddress,
    rule: NotificationRule,
    due_at: datetime,
    now: datetime,
    *,
    occurrence: int = 1,
) -> Notification:
    """Return the unsaved message about an incident to one address."""
    title = f"{_BEGINNINGS[kind]}{incident.severity}: {incident.subject}"
    lines = [incident.sentence, f"Since {incident.since or incident.opened_at:%Y-%m-%d %H:%M} UTC."]
    if kind == NotificationKind.RECOVERY:
        lines = [f"Over since {incident.over_at:%Y-%m-%d %H:%M} UTC. It was: {incident.sentence}"]
    if incident.link:
        lines.append(address_of(incident.link))
    return Notification(
        once=f"{kind}:{incident.pk}:{address.pk}:{occurrence}",
        kind=kind,
        incident=incident,
        cause=incident.key,
        severity=incident.severity,
        channel_id=incident.channel_id,
        rule=rule,
        address=address,
        address_name=address.name,
        title=title[:200],
        body="\n".join(lines),
        due_at=due_at,
        created_at=now,
    )


def address_of(path: str) -> str:
    """Return the address of a page as a reader of a message can open it, or its path if nobody said where we are."""
    return public(path)


def joined(rows: Sequence[Notification]) -> tuple[str, str, str]:
    """Return title, body and severity of one message that stands for several, the worst first."""
    ordered = sorted(rows, key=lambda row: (-SEVERITIES[row.severity], row.pk))
    worst = ordered[0].severity
    blocks = [f"{row.title}\n{row.body}" for row in ordered[:MOST_IN_ONE]]
    if len(ordered) > MOST_IN_ONE:
        blocks.append(f"And {len(ordered) - MOST_IN_ONE} more; {address_of('/')}")
    return f"Headend: {len(ordered)} messages, the worst {worst}", "\n\n".join(blocks), worst
