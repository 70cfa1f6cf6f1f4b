"""Fold problems by what they have in common, rank them by urgency, and say in one line whether all is well.

Values in, values out. What concerns what is public, or is to be by now, comes first; then what holds up a publication, the
nearest moment first; then the rest, errors first and the longest standing first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from orchestration.monitoring.problem_values import ERROR, INFO, ORDER, WARNING
from orchestration.planning.conflicts import format_count
from orchestration.results.board import Need, Remedy, Verdict

MOST_NEEDS = 20
MOST_NAMED = 5
PUBLIC = frozenset({"not_taken_back", "overdue", "system_not_running", "needs_review"})
"""Of these something is public that was not to be, or is not that was to be, or nobody knows."""
NOUNS = {
    "channel": "channel",
    "schedule": "publication",
    "job": "job",
    "source": "source",
    "conflict": "conflict",
    "orphan": "upload",
    "orphanupload": "upload",
    "notificationaddress": "notification address,notification addresses",
    "webhookendpoint": "webhook endpoint",
    "blocker": "condition",
    "standingrule": "standing rule",
    "pool": "pool",
    "rollout": "rollout",
}


# -------------------------------------------------------------------------------------------------------------- folding


def needs_of(problems: Iterable[Mapping[str, Any]]) -> list[Need]:
    """Return what needs a person, the most urgent first; problems of one code and cause are one need."""
    folds: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    rest: list[Mapping[str, Any]] = []
    for problem in problems:
        if problem["subject_id"] is None:
            rest.append(problem)
        else:
            folds.setdefault((problem["code"], problem["fold"]), []).append(problem)
    needs = [_folded(members) for members in folds.values()]
    return sorted([*needs, *(_folded([problem]) for problem in rest)], key=_urgency)


def _folded(members: Sequence[Mapping[str, Any]]) -> Need:
    first, count = members[0], len(members)
    deadline = min((m["deadline"] for m in members if m["deadline"]), default=None)
    names = tuple(dict.fromkeys(_name(m) for m in members))
    need = Need(
        severity=min((m["severity"] for m in members), key=ORDER.__getitem__),
        code=first["code"],
        cause=first["fold"],
        count=count + max(first["more"] - 1, 0),
        sentence=first["sentence"] if count == 1 else _together(members),
        why="",
        deadline=deadline,
        since=min((m["since"] for m in members if m["since"]), default=None),
        subject=first["subject"],
        subject_type=first["subject_type"],
        subject_id=first["subject_id"] if count == 1 else None,
        slug=first["slug"] if count == 1 else "",
        names=names[:MOST_NAMED] if count > 1 else (),
        remedy=None,
    )
    return replace(need, why=_why(need), remedy=remedy_of(need))


def _name(problem: Mapping[str, Any]) -> str:
    """Return what a person calls a problem's subject; of a condition, for what it holds."""
    name = str(problem["subject"])
    return name.partition(" of ")[2] or name if problem["subject_type"] == "blocker" else name


def _together(members: Sequence[Mapping[str, Any]]) -> str:
    first, more = members[0], len(members) - 1
    one, _, many = NOUNS.get(first["subject_type"], "").partition(",")
    said = first["detail"] or first["sentence"]
    said = said if said.endswith((".", "…")) else f"{said}."
    if not one:
        return f"{said} And {more} more alike."
    return f"{len(members)} {many or one + 's'}{'' if first['detail'] else ', for example'}: {said}"


# -------------------------------------------------------------------------------------------------------------- urgency

_FAR = datetime.max.replace(tzinfo=UTC)


def _urgency(need: Need) -> tuple[Any, ...]:
    stage = 0 if need.code in PUBLIC else 1 if need.deadline and need.severity != INFO else 2
    order = ORDER[need.severity]
    if stage < 2:
        return (stage, need.deadline or _FAR, order, need.since or _FAR)
    return (stage, order, need.since or _FAR, need.code)


def _why(need: Need) -> str:
    if need.code == "needs_review":
        return "It may be public already."
    if need.code == "not_taken_back":
        return "It is public, or goes public by itself."
    if need.code in PUBLIC:
        return "Its moment has passed."
    if need.deadline:
        return f"The first publication that it holds up is due {need.deadline:%Y-%m-%d %H:%M} UTC."
    return "No publication that is planned waits for it."


# -------------------------------------------------------------------------------------------------------------- remedies

_MANY: Mapping[str, Remedy] = {
    "schedule": Remedy("Look at them", "schedule", query="state=attention"),
    "job": Remedy("Look at them", "jobs", query="state=attention"),
    "channel": Remedy("Look at them", "channels"),
    "source": Remedy("Look at them", "sources"),
    "conflict": Remedy("Settle them", "conflicts", query="state=open"),
    "blocker": Remedy("What ends them", "blockers"),
    "notificationaddress": Remedy("Look at them", "notifications"),
    "webhookendpoint": Remedy("Look at them", "webhooks"),
    "standingrule": Remedy("Look at them", "standing_rules"),
    "pool": Remedy("Look at them", "pools"),
    "proposal": Remedy("Decide", "proposals"),
    "rollout": Remedy("Decide", "rollouts"),
    "orphan": Remedy("Look at the channels", "channels"),
    "orphanupload": Remedy("Look at the channels", "channels"),
}
_OF_MANY_CHANNELS = {"channel_failing": "health=failing", "channel_degraded": "health=degraded"}


def remedy_of(need: Need) -> Remedy | None:
    """Return what is done about a need, one click away: the button itself where it is one, else exactly the place."""
    key = str(need.subject_id or "")
    code, kind = need.code, need.subject_type
    if code in {"system_not_running", "system_off"}:
        verb = "start" if need.cause == "stopped" else "resume"
        return Remedy(verb.capitalize(), verb, verb=verb)
    if code == "approvals_wait":
        return Remedy("Review", "reviews")
    if code == "component_silent":
        return Remedy("Who is alive", "pools")
    if code == "overdue":
        return Remedy("Look at what is overdue", "schedule", query="state=open&late=1")
    if need.count > 1 or not key:
        many = _MANY.get(kind)
        if many is not None and code in _OF_MANY_CHANNELS:
            return replace(many, query=_OF_MANY_CHANNELS[code])
        return many
    return _of_one(code, kind, key, need.slug)


def _of_one(code: str, kind: str, key: str, slug: str) -> Remedy | None:
    if code.startswith("credential_"):
        return Remedy("Connect again", "channel_connect", slug)
    if code == "configuration_not_synced":
        return Remedy("Sync it", "channel_sync", slug, verb="sync")
    if code in {"job_failed", "job_errored"}:
        return Remedy("Retry", "job_retry", key, verb="retry")
    if code == "pool_paused":
        return Remedy("Resume the pool", "pool_resume", key, verb="resume")
    pages = {
        "schedule": Remedy("Say what became of it", "publication", key, query="#review"),
        "job": Remedy("Look at the job", "job", key),
        "channel": Remedy("Look at the channel", "channel", slug),
        "source": Remedy("Look at the source", "source", key),
        "conflict": Remedy("Settle it", "conflicts", query=f"state=open#conflict-{key}"),
        "notificationaddress": Remedy("Mend the address", "notification_address", key),
        "webhookendpoint": Remedy("Mend the endpoint", "webhook", key),
        "standingrule": Remedy("Look at the rule", "standing_rule", key),
        "blocker": Remedy("What ends it", "blockers"),
        "proposal": Remedy("Look at it", "proposal", key),
    }
    return pages.get(kind) or _MANY.get(kind)


# -------------------------------------------------------------------------------------------------------------- verdict


def verdict(needs: Sequence[Need], *, state: str, next_up: str = "") -> Verdict:
    """Return the one line: all is well and what is next, or how much needs a person and what first."""
    pressing = [need for need in needs if need.severity != INFO]
    if pressing:
        first = pressing[0]
        level = "bad" if any(need.severity == ERROR for need in pressing) else "warn"
        count = format_count(len(pressing), "thing")
        verb = "needs" if len(pressing) == 1 else "need"
        head = f"{count} {verb} you" if len(pressing) > 1 else "One thing needs you"
        return Verdict(False, level, f"{head}{', first' if len(pressing) > 1 else ''}: {first.sentence}")
    when_there_is_time = (
        f" {format_count(len(needs), 'thing')} to look at when there is time." if needs else ""
    )
    runs = (
        "All is well"
        if state == "running"
        else f"All is well, and the system is {state}: nothing goes out by itself"
    )
    then = f"; next: {next_up}." if next_up else "; nothing is planned."
    return Verdict(True, "good" if state == "running" else "warn", f"{runs}{then}{when_there_is_time}")


def system_off(state: str, next_at: datetime | None, by: str) -> dict[str, Any]:
    """Return the problem that the system does not run while something is planned; no one is told of it elsewhere."""
    who = f" (by {by})" if by else ""
    return {
        "severity": WARNING,
        "code": "system_off",
        "sentence": f"The system is {state}{who}: nothing that is planned goes out until it runs.",
        "subject": "system",
        "subject_type": "system",
        "subject_id": 1,
        "slug": "",
        "since": None,
        "cause": "system_off",
        "channel_id": None,
        "fold": state,
        "detail": "",
        "deadline": next_at,
        "more": 0,
    }
