"""Name the events: each verb of the record is one type, `noun.what_happened`; docs/webhooks.md lists them all."""

from __future__ import annotations

from fnmatch import fnmatchcase

from orchestration.errors import InvalidRequest

TEST = "webhook.test"
NOUNS = (
    "calendar_address",
    "notification_address",
    "notification_rule",
    "password_link",
    "standing_rule",
    "attachment",
    "blackout",
    "blocker",
    "cadence",
    "channel",
    "configuration",
    "conflict",
    "credential",
    "distribution",
    "extra",
    "group",
    "job",
    "label",
    "orphan",
    "pool",
    "proposal",
    "publication",
    "record",
    "repository",
    "rollout",
    "run",
    "schedule",
    "settings",
    "silence",
    "slot",
    "source",
    "system",
    "token",
    "upload",
    "user",
    "video",
    "view",
    "wave",
    "webhook",
    "week",
    "words",
)
"""What a verb may begin with; a plural means several of them."""
OTHERWISE = {
    "alternative_applied": "conflict.alternative_applied",
    "approval_needed": "approval.needed",
    "approval_not_needed": "approval.not_needed",
    "approval_taken_back": "approval.taken_back",
    "backup_restored": "system.backup_restored",
    "call_refused": "access.call_refused",
    "change_settled": "schedule.change_settled",
    "configurations_revised": "configuration.several_revised",
    "extras_retried": "extra.retried",
    "failover_set": "channel.failover_set",
    "files_deleted": "video.files_deleted",
    "identity_connected": "user.identity_connected",
    "inbox_film_refused": "source.inbox_film_refused",
    "inbox_film_taken": "source.inbox_film_taken",
    "issue_token": "token.issued",
    "lease_released": "pool.lease_released",
    "lockout_lifted": "access.lockout_lifted",
    "logged_in": "access.logged_in",
    "logged_out": "access.logged_out",
    "login_failed": "access.login_failed",
    "login_locked_out": "access.login_locked_out",
    "overdue_chosen": "system.overdue_chosen",
    "pipeline_triggered": "channel.pipeline_triggered",
    "plan_imported": "schedule.plan_imported",
    "profile_removed": "profile.removed",
    "recovery_code_used": "user.recovery_code_used",
    "recovery_codes_made": "user.recovery_codes_made",
    "rename_token": "token.renamed",
    "reseal_secrets": "system.secrets_resealed",
    "revoke_token": "token.revoked",
    "rotate_keys": "system.keys_rotated",
    "rotate_token": "token.rotated",
    "second_factor_added": "user.second_factor_added",
    "second_factor_removed": "user.second_factor_removed",
    "second_factors_reset": "user.second_factors_reset",
    "secrets_pushed": "repository.secrets_pushed",
    "series_planned": "schedule.series_planned",
    "settings_first_read": "settings.first_read",
    "timezone_set": "user.timezone_set",
    "upgraded": "system.upgraded",
    "youtube_channel_adopted": "channel.youtube_adopted",
}
"""Verbs that do not begin with their noun."""
_PLAIN = {"create": "created", "update": "updated", "delete": "deleted", "access": "looked_at"}
MOST_PATTERNS = 100


def type_of(verb: str, model: str) -> str:
    """Return the type of an entry's event; `model` is what it is about, which plain changes of a row are named for."""
    if verb in _PLAIN:
        return f"{model}.{_PLAIN[verb]}"
    if verb in OTHERWISE:
        return OTHERWISE[verb]
    if verb.startswith("workflowrun_"):
        return f"run.{verb.removeprefix('workflowrun_')}"
    for noun in NOUNS:
        if verb.startswith(f"{noun}_"):
            return f"{noun}.{verb[len(noun) + 1 :]}"
        if verb.startswith(f"{noun}s_"):
            return f"{noun}.several_{verb[len(noun) + 2 :]}"
    return f"other.{verb}"


def matches(patterns: list[str], name: str) -> bool:
    """Return whether an event of this type is wanted: `schedule.published`, `schedule.*`; none of them: all."""
    return not patterns or any(fnmatchcase(name, pattern) for pattern in patterns)


def check_patterns(patterns: list[str], *, field: str = "events") -> list[str]:
    """Return the patterns without repeats. Raises: InvalidRequest, naming the first that can be none."""
    wanted = list(dict.fromkeys(pattern.strip().lower() for pattern in patterns if pattern.strip()))
    if len(wanted) > MOST_PATTERNS:
        raise InvalidRequest(
            f"There are {len(wanted)} kinds of events; {MOST_PATTERNS} at most.", field=field
        )
    for pattern in wanted:
        plain = pattern.replace("*", "").replace(".", "").replace("_", "")
        if len(pattern) > 80 or (plain and not (plain.isascii() and plain.isalnum())):
            raise InvalidRequest(
                f"{pattern[:80]!r} is no type of event, such as schedule.published, nor a pattern, such as schedule.*.",
                field=field,
            )
    return wanted
