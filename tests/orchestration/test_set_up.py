"""Setting up is led by facts; the checks of Google and GitHub name the first thing that is missing."""

import pytest

from channels.models import Channel
from channels.sandbox import github_state
from channels.sandbox.seed import CLIENT_ID, CLIENT_SECRET
from orchestration.core.permissions import Actor
from orchestration.errors import InvalidRequest, NotFound, NotPermitted
from orchestration.models import KeptReport
from orchestration.service import CentralOrchestrationService
from orchestration.states import Trigger
from tests.engine_room import door
from tests.factories import ChannelFactory, DistributionFactory, SystemStateFactory, VideoFactory
from tests.register_helpers import connected_channel, github_channel, lead_to_sandbox

pytestmark = pytest.mark.django_db
BACK = "https://headend.example/connect/google/"


@pytest.fixture
def outside(settings, sandbox):
    lead_to_sandbox(settings, sandbox)
    settings.GOOGLE_CLIENT_ID, settings.GOOGLE_CLIENT_SECRET = CLIENT_ID, CLIENT_SECRET
    settings.HEADEND_PUBLIC_URL = "https://headend.example"


def done() -> list[str]:
    return [step.key for step in door().get_set_up().steps if step.is_done]


def test_an_empty_installation_begins_with_a_channel():
    found = door().get_set_up()
    assert not found.is_done
    assert found.next is not None
    assert found.next.key == "channel"
    assert [step.key for step in found.steps if step.is_optional] == ["github", "rehearsal"]


def test_each_step_is_read_from_the_facts_and_opens_again_with_them(sandbox):
    channel = connected_channel(sandbox, "delta")
    assert done() == ["channel", "google", "slots"]
    VideoFactory()
    SystemStateFactory(state="running")
    DistributionFactory(channel=channel, published=True)
    assert done() == ["channel", "google", "slots", "film", "start", "publish"]
    assert door().get_set_up().is_done
    Channel.objects.filter(pk=channel.pk).update(state="disabled")
    assert "channel" not in done()


def test_steps_take_as_many_statements_for_many_channels(django_assert_num_queries):
    for _ in range(5):
        ChannelFactory(github=True)
    with django_assert_num_queries(6):
        door().get_set_up()


# -- Google ----------------------------------------------------------------------------------------------------------


def verdicts(report) -> dict[str, bool | None]:
    return {check.key: check.ok for check in report.checks}


def test_google_in_order_is_told_step_by_step_and_kept(outside, sandbox):
    channel = connected_channel(sandbox, "delta")
    report = door().check_google(redirect_uri=BACK, channel_id=channel.pk)
    assert verdicts(report) == {
        "client": True,
        "redirect": True,
        "accepted": True,
        "consent": True,
        "scopes": True,
        "api": True,
        "channel": True,
        "quota": None,
    }
    assert report.ok
    kept = door().get_connection_report(subject="google")
    assert kept is not None
    assert (kept.checks, kept.channel) == (report.checks, "delta")
    assert CLIENT_SECRET not in str(KeptReport.objects.get().document)


@pytest.mark.parametrize(
    ("fault", "missing"),
    [
        ({"GOOGLE_CLIENT_SECRET": ""}, "client"),
        ({"GOOGLE_CLIENT_SECRET": "wrong"}, "accepted"),
    ],
)
def test_a_client_that_is_missing_or_wrong_is_named_and_nothing_after_it_is_asked(
    outside, sandbox, settings, fault, missing
):
    channel = connected_channel(sandbox, "delta")
    for name, value in fault.items():
        setattr(settings, name, value)
    report = door().check_google(redirect_uri=BACK, channel_id=channel.pk)
    assert report.missing is not None
    assert report.missing.key == missing
    assert report.missing.remedy
    assert sandbox.requests(path="/youtube/") == []


@pytest.mark.parametrize(
    ("address", "ok"),
    [
        ("http://headend.example/x", False),
        ("https://192.0.2.1/x", False),
        ("http://localhost:8000/x", None),
        (BACK, None),
    ],
)
def test_a_redirect_address_that_google_takes_from_nobody_is_refused_before_anybody_is_asked(
    settings, address, ok
):
    settings.GOOGLE_CLIENT_ID = ""
    assert verdicts(door().check_google(redirect_uri=address)) == {"client": False, "redirect": ok}


def test_a_channel_without_a_consent_or_with_another_channels_is_told_so(outside, sandbox):
    other = connected_channel(sandbox, "delta", youtube_channel_id="UCanother")
    alone = ChannelFactory(slug="alone")
    report = door().check_google(redirect_uri=BACK, channel_id=alone.pk)
    assert report.missing is not None
    assert report.missing.key == "consent"
    report = door().check_google(redirect_uri=BACK, channel_id=other.pk)
    assert report.missing is not None
    assert report.missing.key == "channel"


# -- GitHub ----------------------------------------------------------------------------------------------------------


def test_github_in_order_lacks_only_what_a_sync_would_write(outside, sandbox):
    channel = github_channel(sandbox, "delta")
    report = door().check_github(channel_id=channel.pk)
    found = verdicts(report)
    assert {
        key: found[key] for key in ("access", "repository", "permissions", "actions", "workflow", "callback")
    } == {
        "access": True,
        "repository": True,
        "permissions": True,
        "actions": True,
        "workflow": True,
        "callback": True,
    }
    assert report.missing is not None
    assert report.missing.key in {"environment", "secrets"}


def test_a_repository_that_is_missing_public_or_without_its_workflow_is_named(outside, sandbox, settings):
    nowhere = ChannelFactory(github=True, repository="headend/nowhere")
    assert door().check_github(channel_id=nowhere.pk).missing.key == "repository"
    public = github_channel(sandbox, "delta", files={})
    with sandbox.store.change("github") as github:
        github_state.find_repository(github, public.repository)["private"] = False
    report = door().check_github(channel_id=public.pk)
    assert (verdicts(report)["repository"], verdicts(report)["workflow"]) == (False, False)
    settings.GITHUB_TOKEN = ""
    report = door().check_github(channel_id=public.pk)
    assert report.missing.key == "access"
    assert "GITHUB_TOKEN is not set" in report.missing.sentence


def test_only_who_may_operate_has_calls_made_and_what_is_not_there_is_refused():
    reader = CentralOrchestrationService(actor=Actor("rita", "read"), trigger=Trigger.API)
    with pytest.raises(NotPermitted):
        reader.check_google(redirect_uri=BACK)
    with pytest.raises(NotFound):
        door().check_github(channel_id=404)
    with pytest.raises(InvalidRequest):
        door().get_connection_report(subject="gitlab")
