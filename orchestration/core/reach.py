"""Hold whoever is limited to groups of channels within them: what they see is narrowed, what they do is judged.

A question is asked of narrowed rows (`channels/limits.py`). A change names what it is about, each part of which has to lie
within the limit, and is then done with everything in view, since plans depend on all. What is not named here is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db.models import Model, Q

from channels.limits import CONDITIONS, Limit, limited_to
from channels.models import Blackout, Channel, PostingSlot
from orchestration.errors import NotPermitted
from orchestration.models import Conflict, Distribution, Job, OrphanUpload, Schedule, Wave

NAMES: Mapping[str, type[Model]] = {
    "channel_id": Channel,
    "channel_ids": Channel,
    "schedule_id": Schedule,
    "schedule_ids": Schedule,
    "wave_id": Wave,
    "distribution_id": Distribution,
    "distribution_ids": Distribution,
    "job_id": Job,
    "conflict_id": Conflict,
    "slot_id": PostingSlot,
    "blackout_id": Blackout,
    "orphan_id": OrphanUpload,
}
"""What belongs to channels, by how methods of the service name it."""
ONESELF = frozenset(
    {
        "get_me",
        "use_password_link",
        "set_own_password",
        "set_own_timezone",
        "get_own_second_factors",
        "begin_authenticator",
        "confirm_authenticator",
        "add_passkey",
        "prove_password",
        "make_recovery_codes",
        "remove_second_factor",
        "end_own_sessions",
        "mark_changes_seen",
        "get_saved_views",
        "add_saved_view",
        "change_saved_view",
        "remove_saved_view",
        "get_profiles",
        "get_proposals",
        "get_proposal",
        "make_proposal",
        "refuse_proposal",
        "commit_proposal",
    }
)
"""What says and changes nothing of channels."""
NARROWED = frozenset(
    {
        "can_undo",
        "count_changes_since",
        "diff_revisions",
        "explain",
        "explain_publication",
        "find_earliest_time",
        "get_allowed_times",
        "get_allowed_times_of_video",
        "get_attachments",
        "get_backlog",
        "get_blockers",
        "get_calendar",
        "get_causes",
        "get_changes_since",
        "get_channel_group",
        "get_channel_groups",
        "get_dashboard_data",
        "get_events",
        "get_job_history",
        "get_labels",
        "get_needs",
        "get_open_conflicts",
        "get_orphans",
        "get_overview_more",
        "get_pools",
        "get_publication",
        "get_publication_figures",
        "get_repository",
        "get_reviews",
        "get_revision",
        "get_revisions",
        "get_statistics",
        "get_status",
        "get_wave",
        "get_week",
        "get_words",
        "get_words_on_youtube",
        "get_work_figures",
        "get_youtube_figures",
        "list_words",
        "monitor_channels",
        "preview_channel_words",
        "preview_move_schedule",
        "preview_move_wave",
        "preview_recall",
        "preview_words",
        "search",
    }
)
"""What looks, and sees what lies within the limit."""
JUDGED = frozenset(
    {
        "add_blackout",
        "add_slot",
        "add_slots",
        "apply_alternative",
        "approve_publications",
        "bump_job",
        "bump_schedule",
        "cancel_job",
        "cancel_schedule",
        "cancel_wave",
        "change_blackout",
        "check_channels",
        "check_github",
        "coordinate_publication",
        "copy_day",
        "disable_channel",
        "dismiss_conflict",
        "distribute_videos",
        "edit_publication_words",
        "enable_slot",
        "hold_schedule",
        "move_by_cause",
        "move_schedule",
        "move_wave",
        "note_orphan_deleted",
        "pause_channel",
        "pause_wave",
        "recall_wave",
        "refuse_publications",
        "release_by_cause",
        "release_schedule",
        "remove_blackout",
        "remove_slot",
        "reopen_schedule",
        "resume_channel",
        "resume_wave",
        "retry_by_cause",
        "retry_job",
        "retry_publication_extras",
        "review_job",
        "review_schedule",
        "schedule_wave_publication",
        "set_failover",
        "set_slots",
        "settle_change",
        "settle_publication_words",
        "sync_channel_configs",
        "trigger_pipeline",
    }
)
"""What changes something of the channels that it names, and of no others."""


JUDGED_BY_ROWS = frozenset({"preview_bulk", "do_bulk"})
"""What judges its rows itself, since what they are is among its values."""


def judge(limit: Limit, method: str, who: str, named: Mapping[str, Any]) -> Limit | None:
    """Return what a method's rows are narrowed to, for somebody who is limited. Raises: NotPermitted."""
    if method in ONESELF or method in NARROWED:
        return limit
    if method in JUDGED_BY_ROWS:
        return None
    if concerns_all(method):
        raise NotPermitted(f"{who} is limited to groups of channels, and {method} concerns more than these.")
    found = {name: value for name, value in named.items() if name in NAMES}
    if not any(value not in (None, [], ()) for value in found.values()):
        raise NotPermitted(
            f"{who} is limited to groups of channels: {method} has to name what it is about ({' or '.join(found)})."
        )
    for name, value in found.items():
        if value not in (None, [], ()):
            require(limit, NAMES[name], [value] if isinstance(value, int | str) else value, who, name)
    return None


def require(limit: Limit, model: type[Model], ids: Iterable[Any], who: str, field: str) -> None:
    """Refuse what lies outside a limit, in the same words as what there is not. Raises: NotPermitted."""
    wanted = set(ids)
    with limited_to(limit):
        within = set(model._default_manager.filter(pk__in=wanted).values_list("pk", flat=True))
    outside = wanted - within
    if model is Wave:
        outside |= beyond(limit, wanted)
    if outside:
        name = model._meta.verbose_name
        raise NotPermitted(
            f"{who} is limited to groups of channels: {name} {', '.join(map(str, sorted(outside)[:5]))} lies outside.",
            field=field,
        )


def beyond(limit: Limit, waves: Iterable[int]) -> set[int]:
    """Return which of some waves publish outside a limit, too: they may be seen in part, and not changed."""
    with limited_to(None):  # around the manager: it narrows when it is asked for rows, not when they are read
        others = Schedule.objects.filter(wave__in=waves).exclude(channel__in=limit.channels)
        return set(others.values_list("wave", flat=True))


def shared(limit: Limit, waves: Iterable[int]) -> set[int]:
    """Return which of some waves are seen within a limit and publish outside of it, too."""
    with limited_to(limit):
        seen = list(Wave._default_manager.filter(pk__in=set(waves)).values_list("pk", flat=True))
    return beyond(limit, seen)


def concerns_all(method: str) -> bool:
    """Return whether a method of the service is refused to whoever is limited, whatever it names."""
    return method not in ONESELF | NARROWED | JUDGED | JUDGED_BY_ROWS


def _of_wave(limit: Limit) -> Q:
    return Q(pk__in=Schedule._base_manager.filter(channel__in=limit.channels).values("wave"))


def _of_activity(limit: Limit) -> Q:
    """Return which entries are about what lies within: a channel, or what belongs to one."""
    found = Q(pk__in=())
    for model in (Channel, Schedule, Distribution, Job, Wave, PostingSlot, Blackout):
        with limited_to(limit):
            rows = model._default_manager.order_by().values("pk")
        found |= Q(content_type=ContentType.objects.get_for_model(model), object_id__in=rows)
    return found


NOTHING = Q(pk__in=())
CONDITIONS.update(
    {
        "channels.channelgroup": lambda limit: Q(pk__in=limit.groups),
        "orchestration.wave": _of_wave,
        "orchestration.activity": _of_activity,
        "orchestration.blocker": lambda limit: Q(channel=None) | Q(channel__in=limit.channels),
        "orchestration.silence": lambda limit: Q(channel__in=limit.channels) | Q(group__in=limit.groups),
        "orchestration.standingrule": lambda limit: NOTHING,
        "orchestration.notificationrule": lambda limit: NOTHING,
        "orchestration.notificationaddress": lambda limit: NOTHING,
        "orchestration.rollout": lambda limit: NOTHING,
        "orchestration.webhookendpoint": lambda limit: NOTHING,
        "orchestration.webhookdelivery": lambda limit: NOTHING,
    }
)
