"""Secrets lie where only the channel's branch can read them, and in no public repository that nobody knows to be public."""

import pytest

from channels.gateways.errors import PermissionMissing, RepositoryPublic
from channels.models import Channel
from channels.sandbox import github_state
from channels.sandbox.seed import GITHUB_TOKEN
from channels.states import SecretsIn
from orchestration.core import gateways
from orchestration.errors import InvalidRequest
from orchestration.github import configuration, repository_sync
from orchestration.models import Activity, Job, RepositoryRecord
from orchestration.monitoring import checks
from orchestration.queue import jobs as queue
from orchestration.service import CentralOrchestrationService
from orchestration.states import JobState
from tests.factories import BlockerFactory
from tests.register_helpers import github_channel, held, lead_to_sandbox

pytestmark = pytest.mark.django_db
NAMES = ["YT_CLIENT_ID", "YT_CLIENT_SECRET", "YT_REFRESH_TOKEN"]


@pytest.fixture(autouse=True)
def outside(settings, sandbox):
    lead_to_sandbox(settings, sandbox)


def sync(channel: Channel) -> dict:
    (outcome,) = configuration.sync([channel.pk]).outcomes
    result = repository_sync.run_sync(*held(outcome.job))
    queue.finish(outcome.job, JobState.SUCCEEDED, result=result)
    channel.refresh_from_db()
    return result


def environment_of(sandbox, channel: Channel) -> dict:
    with sandbox.store.read("github") as github:
        return github_state.find_repository(github, channel.repository)["environments"].get("headend", {})


# -- the environment -----------------------------------------------------------------------------------------------


def test_secrets_lie_in_an_environment_that_only_the_channels_branch_may_use(sandbox):
    channel = github_channel(sandbox, "aurora")
    sync(channel)
    environment = environment_of(sandbox, channel)
    assert sorted(environment["secrets"]) == NAMES
    assert [each["name"] for each in environment["branches"]] == ["main"]
    assert github_state.secret_values(sandbox.store, channel.repository, of_environment=False) == {}
    record = RepositoryRecord.objects.get()
    assert sorted(record.secrets) == NAMES
    assert record.branches == ["main"]
    assert Activity.objects.get(verb="secrets_pushed").after["environment"] == "headend"


def test_what_an_earlier_headend_left_in_the_repository_itself_is_removed_and_nothing_else(sandbox):
    channel = github_channel(sandbox, "aurora")
    with gateways.github(channel) as github:
        number = github.repository(channel.repository).id
        for name in (*NAMES, "SOMEBODYS_OWN"):
            github.put_secret(channel.repository, number, name, "old")
    sync(channel)
    left = github_state.secret_values(sandbox.store, channel.repository, of_environment=False)
    assert left == {"SOMEBODYS_OWN": "old"}
    assert Activity.objects.get(verb="secrets_pushed").after["removed_from_repository"] == NAMES


def test_another_branch_gets_the_environment_and_the_old_one_loses_it(sandbox):
    channel = github_channel(sandbox, "aurora")
    sync(channel)
    github_state.rename_branch(sandbox.store, channel.repository, "main", "trunk")
    Channel.objects.update(ref="trunk")
    sync(channel)
    assert [each["name"] for each in environment_of(sandbox, channel)["branches"]] == ["trunk"]


def test_where_the_plan_has_no_environments_the_sentence_says_what_to_do_and_the_repository_can_hold_them(
    sandbox,
):
    channel = github_channel(sandbox, "aurora")
    with sandbox.store.change("github") as github:
        github_state.find_repository(github, channel.repository)["plan_has_environments"] = False
    (outcome,) = configuration.sync([channel.pk]).outcomes
    with pytest.raises(PermissionMissing, match="plan has no environments"):
        repository_sync.run_sync(*held(outcome.job))
    assert github_state.secret_values(sandbox.store, channel.repository) == {}
    Job.objects.update(state=JobState.FAILED)
    Channel.objects.update(secrets_in=SecretsIn.REPOSITORY)
    sync(channel)
    kept = github_state.secret_values(sandbox.store, channel.repository, of_environment=False)
    assert sorted(kept) == NAMES


def test_a_token_that_may_not_administer_is_told_which_permission_it_lacks(sandbox):
    channel = github_channel(sandbox, "aurora")
    permissions = {**github_state.FULL_PERMISSIONS, "administration": "read"}
    github_state.add_token(sandbox.store, GITHUB_TOKEN, permissions=permissions)
    (outcome,) = configuration.sync([channel.pk]).outcomes
    with pytest.raises(PermissionMissing, match="Administration: write"):
        repository_sync.run_sync(*held(outcome.job))
    assert github_state.secret_values(sandbox.store, channel.repository) == {}


def test_an_environment_that_is_as_it_should_be_needs_no_administration(sandbox):
    channel = github_channel(sandbox, "aurora")
    with gateways.github(channel) as github:
        github.protect_environment(github.repository(channel.repository).id, "headend", "main")
    permissions = {**github_state.FULL_PERMISSIONS, "administration": "none"}
    github_state.add_token(sandbox.store, GITHUB_TOKEN, permissions=permissions)
    sync(channel)
    assert sorted(environment_of(sandbox, channel)["secrets"]) == NAMES


# -- a public repository -------------------------------------------------------------------------------------------


def test_nothing_is_brought_to_a_public_repository_that_nobody_acknowledged(sandbox):
    channel = github_channel(sandbox, "aurora")
    github_state.set_private(sandbox.store, channel.repository, False)
    (outcome,) = configuration.sync([channel.pk]).outcomes
    with pytest.raises(RepositoryPublic) as refused:
        repository_sync.run_sync(*held(outcome.job))
    assert (refused.value.again, refused.value.scope) == ("blocked", "channel")
    assert sandbox.requests("PUT") == sandbox.requests("POST") == []
    channel.refresh_from_db()
    (look,) = checks.of_repository(channel)
    assert (look.check, look.ok) == (checks.VISIBILITY, False)
    assert checks.judge([look])[0] == "failing"


def test_an_acknowledgement_lets_go_on_what_waited_and_says_who_when_and_why(sandbox):
    channel = github_channel(sandbox, "aurora", repository_id=700_000_001)
    github_state.set_private(sandbox.store, channel.repository, False)
    row = BlockerFactory(code="repository_public", scope="channel", subject_id=channel.pk, channel=channel)
    report = CentralOrchestrationService().acknowledge_public_repository(
        channel_id=channel.pk, reason="old films only"
    )
    assert report.public_acknowledged_at is not None
    assert report.public_acknowledged_reason == "old films only"
    row.refresh_from_db()
    assert row.ended_at is not None
    entry = Activity.objects.get(verb="public_repository_acknowledged")
    assert (entry.reason, entry.after["repository_id"]) == ("old films only", 700_000_001)
    sync(channel)
    assert any(look.check == checks.VISIBILITY and look.ok for look in checks.of_repository(channel))

    CentralOrchestrationService().acknowledge_public_repository(channel_id=channel.pk, withdraw=True)
    assert checks.of_repository(channel)[0].ok is False


def test_an_acknowledgement_holds_for_one_repository_only(sandbox):
    channel = github_channel(sandbox, "aurora", repository_id=700_000_001)
    CentralOrchestrationService().acknowledge_public_repository(channel_id=channel.pk, reason="fine")
    github_state.add_repository(sandbox.store, "headend/another", private=False)
    Channel.objects.update(repository="headend/another", repository_id=None)
    channel.refresh_from_db()
    assert checks.of_repository(channel)[0].ok is False


@pytest.mark.parametrize(
    ("values", "reason", "field"),
    [({}, "fine", "channel_id"), ({"repository_id": 700_000_001}, "  ", "reason")],
)
def test_an_acknowledgement_needs_a_repository_that_was_seen_and_a_reason(sandbox, values, reason, field):
    channel = github_channel(sandbox, "aurora", **values)
    with pytest.raises(InvalidRequest) as refused:
        CentralOrchestrationService().acknowledge_public_repository(channel_id=channel.pk, reason=reason)
    assert refused.value.field == field
    assert not Activity.objects.filter(verb="public_repository_acknowledged").exists()
