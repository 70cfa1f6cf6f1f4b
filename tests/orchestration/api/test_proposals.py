"""An assistant looks and proposes; a person confirms what was shown; that is made once, or not at all."""

from __future__ import annotations

import inspect
from datetime import datetime, timedelta

import pytest
from django.test import Client
from django.utils import timezone

from config.api import _views
from orchestration import tasks
from orchestration.api import operations
from orchestration.core.permissions import NEEDS, PROPOSING, Actor
from orchestration.errors import ConfirmationNeeded
from orchestration.models import Activity, Proposal, Schedule, Wave
from orchestration.monitoring.problems import problems
from orchestration.notify import causes
from orchestration.register import restrictions, tokens
from orchestration.service import CentralOrchestrationService
from orchestration.states import Trigger
from tests import factories
from tests.orchestration.api_client import ApiClient

pytestmark = pytest.mark.django_db


def assistant_of(scope: str = "schedule", name: str = "helper") -> ApiClient:
    return ApiClient(tokens.issue(name, scope, for_assistant=True)[1])


@pytest.fixture
def assistant(db):
    return assistant_of()


@pytest.fixture
def olga(caller_with):
    """A scheduler's token that is no assistant's."""
    return caller_with("schedule")


@pytest.fixture
def publication(running):
    return factories.ScheduleFactory()


@pytest.fixture
def running(db):
    return factories.SystemStateFactory(state="running")


def wave_of(video, channel) -> dict:
    at = (timezone.now() + timedelta(days=2)).isoformat()
    return {"video_ids": [video.pk], "channel_ids": [channel.pk], "wave_config": {"scheduled_at": at}}


def propose(caller: ApiClient, operation: str, **arguments) -> dict:
    answer = caller.post("proposals", {"operation": operation, "arguments": arguments, "reason": "asked to"})
    assert answer.status_code == 201, answer.content
    return answer.json()


def test_what_is_proposed_is_shown_confirmed_by_a_person_and_then_made_once(assistant, olga, running):
    video, channel = factories.VideoFactory(), factories.ChannelFactory()
    made = propose(assistant, "orchestration_schedule_wave", **wave_of(video, channel))
    assert (made["state"], made["actions"], made["preview"]["dry_run"]) == (
        "waiting",
        ["confirm", "refuse"],
        True,
    )
    assert made["arguments"]["fingerprint"] == made["preview"]["plan"]["fingerprint"]
    assert not Wave.objects.exists(), "a proposal changes nothing"

    early = assistant.post(f"proposals/{made['id']}/commit")
    assert (early.status_code, early.json()["code"]) == (403, "confirmation_needed")
    assert not Wave.objects.exists()

    assert olga.post(f"proposals/{made['id']}/confirm", {"reason": "yes"}).json()["state"] == "confirmed"
    assert not Wave.objects.exists(), "confirmed is not made"

    done = assistant.post(f"proposals/{made['id']}/commit")
    assert (done.status_code, done.json()["state"]) == (200, "done"), done.content
    wave = Wave.objects.get()
    assert done.json()["answer"]["wave"]["id"] == wave.pk
    assert Schedule.objects.get().channel == channel

    again = assistant.post(f"proposals/{made['id']}/commit")
    assert (again.status_code, again.json()["code"]) == (409, "illegal_transition")
    assert Wave.objects.count() == 1

    entry = Activity.objects.get(verb="wave_scheduled")
    assert (entry.actor_label, entry.trigger) == ("token helper", Trigger.ASSISTANT)
    told = Activity.objects.get(verb="proposal_done")
    assert told.after["confirmed_by"] == "token schedule caller"


def test_an_assistant_changes_nothing_by_itself_by_any_way(assistant, publication):
    """The token opens the plain API too: what it may there is the same."""
    for path, body in (
        (f"schedules/{publication.pk}/hold", {}),
        (f"schedules/{publication.pk}/cancel", {}),
        ("orchestration/schedule-wave", wave_of(publication.distribution.video, publication.channel)),
        ("orchestration/distribute-videos", {}),
        ("orchestration/distribute-videos", {"dry_run": False}),
        ("plan/import", {"text": f"schedule,publish_at\n{publication.pk},2031-01-01T00:00:00Z\n"}),
        ("bulk/do", {"kind": "schedule", "verb": "hold", "ids": [publication.pk]}),
        ("standing", {"name": "x", "kind": "distribute"}),
    ):
        refused = assistant.post(path, body)
        assert refused.status_code in (403, 422), (path, refused.content)
        if refused.status_code == 403:
            assert refused.json()["code"] == "confirmation_needed", path
    publication.refresh_from_db()
    assert publication.state == "planned"
    assert not Wave.objects.exclude(pk=publication.wave_id).exists()
    assert assistant.post("orchestration/distribute-videos", {"dry_run": True}).status_code == 200


def test_the_door_refuses_an_assistant_every_change_whatever_its_level():
    service = CentralOrchestrationService(
        actor=Actor("token x", "own", proposes=True), trigger=Trigger.ASSISTANT
    )
    held = 0
    for name, needs in NEEDS.items():
        if needs == "read" or name.startswith("preview_") or name in PROPOSING | {"confirm_proposal"}:
            continue
        asked = inspect.signature(getattr(CentralOrchestrationService, name)).parameters
        with pytest.raises(ConfirmationNeeded):
            getattr(service, name)(**{each: None for each in asked if each != "self"})
        held += 1
    assert held > 100
    assert {name for name in NEEDS if name.startswith("preview_")} == PREVIEWS, "see that it writes nothing"


PREVIEWS = {
    "preview_bulk",
    "preview_channel_words",
    "preview_cleaning",
    "preview_configuration",
    "preview_move_schedule",
    "preview_move_wave",
    "preview_plan_file",
    "preview_recall",
    "preview_resume",
    "preview_standing_rule",
    "preview_words",
}
"""What an assistant calls without asking anybody, by its name."""


def test_neither_its_own_nor_another_assistants_token_confirms(assistant, publication):
    made = propose(assistant, "schedules_hold", schedule_id=publication.pk)
    admin = assistant_of("admin", "mighty")
    for caller in (assistant, admin):
        refused = caller.post(f"proposals/{made['id']}/confirm")
        assert (refused.status_code, refused.json()["code"]) == (403, "confirmation_needed")
    assert Proposal.objects.get().state == "waiting"
    assert admin.get(f"proposals/{made['id']}").status_code == 404, "it is another's"
    assert admin.post(f"proposals/{made['id']}/commit").status_code == 404


def test_no_assistant_confirms_by_a_proposal(assistant, publication):
    made = propose(assistant, "schedules_hold", schedule_id=publication.pk)
    for operation in ("proposals_confirm", "proposals_commit", "tokens_create", "users_create"):
        asked = {"operation": operation, "arguments": {"proposal_id": made["id"]}}
        refused = assistant.post("proposals", asked)
        assert (refused.status_code, refused.json()["field"]) == (422, "operation"), operation


def test_whoever_may_not_do_it_may_not_confirm_it(olga, caller_with, running):
    assistant = assistant_of("operate")
    channel = factories.ChannelFactory()
    made = propose(assistant, "channels_pause", channel_id=channel.pk)
    assert made["needs"] == "operate"
    refused = olga.post(f"proposals/{made['id']}/confirm")
    assert (refused.status_code, refused.json()["needs"]) == (403, "operate")
    assert caller_with("read").post(f"proposals/{made['id']}/confirm").status_code == 403
    assert caller_with("operate").post(f"proposals/{made['id']}/confirm").status_code == 200


def test_whoever_is_limited_to_groups_neither_sees_nor_confirms(assistant, publication):
    made = propose(assistant, "schedules_hold", schedule_id=publication.pk)
    group = factories.ChannelGroupFactory(slug="news")
    group.channels.add(publication.channel)
    limited = ApiClient(tokens.issue("limited", "operate", limited_to=["news"])[1])
    assert limited.get("proposals").json()["total"] == 0
    assert limited.post(f"proposals/{made['id']}/confirm").status_code == 403


def test_a_limited_assistant_proposes_within_its_groups_only(olga, publication):
    group = factories.ChannelGroupFactory(slug="news")
    group.channels.add(publication.channel)
    outside = factories.ScheduleFactory()
    token, text = tokens.issue("helper", "schedule", for_assistant=True, limited_to=["news"])
    limited = ApiClient(text)
    made = propose(limited, "schedules_hold", schedule_id=publication.pk)
    far = propose(limited, "schedules_hold", schedule_id=outside.pk)
    for each in (made, far):
        assert olga.post(f"proposals/{each['id']}/confirm").status_code == 200
    assert limited.post(f"proposals/{made['id']}/commit").status_code == 200
    assert limited.post(f"proposals/{far['id']}/commit").status_code in (403, 404)
    outside.refresh_from_db()
    assert outside.state == "planned"
    assert restrictions.of(token) == ["news"]


def test_what_a_token_may_not_do_it_may_not_propose(assistant, running):
    channel = factories.ChannelFactory()
    asked = {"operation": "channels_pause", "arguments": {"channel_id": channel.pk}}
    refused = assistant.post("proposals", asked)
    assert (refused.status_code, refused.json()["needs"]) == (403, "operate")
    assert assistant_of("read", "reader").post("proposals", asked).status_code == 403
    assert not Proposal.objects.exists()


def test_a_token_that_is_no_assistants_does_not_propose(olga, publication):
    asked = {"operation": "schedules_hold", "arguments": {"schedule_id": publication.pk}}
    assert olga.post("proposals", asked).status_code == 403


def test_an_expired_proposal_is_neither_confirmed_nor_made(assistant, olga, publication):
    made = propose(assistant, "schedules_hold", schedule_id=publication.pk)
    Proposal.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    refused = olga.post(f"proposals/{made['id']}/confirm")
    assert (refused.status_code, refused.json()["state"]) == (409, "expired")
    Proposal.objects.update(confirmed_at=timezone.now())
    late = assistant.post(f"proposals/{made['id']}/commit")
    assert (late.status_code, late.json()["state"]) == (409, "expired")
    publication.refresh_from_db()
    assert publication.state == "planned"


def test_a_refused_proposal_is_never_made_and_a_confirmed_one_can_be_refused(assistant, olga, publication):
    made = propose(assistant, "schedules_hold", schedule_id=publication.pk)
    assert olga.post(f"proposals/{made['id']}/confirm").status_code == 200
    assert olga.post(f"proposals/{made['id']}/refuse", {"reason": "no"}).json()["state"] == "refused"
    assert assistant.post(f"proposals/{made['id']}/commit").status_code == 409
    assert olga.post(f"proposals/{made['id']}/confirm").status_code == 409
    publication.refresh_from_db()
    assert publication.state == "planned"


def test_a_wave_whose_plan_has_changed_is_outdated_and_has_to_be_proposed_anew(assistant, olga, running):
    video, channel = factories.VideoFactory(), factories.ChannelFactory()
    made = propose(assistant, "orchestration_schedule_wave", **wave_of(video, channel))
    assert olga.post(f"proposals/{made['id']}/confirm").status_code == 200
    at = datetime.fromisoformat(made["preview"]["plan"]["placements"][0]["at"])
    factories.ScheduleFactory(channel=channel, publish_at=at)
    waves = Wave.objects.count()
    refused = assistant.post(f"proposals/{made['id']}/commit")
    assert (refused.status_code, refused.json()["code"]) == (409, "plan_outdated")
    assert Wave.objects.count() == waves
    assert assistant.get(f"proposals/{made['id']}").json()["state"] == "failed"
    assert assistant.post(f"proposals/{made['id']}/commit").json()["code"] == "illegal_transition"


def test_a_dry_run_without_a_fingerprint_is_compared_before_it_is_made(assistant, olga, running):
    first = factories.ChannelFactory()
    factories.PostingSlotFactory(channel=first)
    factories.VideoFactory()
    made = propose(assistant, "orchestration_distribute_videos", horizon_days=7)
    assert olga.post(f"proposals/{made['id']}/confirm").status_code == 200
    second = factories.ChannelFactory()
    factories.PostingSlotFactory(channel=second)
    refused = assistant.post(f"proposals/{made['id']}/commit")
    assert (refused.status_code, refused.json()["code"]) == (409, "plan_outdated"), refused.content
    assert not Schedule.objects.exists()


@pytest.mark.parametrize("what", ["schedules_move", "waves_move", "orchestration_resume"])
def test_what_another_has_changed_since_it_was_shown_is_not_made(assistant, olga, caller_with, running, what):
    wave = factories.WaveFactory()
    row = factories.ScheduleFactory(wave=wave)
    later = (row.publish_at + timedelta(hours=3)).isoformat()
    if what == "schedules_move":
        asked = {"schedule_id": row.pk, "publish_at": later}
    elif what == "waves_move":
        row, asked = wave, {"wave_id": wave.pk, "scheduled_at": later}
    else:
        assistant, olga = assistant_of("operate", "resumer"), caller_with("operate")
        running.state = "paused"
        running.save()
        row, asked = running, {}
    made = propose(assistant, what, **asked)
    assert made["arguments"]["version"] == row.version
    assert olga.post(f"proposals/{made['id']}/confirm").status_code == 200
    type(row).objects.filter(pk=row.pk).update(version=row.version + 1)
    refused = assistant.post(f"proposals/{made['id']}/commit")
    assert (refused.status_code, refused.json()["code"]) == (409, "stale_version"), refused.content
    assert assistant.get(f"proposals/{made['id']}").json()["state"] == "failed"


def test_what_cannot_be_done_now_stays_confirmed_and_what_never_can_has_ended(assistant, olga, publication):
    held = propose(assistant, "schedules_hold", schedule_id=publication.pk)
    twice = propose(assistant, "schedules_hold", schedule_id=publication.pk)
    for each in (held, twice):
        assert olga.post(f"proposals/{each['id']}/confirm").status_code == 200
    assert assistant.post(f"proposals/{held['id']}/commit").status_code == 200
    failed = assistant.post(f"proposals/{twice['id']}/commit")
    assert (failed.status_code, failed.json()["code"]) == (409, "illegal_transition")
    shown = assistant.get(f"proposals/{twice['id']}").json()
    assert (shown["state"], shown["status_code"]) == ("failed", 409)


def test_a_change_that_breaks_off_leaves_nothing_behind_and_the_proposal_confirmed(
    assistant, olga, publication, monkeypatch
):
    from orchestration.scheduling import schedules

    made = propose(assistant, "schedules_hold", schedule_id=publication.pk)
    assert olga.post(f"proposals/{made['id']}/confirm").status_code == 200
    real = schedules.hold

    def breaks(*args, **kwargs):
        real(*args, **kwargs)
        raise RuntimeError("the power went")

    monkeypatch.setattr(schedules, "hold", breaks)
    assert assistant.post(f"proposals/{made['id']}/commit").status_code == 500
    publication.refresh_from_db()
    assert publication.state == "planned"
    assert Proposal.objects.get().state == "confirmed"
    monkeypatch.setattr(schedules, "hold", real)
    assert assistant.post(f"proposals/{made['id']}/commit").status_code == 200


def test_a_proposal_that_could_not_be_made_is_refused_at_once(assistant, running):
    video, channel = factories.VideoFactory(), factories.ChannelFactory(paused=True)
    asked = {"operation": "orchestration_schedule_wave", "arguments": wave_of(video, channel)}
    refused = assistant.post("proposals", asked)
    assert refused.status_code == 409
    for arguments, field in (
        ({"schedule_id": 1, "surprise": True}, "surprise"),
        ({}, "schedule_id"),
        ({"schedule_id": "../7"}, None),
    ):
        answer = assistant.post("proposals", {"operation": "schedules_hold", "arguments": arguments})
        if field:
            assert (answer.status_code, answer.json()["field"]) == (422, field)
    assert assistant.post("proposals", {"operation": "nothing", "arguments": {}}).status_code == 404


def test_what_no_database_holds_is_refused_wherever_it_stands(assistant):
    for value in ("a\x00b", ["a", {"b": "\x00"}], {"\x00": 1}):
        asked = {"operation": "schedules_hold", "arguments": {"schedule_id": 7, "reason": value}}
        refused = assistant.post("proposals", asked)
        assert (refused.status_code, refused.json()["field"]) == (422, "arguments")


def test_a_revoked_token_makes_nothing_of_what_was_confirmed(olga, publication):
    _, text = tokens.issue("helper", "schedule", for_assistant=True)
    assistant = ApiClient(text)
    made = propose(assistant, "schedules_hold", schedule_id=publication.pk)
    assert olga.post(f"proposals/{made['id']}/confirm").status_code == 200
    tokens.revoke("helper")
    assert assistant.post(f"proposals/{made['id']}/commit").status_code == 401
    assert olga.post(f"proposals/{made['id']}/commit").status_code == 403, "nobody else makes it"
    publication.refresh_from_db()
    assert publication.state == "planned"


def test_more_than_fifty_open_ones_are_not_taken(assistant, publication, monkeypatch):
    monkeypatch.setattr("orchestration.register.proposals.MOST_WAITING", 1)
    propose(assistant, "schedules_hold", schedule_id=publication.pk)
    asked = {"operation": "schedules_hold", "arguments": {"schedule_id": publication.pk}}
    assert assistant.post("proposals", asked).status_code == 422


def test_lists_are_filtered_by_state(assistant, olga, publication):
    one = propose(assistant, "schedules_hold", schedule_id=publication.pk)
    propose(assistant, "schedules_cancel", schedule_id=publication.pk)
    olga.post(f"proposals/{one['id']}/refuse")
    assert [row["id"] for row in olga.get("proposals", state="refused").json()["items"]] == [one["id"]]
    assert olga.get("proposals").json()["total"] == 2


def test_what_is_closed_and_what_shows_beforehand_are_operations_that_exist():
    known = operations.everything()
    named = {
        *operations.CLOSED,
        *operations.PREVIEWED_BY,
        *operations.PREVIEWED_BY.values(),
        *operations.SHOWN_ONLY,
    }
    assert named <= set(known)
    assert set(operations.CLOSED_TAGS) <= {tag for each in known.values() for tag in each.tags}


def test_whatever_shows_a_change_beforehand_is_asked_by_the_names_that_the_change_takes():
    everything = operations.everything()
    pairs = [*operations.PREVIEWED_BY.items(), *operations.AS_SEEN.items()]
    lacking = {
        change: set(everything[shows].required)
        - set(everything[change].parameters)
        - set(everything[change].fields)
        for change, shows in pairs
    }
    assert {change: names for change, names in lacking.items() if names} == {}


def test_every_change_names_what_it_needs():
    """A view whose method of the service is not seen would be offered to whoever may read."""
    open_ones = [each for each in operations.everything().values() if not each.reads and not each.closed]
    assert len(open_ones) > 80
    assert all(each.needs != "read" for each in open_ones)
    assert operations.one("channels_pause").needs == "operate"
    assert operations.one("channels_create").needs == "admin"
    assert operations.one("tokens_list").needs == "admin"


def test_no_name_of_an_operation_stands_both_in_its_address_and_in_its_body():
    for each in operations.everything().values():
        assert not set(each.parameters) & set(each.fields), each.id


def test_what_is_closed_is_closed_by_whichever_method_it_is_asked_for():
    """`PATCH /api/sources/{id}` runs what `POST …/change` runs."""
    views = {name: operations.unwrapped(view) for name, view in _views()}
    closed = {views[name] for name in operations.CLOSED}
    assert {name for name in views if views[name] in closed and not operations.one(name).closed} == set()
    assert len(closed) < sum(view in closed for view in views.values())


def test_what_waits_is_told_to_people_and_leads_to_its_page(running):
    waits = factories.ProposalFactory()
    for over in ({"confirmed": True}, {"expired": True}, {"refused_at": timezone.now()}):
        factories.ProposalFactory(**over)
    (told,) = [each for each in problems() if each["code"] == "proposal_waits"]
    assert (told["subject_type"], told["subject_id"], told["severity"]) == ("proposal", waits.pk, "warning")
    assert waits.title in told["sentence"]
    (cause,) = [
        each for each in causes.found(timezone.now()).causes.values() if each.code == "proposal_waits"
    ]
    assert cause.link == f"/proposals/{waits.pk}/"
    user = factories.UserFactory(operator=True)
    client = Client()
    client.force_login(user)
    assert f'href="/proposals/{waits.pk}/"' in client.get("/").content.decode()


def test_what_has_been_over_for_long_is_deleted_by_the_clock_and_nothing_that_waits(running):
    now = timezone.now()
    factories.ProposalFactory(expires_at=now - timedelta(days=91))
    kept = [
        factories.ProposalFactory(expires_at=now - timedelta(days=89)),
        factories.ProposalFactory(expires_at=now + timedelta(minutes=5)),
    ]
    tasks.clean_disk()
    assert set(Proposal.objects.all()) == set(kept)
