"""Say which entries of the log matter to whoever was away, and under which heading."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Matter:
    """One heading of what changed, with the verbs that belong under it."""

    key: str
    title: str
    verbs: tuple[str, ...]


MATTERS: tuple[Matter, ...] = (
    Matter(
        "went_wrong",
        "Went wrong",
        (
            "schedule_misfired",
            "schedule_missed",
            "schedule_failed",
            "schedule_needs_review",
            "schedule_skipped",
            "distribution_needs_review",
            "video_failed",
            "video_withdrawn",
            "source_failed",
            "channel_health_changed",
            "credential_expired",
            "credential_revoked",
            "credential_wrong_channel",
            "rollout_halted",
            "system_copy_found",
            "system_restore_found",
        ),
    ),
    Matter("published", "Published", ("schedule_published",)),
    Matter(
        "moved",
        "Moved, held or cancelled",
        (
            "schedule_moved",
            "schedule_displaced",
            "schedule_planned_again",
            "schedule_reopened",
            "schedule_held",
            "schedule_cancelled",
            "schedule_reviewed",
            "change_settled",
            "overdue_chosen",
            "wave_moved",
            "wave_paused",
            "wave_cancelled",
            "wave_recalling",
            "wave_recalled",
        ),
    ),
    Matter(
        "planned",
        "Planned",
        ("wave_scheduled", "videos_distributed", "series_planned", "plan_imported", "pipeline_triggered"),
    ),
    Matter(
        "configuration",
        "Set otherwise",
        (
            "create",
            "update",
            "delete",
            "system_started",
            "system_paused",
            "system_resumed",
            "system_draining",
            "system_stopped",
            "system_disarmed",
            "channel_paused",
            "channel_resumed",
            "channel_disabled",
            "channel_registered",
            "channel_connected",
            "channel_branch_taken_over",
            "failover_set",
            "slot_added",
            "slot_removed",
            "blackout_added",
            "blackout_removed",
            "pool_paused",
            "pool_resumed",
            "source_added",
            "source_paused",
            "source_resumed",
            "source_rights_changed",
            "source_keys_set",
            "source_retention_changed",
            "words_edited",
            "approval_needed",
            "approval_not_needed",
            "profile_removed",
            "standing_rule_removed",
            "repository_provisioned",
            "repository_overwritten",
            "repository_renamed",
            "rollout_begun",
            "cadence_changed",
            "notification_rule_removed",
            "silence_added",
            "silence_ended",
            "issue_token",
            "revoke_token",
            "backup_restored",
        ),
    ),
)
"""Most urgent first."""
OF_VERB = {verb: matter.key for matter in MATTERS for verb in matter.verbs}
VERBS = tuple(OF_VERB)
UNHEARD = tuple(verb for verb in VERBS if OF_VERB[verb] != "published")
"""All but what went as planned: what one looks for in the past."""
