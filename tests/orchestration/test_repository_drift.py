"""What somebody changed by hand in a repository is never overwritten unasked, and a person can say which way counts."""

import json
from datetime import timedelta

import pytest
from django.utils import timezone

from channels.gateways.errors import BranchMissing
from channels.models import Channel
from channels.sandbox import github_state
from orchestration.errors import IllegalTransition, InvalidRequest
from orchestration.github import configuration, repository_files, repository_sync
from orchestration.github.repository_drift import RepositoryDrifted
from orchestration.models import Activity, Job, RepositoryRecord
from orchestration.monitoring import checks
from orchestration.queue import jobs as queue
from orchestration.service import CentralOrchestrationService
from orchestration.states import JobState
from tests.factories import PostingSlotFactory
from tests.register_helpers import github_channel, held, lead_to_sandbox

pytestmark = pytest.mark.django_db
SCRIPT, DOCUMENT = repository_files.SCRIPT_PATH, repository_files.DOCUMENT_PATH


@pytest.fixture
def channel(settings, sandbox):
    """Give a channel whose repository Headend has just written."""
    lead_to_sandbox(settings, sandbox)
    channel = github_channel(sandbox, "aurora")
    sync(channel)
    return channel


def sync(channel: Channel) -> dict:
    (outcome,) = configuration.sync([channel.pk]).outcomes
    result = repository_sync.run_sync(*held(outcome.job))
    queue.finish(outcome.job, JobState.SUCCEEDED, result=result)
    channel.refresh_from_db()
    return result


def by_hand(sandbox, channel: Channel, path: str, text: str) -> None:
    with sandbox.store.change("github") as github:
        repository = github_state.find_repository(github, channel.repository)
        github_state.write_file(sandbox.store, repository, "main", path, text.encode(), "By hand")


def there(sandbox, channel: Channel, path: str) -> str:
    with sandbox.store.read("github") as github:
        repository = github_state.find_repository(github, channel.repository)
        return github_state.read_file(repository, channel.ref, path).decode()


def resolve(channel: Channel, way: str):
    return CentralOrchestrationService().resolve_repository_drift(
        channel_id=channel.pk, way=way, reason="seen"
    )


def next_sync(channel: Channel) -> dict:
    """Run the sync that is queued, as a worker would."""
    job = Job.objects.open().get(kind="sync", channel=channel)
    result = repository_sync.run_sync(*held(job))
    queue.finish(job, JobState.SUCCEEDED, result=result)
    return result


def test_a_file_that_somebody_changed_stops_the_sync_with_its_three_values(channel, sandbox):
    by_hand(sandbox, channel, SCRIPT, "print('mine')\n")
    Channel.objects.update(daily_cap=2)
    (outcome,) = configuration.sync([channel.pk]).outcomes
    with pytest.raises(RepositoryDrifted) as stopped:
        repository_sync.run_sync(*held(outcome.job))
    assert (stopped.value.again, stopped.value.scope) == ("blocked", "channel")
    assert there(sandbox, channel, SCRIPT) == "print('mine')\n"
    assert json.loads(there(sandbox, channel, DOCUMENT))["publishing"]["daily_cap"] != 2
    (found,) = CentralOrchestrationService().get_repository(channel_id=channel.pk).drift
    ours = repository_files.blob_id(repository_files.template_file(SCRIPT))
    assert found == {
        "what": "file",
        "name": SCRIPT,
        "recorded": ours,
        "wanted": ours,
        "there": repository_files.blob_id("print('mine')\n"),
    }
    assert Activity.objects.filter(verb="repository_drifted").count() == 1


def test_overwriting_writes_ours_and_what_is_changed_after_that_decision_stops_again(channel, sandbox):
    by_hand(sandbox, channel, SCRIPT, "print('mine')\n")
    assert repository_sync.look(channel)
    resolve(channel, "overwrite")
    by_hand(sandbox, channel, SCRIPT, "print('once more')\n")
    with pytest.raises(RepositoryDrifted):
        next_sync(channel)
    resolve(channel, "overwrite")
    next_sync(channel)
    assert there(sandbox, channel, SCRIPT) == repository_files.template_file(SCRIPT)
    assert Activity.objects.filter(verb="repository_overwritten", reason="seen").count() == 2
    assert not repository_sync.look(channel)


def test_an_imported_script_is_kept_as_it_is_while_all_else_is_written(channel, sandbox):
    by_hand(sandbox, channel, SCRIPT, "print('mine')\n")
    repository_sync.look(channel)
    assert resolve(channel, "import").kept == [SCRIPT]
    Channel.objects.update(daily_cap=2)
    configuration.sync([channel.pk])
    assert list(next_sync(channel)["commits"]) == [DOCUMENT]
    assert there(sandbox, channel, SCRIPT) == "print('mine')\n"
    by_hand(sandbox, channel, SCRIPT, "print('theirs again')\n")
    assert [each.name for each in repository_sync.look(channel)] == [SCRIPT]


def test_an_imported_document_becomes_the_channels_configuration(channel, sandbox):
    PostingSlotFactory(channel=channel, weekday=4)
    document = json.loads(there(sandbox, channel, DOCUMENT))
    document["publishing"]["daily_cap"] = 3
    document["publishing"]["slots"] = [{"weekday": "sunday", "local_time": "09:30:00"}]
    document["filters"] = {"languages": ["de"]}
    by_hand(sandbox, channel, DOCUMENT, json.dumps(document))
    repository_sync.look(channel)
    resolve(channel, "import")
    channel.refresh_from_db()
    assert (channel.daily_cap, channel.filters) == (3, {"languages": ["de"]})
    assert [f"{slot}" for slot in channel.slots.all()] == ["aurora Sunday 09:30"]
    next_sync(channel)
    assert json.loads(there(sandbox, channel, DOCUMENT))["publishing"]["daily_cap"] == 3
    assert not repository_sync.look(channel)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"publishing": {"daily_cap": 0}}, "daily_cap"),
        ({"format": 9}, "format is 9"),
        ({"publishing": {"slots": [{"weekday": "someday", "local_time": "09:30"}]}}, "someday"),
    ],
)
def test_a_document_that_cannot_be_imported_is_named_and_nothing_is_changed(channel, sandbox, change, said):
    document = {**json.loads(there(sandbox, channel, DOCUMENT)), **change}
    by_hand(sandbox, channel, DOCUMENT, json.dumps(document))
    repository_sync.look(channel)
    before = Channel.objects.values().get()
    with pytest.raises(InvalidRequest, match=said):
        resolve(channel, "import")
    assert Channel.objects.values().get() == before
    assert RepositoryRecord.objects.get().drift


def test_a_secret_that_somebody_stored_anew_or_removed_is_seen_though_nobody_can_read_it(channel, sandbox):
    with sandbox.store.change("github") as github:
        held_there = github_state.find_repository(github, channel.repository)["environments"]["headend"]
        held_there["secrets"]["YT_CLIENT_ID"]["updated_at"] = "2031-01-01T00:00:00Z"
        del held_there["secrets"]["YT_REFRESH_TOKEN"]
    found = {each.name: each.there for each in repository_sync.look(channel)}
    assert found == {"YT_CLIENT_ID": "stored 2031-01-01T00:00:00+00:00", "YT_REFRESH_TOKEN": ""}
    with pytest.raises(IllegalTransition, match="YT_REFRESH_TOKEN"):
        resolve(channel, "import")
    resolve(channel, "overwrite")
    assert next_sync(channel)["secrets_pushed"] == ["YT_CLIENT_ID", "YT_CLIENT_SECRET", "YT_REFRESH_TOKEN"]
    assert not repository_sync.look(channel)


def test_an_environment_opened_to_other_branches_is_seen_and_closed_again(channel, sandbox):
    with sandbox.store.change("github") as github:
        held_there = github_state.find_repository(github, channel.repository)["environments"]["headend"]
        held_there["branches"].append({"id": 1, "name": "wip/*"})
    (found,) = repository_sync.look(channel)
    assert (found.what, found.recorded, found.there) == ("environment", "main", "main, wip/*")
    resolve(channel, "overwrite")
    next_sync(channel)
    assert not repository_sync.look(channel)


def test_a_renamed_branch_is_named_and_followed_on_demand(channel, sandbox):
    github_state.rename_branch(sandbox.store, channel.repository, "main", "trunk")
    with pytest.raises(BranchMissing, match="trunk"):
        repository_sync.look(channel)
    with pytest.raises(IllegalTransition, match="import the new one"):
        resolve(channel, "overwrite")
    resolve(channel, "import")
    channel.refresh_from_db()
    assert channel.ref == "trunk"
    next_sync(channel)
    assert json.loads(there(sandbox, channel, DOCUMENT))["execution"]["ref"] == "trunk"


def test_a_commit_of_ours_whose_record_was_lost_is_not_taken_for_somebody_elses(
    channel, sandbox, monkeypatch
):
    Channel.objects.update(daily_cap=2)
    (outcome,) = configuration.sync([channel.pk]).outcomes
    monkeypatch.setattr(repository_sync, "_record", lambda *given: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        repository_sync.run_sync(*held(outcome.job))
    monkeypatch.undo()
    Channel.objects.update(daily_cap=4)
    configuration.sync([channel.pk])
    assert not repository_sync.look(Channel.objects.get())
    next_sync(channel)
    assert json.loads(there(sandbox, channel, DOCUMENT))["publishing"]["daily_cap"] == 4


def test_the_check_says_what_was_changed_and_asks_github_no_more_often_than_it_must(channel, sandbox):
    by_hand(sandbox, channel, SCRIPT, "print('mine')\n")
    (look,) = checks.of_drift(channel, fresh_for=timedelta(0))
    assert (look.check, look.ok) == (checks.DRIFT, False)
    assert SCRIPT in look.sentence
    sandbox.clear_requests()
    assert checks.of_drift(channel, fresh_for=timedelta(hours=1))[0].ok is False
    assert sandbox.requests() == []
    RepositoryRecord.objects.update(checked_at=timezone.now() - timedelta(hours=2))
    checks.of_drift(channel, fresh_for=timedelta(hours=1))
    assert sandbox.requests()


def test_a_way_that_is_none_and_a_repository_that_is_as_we_wrote_it_are_refused(channel):
    with pytest.raises(InvalidRequest, match="overwrite or import"):
        resolve(channel, "shrug")
    with pytest.raises(IllegalTransition, match="found changed"):
        resolve(channel, "import")
