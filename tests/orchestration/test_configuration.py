"""Configuration is written down when it changed, and lies in the repository once its job has run."""

import json
from datetime import timedelta

import pytest
from django.utils import timezone

from channels.documents import checksum
from channels.gateways.errors import CredentialMissing, RemoteNotFound, RemoteUnavailable
from channels.models import Channel, ConfigRevision
from channels.sandbox import github_state
from orchestration.errors import InvalidRequest, NotFound
from orchestration.github import configuration, repository_sync
from orchestration.github.repository_pin import RepositoryChanged
from orchestration.models import Activity, Job
from orchestration.queue import jobs as queue
from orchestration.states import JobKind, JobState
from tests.factories import BlackoutFactory, ChannelFactory, ConfigRevisionFactory, PostingSlotFactory
from tests.register_helpers import connected_channel, github_channel, held, lead_to_sandbox

pytestmark = pytest.mark.django_db
SECRETS = {
    "YT_CLIENT_ID": "sandbox-client",
    "YT_CLIENT_SECRET": "sandbox-client-secret",
    "YT_REFRESH_TOKEN": "sandbox-refresh-aurora",
}


@pytest.fixture(autouse=True)
def outside(settings, sandbox):
    lead_to_sandbox(settings, sandbox)


def perform(job: Job) -> dict:
    """Run a sync job as a worker would, and let it succeed."""
    result = repository_sync.run_sync(*held(job))
    queue.finish(job, JobState.SUCCEEDED, result=result)
    return result


def sync_and_perform(channel: Channel) -> dict:
    (outcome,) = configuration.sync([channel.pk]).outcomes
    return perform(outcome.job)


def file_of(sandbox, channel: Channel, path: str) -> str | None:
    with sandbox.store.read("github") as github:
        content = github_state.read_file(
            github_state.find_repository(github, channel.repository), "main", path
        )
    return None if content is None else content.decode()


# -- the document --------------------------------------------------------------------------------------------------


def test_the_document_says_when_and_how_and_holds_no_secret(sandbox):
    channel = connected_channel(sandbox, "delta", timezone="Europe/Berlin")
    PostingSlotFactory(channel=channel, weekday=4, enabled=False)
    BlackoutFactory(channel=channel)
    document = configuration.document_of(channel)
    assert document["publishing"]["slots"] == [{"weekday": "monday", "local_time": "18:00:00"}]
    assert document["publishing"]["blackouts"][0]["first_date"] == "2026-12-25"
    assert document["channel"]["timezone"] == "Europe/Berlin"
    told = json.dumps(document)
    assert "sandbox-client" not in told
    assert "sandbox-refresh" not in told


def test_changes_are_named_by_their_keys():
    before = {"a": {"b": 1, "c": [1]}, "d": {}}
    assert configuration.changes_between(before, {"a": {"b": 2, "c": [1]}, "d": {"e": 1}}) == (
        "a.b",
        "d",
        "d.e",
    )
    assert configuration.changes_between(None, before) == ("a", "d")
    assert configuration.changes_between(before, before) == ()


# -- sync ----------------------------------------------------------------------------------------------------------


def test_a_local_channels_configuration_is_recorded_once(sandbox):
    channel = connected_channel(sandbox, "delta")
    (first,) = configuration.sync([channel.pk]).outcomes
    (second,) = configuration.sync([channel.pk]).outcomes
    assert (first.outcome, first.revision, first.job) == ("recorded", 1, None)
    assert (second.outcome, second.revision, second.changes) == ("unchanged", 1, ())
    revision = ConfigRevision.objects.get()
    assert revision.checksum == checksum(revision.document)
    assert Activity.objects.filter(verb="configuration_revised").count() == 1
    assert not Job.objects.exists()


def test_a_change_makes_a_revision_that_names_it(sandbox):
    channel = connected_channel(sandbox, "delta")
    configuration.sync([channel.pk])
    Channel.objects.update(daily_cap=2)
    PostingSlotFactory(channel=channel, weekday=4)
    (outcome,) = configuration.sync([channel.pk]).outcomes
    assert outcome.revision == 2
    assert outcome.changes == ("publishing.daily_cap", "publishing.slots")
    assert "publishing.daily_cap" in outcome.message


def test_a_dry_run_says_what_would_change_and_writes_nothing(sandbox):
    github_channel(sandbox, "aurora")
    connected_channel(sandbox, "delta")
    result = configuration.sync(dry_run=True)
    assert result.dry_run
    assert [(outcome.outcome, outcome.revision, outcome.job) for outcome in result.outcomes] == [
        ("changed", 1, None),
        ("changed", 1, None),
    ]
    assert not ConfigRevision.objects.exists()
    assert not Job.objects.exists()
    assert not Activity.objects.filter(verb__startswith="configuration").exists()
    assert sandbox.requests() == []


def test_all_channels_but_the_disabled_are_synced_with_one_entry_that_names_them(sandbox):
    channels = [github_channel(sandbox, "aurora"), connected_channel(sandbox, "delta")]
    ChannelFactory(disabled=True)
    outcomes = configuration.sync().outcomes
    assert [(outcome.channel, outcome.outcome) for outcome in outcomes] == [
        (channels[0], "queued"),
        (channels[1], "recorded"),
    ]
    entry = Activity.objects.get(verb="configurations_revised")
    assert sorted(entry.additional_data["members"]["channel"]) == sorted(channel.pk for channel in channels)
    assert Job.objects.get().kind == JobKind.SYNC


@pytest.mark.parametrize(
    ("ids", "error"), [([], InvalidRequest), ([7, 7], InvalidRequest), ([4711], NotFound)]
)
@pytest.mark.parametrize("dry_run", [True, False])
def test_channels_that_cannot_be_meant_are_refused_by_the_name_of_the_field(ids, error, dry_run):
    with pytest.raises(error) as refused:
        configuration.sync(ids, dry_run=dry_run)
    assert refused.value.field == "channel_ids"


def test_many_channels_are_compared_in_as_many_queries_as_few(django_assert_num_queries):
    for _ in range(2):
        ConfigRevisionFactory(channel=PostingSlotFactory().channel)
    with django_assert_num_queries(4):
        configuration.sync(dry_run=True)
    for _ in range(20):
        ConfigRevisionFactory(channel=PostingSlotFactory().channel)
    with django_assert_num_queries(4):
        assert len(configuration.sync(dry_run=True).outcomes) == 22


# -- the repository ------------------------------------------------------------------------------------------------


def test_an_empty_repository_gets_workflow_script_document_and_secrets(sandbox):
    channel = github_channel(sandbox, "aurora", files={"README.md": b"empty"})
    result = sync_and_perform(channel)

    for path, content in github_state.template_files().items():
        if path != "README.md":
            assert file_of(sandbox, channel, path) == content.decode()
    document = json.loads(file_of(sandbox, channel, "headend/channel.json"))
    revision = ConfigRevision.objects.get()
    assert (document["revision"], document["checksum"]) == (1, revision.checksum)
    assert github_state.secret_values(sandbox.store, channel.repository) == SECRETS
    assert revision.commit_sha == result["commits"]["headend/channel.json"]
    assert revision.synced_at is not None
    channel.refresh_from_db()
    assert channel.repository_id == 700_000_001
    assert channel.credential.pushed_at is not None
    entry = Activity.objects.get(verb="secrets_pushed")
    assert entry.after["repository_id"] == 700_000_001
    assert entry.after["names"] == sorted(SECRETS)


def test_only_what_differs_is_written(sandbox):
    channel = github_channel(sandbox, "aurora")
    sync_and_perform(channel)
    (unchanged,) = configuration.sync([channel.pk]).outcomes
    assert unchanged.outcome == "unchanged"

    Channel.objects.update(daily_cap=2)
    sandbox.clear_requests()
    result = sync_and_perform(channel)
    assert list(result["commits"]) == ["headend/channel.json"]
    assert result["secrets_pushed"] == []
    assert len(sandbox.requests("PUT")) == 1


@pytest.mark.parametrize(
    "changed", [{"refresh_token": "sandbox-refresh-new"}, {"client_secret": "sandbox-secret-new"}]
)
def test_secrets_are_pushed_again_when_one_of_them_changed(sandbox, changed):
    channel = github_channel(sandbox, "aurora")
    sync_and_perform(channel)
    credential = channel.credential
    credential.refresh_from_db()
    credential.set_secrets(**changed)
    credential.save()

    (outcome,) = configuration.sync([channel.pk]).outcomes
    assert outcome.outcome == "queued"
    assert "secrets" in outcome.message
    assert perform(outcome.job)["secrets_pushed"] == list(SECRETS)
    assert (
        next(iter(changed.values())) in github_state.secret_values(sandbox.store, channel.repository).values()
    )


def test_no_secret_is_in_job_audit_or_revision(sandbox):
    channel = github_channel(sandbox, "aurora")
    sync_and_perform(channel)
    told = json.dumps(
        [
            list(Job.objects.values("reason", "result", "error_message")),
            list(ConfigRevision.objects.values("document")),
            list(Activity.objects.values("before", "after", "reason", "changes")),
        ]
    )
    assert "sandbox-client-secret" not in told
    assert "sandbox-refresh-aurora" not in told


def test_secrets_do_not_go_to_a_repository_that_is_not_the_pinned_one(sandbox):
    channel = github_channel(sandbox, "aurora", repository_id=4711)
    (outcome,) = configuration.sync([channel.pk]).outcomes
    with pytest.raises(RepositoryChanged):
        repository_sync.run_sync(*held(outcome.job))
    assert sandbox.requests("PUT") == []
    assert "not the pinned 4711" in ConfigRevision.objects.get().sync_error


def test_a_channel_that_only_keeps_its_document_at_github_gets_no_secrets(sandbox):
    github_state.add_repository(sandbox.store, "headend/delta", files={})
    channel = connected_channel(sandbox, "delta", repository="headend/delta")
    result = sync_and_perform(channel)
    assert "headend/channel.json" in result["commits"]
    assert github_state.secret_values(sandbox.store, "headend/delta") == {}


def test_an_operators_own_workflow_is_left_alone(sandbox):
    channel = github_channel(sandbox, "aurora", files={}, workflow="mine.yml")
    sync_and_perform(channel)
    assert file_of(sandbox, channel, ".github/workflows/headend.yml") is None
    assert file_of(sandbox, channel, "headend/channel.json") is not None


def test_a_write_whose_answer_was_lost_is_found_and_not_repeated(sandbox):
    channel = github_channel(sandbox, "aurora", files={})
    sandbox.faults.add({"method": "PUT", "path": "contents/headend/stage.py"}, "status_after", status=502)
    sync_and_perform(channel)
    assert len(sandbox.requests("PUT", "contents/headend/stage.py")) == 1
    assert ConfigRevision.objects.get().synced_at is not None


def test_a_commit_of_somebody_else_in_between_is_read_and_overwritten(sandbox):
    channel = github_channel(sandbox, "aurora")
    sandbox.faults.add(
        {"method": "PUT", "path": "channel.json"},
        "status_before",
        status=409,
        body={"message": "does not match"},
    )
    sync_and_perform(channel)
    assert file_of(sandbox, channel, "headend/channel.json") is not None


def test_a_github_that_fails_leaves_the_sentence_with_the_revision_and_the_next_try_clears_it(sandbox):
    channel = github_channel(sandbox, "aurora")
    (outcome,) = configuration.sync([channel.pk]).outcomes
    fault = sandbox.faults.add("^/github/", "status_before", status=502, times=None)
    with pytest.raises(RemoteUnavailable):
        repository_sync.run_sync(*held(outcome.job))
    assert "502" in ConfigRevision.objects.get().sync_error
    assert fault.hits
    sandbox.faults.clear()
    perform(outcome.job)
    assert ConfigRevision.objects.get().sync_error == ""


def test_a_revision_that_is_not_synced_yet_is_queued_again(sandbox):
    channel = github_channel(sandbox, "aurora")
    (first,) = configuration.sync([channel.pk]).outcomes
    Job.objects.update(state=JobState.FAILED)
    (again,) = configuration.sync([channel.pk]).outcomes
    assert again.outcome == "queued"
    assert again.revision == first.revision == 1
    assert again.job != first.job
    assert "not in the repository yet" in again.message


def test_a_missing_repository_or_token_is_said_by_name(sandbox, settings):
    channel = connected_channel(sandbox, "aurora", github=True)
    (outcome,) = configuration.sync([channel.pk]).outcomes
    with pytest.raises(RemoteNotFound):
        repository_sync.run_sync(*held(outcome.job))
    assert "headend/aurora" in ConfigRevision.objects.get().sync_error
    settings.GITHUB_TOKEN = ""
    with pytest.raises(CredentialMissing):
        repository_sync.run_sync(*held(outcome.job))
    assert "GITHUB_TOKEN" in ConfigRevision.objects.get().sync_error


def test_a_revision_made_while_the_job_ran_is_written_by_the_same_job(sandbox, monkeypatch):
    channel = github_channel(sandbox, "aurora")
    (outcome,) = configuration.sync([channel.pk]).outcomes
    job, lease = held(outcome.job)
    progress = lease.progress

    def change_once(fraction: float, note: str = "") -> None:
        progress(fraction, note)
        if note == "recording" and ConfigRevision.objects.count() == 1:
            Channel.objects.update(daily_cap=2)
            configuration.sync([channel.pk])

    monkeypatch.setattr(lease, "progress", change_once)
    assert repository_sync.run_sync(job, lease)["revision"] == 2
    assert json.loads(file_of(sandbox, channel, "headend/channel.json"))["publishing"]["daily_cap"] == 2
    assert ConfigRevision.objects.filter(synced_at__gte=timezone.now() - timedelta(minutes=1)).count() == 2


def test_a_channel_connected_anew_while_the_job_ran_has_its_new_token_brought_by_the_same_job(
    sandbox, monkeypatch
):
    """Whoever connects finds the job under way and queues no other; the run would go on with the old token."""
    channel = github_channel(sandbox, "aurora")
    (outcome,) = configuration.sync([channel.pk]).outcomes
    job, lease = held(outcome.job)
    progress, done = lease.progress, []

    def connect_once(fraction: float, note: str = "") -> None:
        progress(fraction, note)
        if note == "recording" and not done:
            done.append(note)
            credential = Channel.objects.get(pk=channel.pk).credential
            credential.set_secrets(refresh_token="sandbox-refresh-new")
            credential.save()

    monkeypatch.setattr(lease, "progress", connect_once)
    assert repository_sync.run_sync(job, lease)["secrets_pushed"] == list(SECRETS)
    brought = github_state.secret_values(sandbox.store, channel.repository)
    assert brought["YT_REFRESH_TOKEN"] == "sandbox-refresh-new"


def test_another_repository_is_pinned_anew_and_gets_the_secrets(sandbox):
    channel = github_channel(sandbox, "aurora")
    sync_and_perform(channel)
    github_state.add_repository(sandbox.store, "headend/aurora-two", files={})
    Channel.objects.filter(pk=channel.pk).update(repository="headend/aurora-two", repository_id=None)
    channel.refresh_from_db()

    result = sync_and_perform(channel)
    assert result["repository_id"] == 700_000_002
    assert github_state.secret_values(sandbox.store, "headend/aurora-two") == SECRETS


def test_a_channel_that_was_not_healthy_is_looked_at_once_its_repository_is_in_order(sandbox):
    channel = github_channel(sandbox, "aurora", files={})
    sync_and_perform(channel)
    assert Job.objects.get(kind=JobKind.CHECK).channel == channel

    Channel.objects.update(health="healthy", daily_cap=2)
    Job.objects.filter(kind=JobKind.CHECK).delete()
    sync_and_perform(channel)
    assert not Job.objects.filter(kind=JobKind.CHECK).exists()
