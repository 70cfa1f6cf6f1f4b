"""Know which method of the service an address of the console calls, so that nobody is shown a button that would refuse."""

from __future__ import annotations

from collections.abc import Iterator

from django.http import HttpRequest
from django.urls import Resolver404, resolve

from orchestration.below import within
from orchestration.core.permissions import LEVELS, NEEDS, Actor
from orchestration.models import ApiToken

OTHERWISE = {
    "address_disable": "change_notification_address",
    "address_enable": "change_notification_address",
    "bulk": "preview_bulk",
    "by_cause": "move_by_cause",
    "calendar_make": "make_calendar_address",
    "calendar_move": "move_schedule",
    "calendar_place": "coordinate_publication",
    "calendar_remove": "remove_calendar_address",
    "channel_acknowledge_public": "acknowledge_public_repository",
    "channel_add_blackout": "add_blackout",
    "channel_add_slots": "add_slots",
    "channel_approval": "set_channel_approval",
    "channel_change_blackout": "change_blackout",
    "channel_change_week": "add_slot",
    "channel_connect": "begin_connection",
    "channel_copy_day": "copy_day",
    "channel_edit_words": "edit_words",
    "channel_failover": "set_failover",
    "channel_give": "provision_repository",
    "channel_preview_words": "preview_channel_words",
    "channel_remove_blackout": "remove_blackout",
    "channel_resolve_drift": "resolve_repository_drift",
    "channel_roll_back": "roll_back_configuration",
    "channel_set_credential": "set_credential",
    "channel_set_groups": "set_channel_groups",
    "channel_set_profile": "set_channel_profile",
    "channel_sync": "sync_channel_configs",
    "channel_trigger": "trigger_pipeline",
    "channels_sync": "sync_channel_configs",
    "conflict_apply": "apply_alternative",
    "connect_google": "finish_connection",
    "distribute_commit": "distribute_videos",
    "distribute_preview": "distribute_videos",
    "episode_take_in": "skip_episode",
    "group_add_channels": "add_group_channels",
    "group_remove_channels": "remove_group_channels",
    "labels_change": "add_channel_labels",
    "me_end_sessions": "end_own_sessions",
    "passkey_add_begin": "prove_password",
    "recovery_codes_make": "make_recovery_codes",
    "second_factor": "get_own_second_factors",
    "second_factor_remove": "remove_second_factor",
    "me_set_password": "set_own_password",
    "me_set_timezone": "set_own_timezone",
    "orphan_note_deleted": "note_orphan_deleted",
    "plan_import": "import_plan_file",
    "rollout_begin": "sync_channel_configs",
    "rollout_preview": "sync_channel_configs",
    "plan_preview": "preview_plan_file",
    "blocker_take_over_branch": "take_over_branch",
    "reviews_decide": "approve_publications",
    "schedule_edit_words": "edit_publication_words",
    "schedule_put_our_words_back": "settle_publication_words",
    "schedule_put_ours_back": "settle_change",
    "schedule_retry_extras": "retry_publication_extras",
    "schedule_take_their_words": "settle_publication_words",
    "schedule_take_theirs": "settle_change",
    "set_up_check_github": "check_github",
    "set_up_check_google": "check_google",
    "since_seen": "mark_changes_seen",
    "source_approval": "set_source_approval",
    "source_remove_access": "remove_source_access",
    "source_set_access": "set_source_access",
    "source_set_keys": "set_source_keys",
    "source_set_profile": "set_source_profile",
    "source_set_retention": "set_source_retention",
    "source_set_rights": "set_source_rights",
    "standing_rule_add": "add_standing_rule",
    "standing_rule_change": "change_standing_rule",
    "standing_rule_remove": "remove_standing_rule",
    "standing_rule_run": "run_standing_rule",
    "system_check_invariants": "check_invariants",
    "system_check_record": "check_record",
    "system_prune_record": "order_pruning",
    "system_make_backup": "make_backup",
    "upload_send": "begin_upload",
    "user_end_sessions": "end_user_sessions",
    "user_reset_second_factors": "reset_second_factors",
    "user_password_link": "make_password_link",
    "user_set_password": "set_user_password",
    "video_add_subtitles": "add_subtitles",
    "video_choose_picture": "choose_picture",
    "video_coordinate": "coordinate_publication",
    "video_preview": "coordinate_publication",
    "view_add": "add_saved_view",
    "view_change": "change_saved_view",
    "view_remove": "remove_saved_view",
    "wave_earliest": "find_earliest_time",
    "wave_preview": "schedule_wave_publication",
    "wave_schedule": "schedule_wave_publication",
    "webhook_add": "add_webhook_endpoint",
    "webhook_change": "change_webhook_endpoint",
    "webhook_delivery_resend": "resend_webhook_delivery",
    "webhook_disable": "change_webhook_endpoint",
    "webhook_enable": "change_webhook_endpoint",
    "webhook_remove": "remove_webhook_endpoint",
    "webhook_resend": "resend_webhook_events",
    "webhook_rotate": "rotate_webhook_secret",
    "webhook_test": "test_webhook_endpoint",
    "words_import_preview": "import_words",
    "words_of_edit": "edit_words",
    "words_of_preview": "preview_words",
    "words_preview": "edit_words",
}
"""The method behind an address, by the address's name, where the rule of names does not lead to it."""


def method_of(name: str) -> str | None:
    """Return the method behind an address by its name: `schedule_hold` leads to `hold_schedule`; None of no method."""
    if name in OTHERWISE:
        return OTHERWISE[name]
    subject, _, verb = name.partition("_")
    tries = (
        name,
        f"{verb}_{subject}",
        f"{verb}_channel_{subject}",
        f"{verb}_{subject}s",
        f"{verb}_notification_{subject}",
    )
    return next((method for method in tries if method in NEEDS), None)


def may_post(actor: Actor, url: str) -> bool:
    """Return whether somebody may press the button that posts to an address; of one that is unknown nobody may."""
    try:
        method = method_of(resolve(within(url.partition("?")[0].partition("#")[0])).url_name or "")
    except Resolver404:
        return False
    return method is not None and actor.may(method)


class May:
    """What whoever looks may call, for templates: `{% if may.pause_channel %}`."""

    def __init__(self, actor: Actor | None) -> None:
        self.actor = actor

    def __getitem__(self, method: str) -> bool:
        """Return whether they may call a method of the service. Raises: KeyError, if there is none of that name."""
        if method not in NEEDS:
            raise KeyError(method)
        return self.actor is not None and self.actor.may(method)

    def __iter__(self) -> Iterator[str]:
        """Return the methods that they may call."""
        return (method for method in NEEDS if self[method])

    def post(self, url: str) -> bool:
        """Return whether they may press the button that posts to an address."""
        return self.actor is not None and may_post(self.actor, url)


def permissions(request: HttpRequest) -> dict[str, object]:
    """Return what this user may do (`may`), and by which role; a button that would only refuse is not shown."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return {"may": May(None), "may_administer": False, "role": ""}
    actor = Actor.of_user(user)
    return {
        "may": May(actor),
        "may_administer": actor.reaches(ApiToken.Scope.ADMIN),
        "role": LEVELS[actor.scope],
    }
