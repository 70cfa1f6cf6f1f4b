"""Who may do what: each method of the service names the least role that may call it, and the door holds it."""

from __future__ import annotations

import inspect

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group

from orchestration.core.permissions import LEVELS, NEEDS, SCOPES, Actor, level_of
from orchestration.errors import IllegalTransition, NotPermitted
from orchestration.register import roles
from orchestration.service import CentralOrchestrationService
from orchestration.states import Trigger
from tests import factories

METHODS = {
    name: member
    for name, member in inspect.getmembers(CentralOrchestrationService, inspect.isfunction)
    if not name.startswith("_")
}
CONTENTS = {
    "orchestration.service.publication": "schedule",
    "orchestration.service.standing": "schedule",
    "orchestration.service.words": "schedule",
    "orchestration.service.words_outside": "schedule",
    "orchestration.service.proposals": "schedule",
    "orchestration.service.reviews": "schedule",
    "orchestration.service.watching": "schedule",
    "orchestration.service.bulk": "schedule",
    "orchestration.service.control": "operate",
    "orchestration.service.library": "operate",
    "orchestration.service.uploads": "operate",
    "orchestration.service.work": "operate",
    "orchestration.service.profiles": "operate",
    "orchestration.service.channels": "operate",
    "orchestration.service.set_up": "operate",
    "orchestration.service.channel_setup": "admin",
    "orchestration.service.groups": "admin",
    "orchestration.service.ways_in": "admin",
    "orchestration.service.notifications": "admin",
    "orchestration.service.webhooks": "admin",
    "orchestration.service.administration": "admin",
    "orchestration.service.people": "admin",
    "orchestration.service.disk": "admin",
    "orchestration.service.configuration": "admin",
}
"""What a change needs, by the subject that it is about."""
OTHERWISE = {
    # what reaches beyond the plan: it calls back what is public, settles what nobody knows, or writes at YouTube again
    "recall_wave": "operate", "review_schedule": "operate", "settle_change": "operate",
    "retry_publication_extras": "operate",
    # whether anybody has to approve is not theirs to say who wait for it
    "set_channel_approval": "admin", "set_source_approval": "admin",
    # calendars are a scheduler's
    **dict.fromkeys(
        ("add_slot", "add_slots", "enable_slot", "remove_slot", "set_slots", "copy_day", "add_blackout", "change_blackout",
         "remove_blackout", "move_by_cause", "release_by_cause"), "schedule"),
    # what leads to other people's machines, and what cannot be taken back
    **dict.fromkeys(
        ("begin_connection", "finish_connection", "provision_repository", "acknowledge_public_repository",
         "resolve_repository_drift", "remove_source", "take_file", "change_pool"), "admin"),
    # marks, and films that anybody may hand over
    **dict.fromkeys(
        ("add_channel_labels", "remove_channel_labels", "set_channel_labels", "remove_label", "add_folder_source",
         "add_silence", "end_silence", "test_notification_address"), "operate"),
}  # fmt: skip
OWN = {
    "use_password_link", "set_own_password", "set_own_timezone", "end_own_sessions", "make_calendar_address",
    "begin_authenticator", "confirm_authenticator", "add_passkey", "prove_password", "make_recovery_codes",
    "remove_second_factor", "remove_calendar_address", "mark_changes_seen", "add_saved_view", "change_saved_view",
    "remove_saved_view",
}  # fmt: skip
"""What everybody does for themselves."""
LOOKS = (
    "get_",
    "list_",
    "preview_",
    "explain",
    "find_",
    "count_",
    "can_",
    "search",
    "forecast",
    "export_",
    "diff_",
    "monitor_",
)
SEEN_BY_FEWER = {
    **dict.fromkeys(
        ("get_settings", "get_cadences", "get_installation", "get_logs", "get_log", "get_users", "get_user", "get_lockouts",
         "get_tokens", "get_metrics", "count_sealed", "get_webhook_endpoints", "get_webhook_endpoint",
         "get_webhook_deliveries", "get_webhook_delivery", "export_configuration", "preview_configuration"), "admin"),
    "preview_bulk": "schedule", "preview_plan_file": "schedule",
}  # fmt: skip
"""What is not for everybody to look at, or looks by trying."""


def needed(name: str) -> str:
    """Return what a method has to need, by rule."""
    if name in SEEN_BY_FEWER:
        return SEEN_BY_FEWER[name]
    if name in OWN or name.startswith(LOOKS):
        return "read"
    return OTHERWISE.get(name) or CONTENTS[METHODS[name].__module__]


def test_every_method_needs_what_the_rule_says():
    guarded = {name for name in METHODS if METHODS[name].__module__ != "orchestration.service.runs"}
    assert guarded == set(NEEDS), guarded ^ set(NEEDS)
    wrong = {name: (NEEDS[name], needed(name)) for name in guarded if NEEDS[name] != needed(name)}
    assert not wrong
    unused = (set(OTHERWISE) | OWN | set(SEEN_BY_FEWER)) - guarded
    assert not unused


@pytest.mark.parametrize("level", LEVELS)
def test_the_door_refuses_every_method_above_a_role_before_anything_else(level):
    service = CentralOrchestrationService(actor=Actor("x", level), trigger=Trigger.API)
    above = [name for name, needs in NEEDS.items() if SCOPES[needs] > SCOPES[level]]
    for name in above:
        with pytest.raises(NotPermitted, match=f"needs {NEEDS[name]}"):
            getattr(service, name)(**_anything(METHODS[name]))
    assert bool(above) == (level not in ("admin", "own"))


def _anything(method) -> dict[str, object]:
    return {name: None for name in inspect.signature(method).parameters if name != "self"}


@pytest.mark.django_db
def test_a_role_is_a_group_whose_permissions_say_what_it_may(django_assert_num_queries):
    for level, name in LEVELS.items():
        user = factories.UserFactory(role=level)
        assert [group.name for group in user.groups.all()] == [name]
        user = get_user_model().objects.get(pk=user.pk)
        held = {each for each in SCOPES if user.has_perm(f"orchestration.may_{each}")}
        assert held == {each for each in SCOPES if SCOPES[each] <= SCOPES[level]}
        with django_assert_num_queries(1):
            assert level_of(roles.RoleBackend().get_user(user.pk)) == level
    Group.objects.get(name="operator").permissions.clear()
    assert level_of(get_user_model().objects.get(groups__name="operator")) == "read", (
        "the permissions count, not the name"
    )


@pytest.mark.django_db
def test_whoever_had_no_role_gets_the_one_that_fits_and_it_stays():
    users = [
        get_user_model().objects.create(username=name, **marks)
        for name, marks in (
            ("a", {}),
            ("b", {"is_staff": True}),
            ("c", {"is_superuser": True, "is_staff": True}),
        )
    ]
    roles.install()
    found = [level_of(get_user_model().objects.get(pk=user.pk)) for user in users]
    assert found == ["read", "operate", "own"]
    assert not get_user_model().objects.get(username="b").is_staff, "the back door is not for operators"
    roles.install()
    assert Group.objects.filter(name__in=LEVELS.values()).count() == 5


def door(user) -> CentralOrchestrationService:
    return CentralOrchestrationService(actor=Actor.of_user(user), trigger=Trigger.BUTTON)


@pytest.mark.django_db
def test_an_administrator_keeps_people_below_and_no_more():
    owner, ada, olga = (factories.UserFactory(role=level) for level in ("own", "admin", "operate"))
    asked = door(ada)
    assert asked.change_user(user_id=olga.pk, level="schedule").level == "schedule"
    for call in (
        lambda: asked.change_user(user_id=olga.pk, level="admin"),
        lambda: asked.change_user(user_id=ada.pk, level="own"),
        lambda: asked.change_user(user_id=owner.pk, full_name="x"),
        lambda: asked.add_user(username="x", level="own"),
        lambda: asked.set_user_password(user_id=owner.pk, password="a horse that is correct"),
        lambda: asked.make_password_link(user_id=owner.pk),
        lambda: asked.deactivate_user(user_id=owner.pk),
        lambda: asked.end_user_sessions(user_id=owner.pk),
        lambda: asked.make_token(name="x", scope="own"),
    ):
        with pytest.raises(NotPermitted, match="needs own"):
            call()
    assert door(owner).change_user(user_id=olga.pk, level="own").level == "own"
    assert door(owner).change_user(user_id=olga.pk, level="admin").level == "admin"


@pytest.mark.django_db
def test_there_is_always_an_owner():
    owner = factories.UserFactory(role="own")
    factories.UserFactory(role="admin")
    with pytest.raises(IllegalTransition, match="last active owner"):
        CentralOrchestrationService().change_user(user_id=owner.pk, level="admin")


@pytest.mark.django_db
def test_many_rows_and_taking_back_ask_for_what_one_row_asks():
    service = CentralOrchestrationService(actor=Actor("s", "schedule"), trigger=Trigger.BUTTON)
    channel = factories.ChannelFactory()
    for ask in (service.preview_bulk, service.do_bulk):
        with pytest.raises(NotPermitted, match="pause_channel needs operate"):
            ask(kind="channel", verb="pause", ids=[channel.pk])
    operator = CentralOrchestrationService(actor=Actor("o", "operate"), trigger=Trigger.BUTTON)
    operator.do_bulk(kind="channel", verb="pause", ids=[channel.pk])
    assert operator.can_undo(correlation_id=operator.correlation_id)
    assert not service.can_undo(correlation_id=operator.correlation_id)
    with pytest.raises(NotPermitted):
        service.undo(correlation_id=operator.correlation_id)
