"""A channel gets its repository, created or adopted, after everybody could see what would be written there."""

import pytest
from django.core.management import call_command
from django.urls import reverse

from channels.models import Channel
from channels.sandbox import github_state
from channels.sandbox.seed import GITHUB_TOKEN
from channels.states import Executor
from orchestration.errors import InvalidRequest
from orchestration.github import repository_files, repository_sync
from orchestration.models import Activity, Job
from orchestration.service import CentralOrchestrationService
from tests.factories import ChannelFactory
from tests.register_helpers import connected_channel, held, lead_to_sandbox

pytestmark = pytest.mark.django_db
FRESH = "a-company/delta"


@pytest.fixture
def channel(settings, sandbox) -> Channel:
    lead_to_sandbox(settings, sandbox)
    return connected_channel(sandbox, "delta")


def provision(channel: Channel, repository: str = FRESH, **values):
    return CentralOrchestrationService().provision_repository(
        channel_id=channel.pk, repository=repository, **values
    )


def names_of(sandbox) -> list[str]:
    with sandbox.store.read("github") as github:
        return [github_state.full_name_of(each) for each in github.get("repositories", {}).values()]


def test_a_dry_run_shows_files_secrets_and_settings_and_touches_nothing(channel, sandbox):
    plan = provision(channel, create=True, dry_run=True)
    assert (plan.exists, plan.private, plan.branch, plan.job) == (False, True, "main", None)
    assert [each.path for each in plan.files] == [
        *repository_files.FROM_TEMPLATE,
        repository_files.DOCUMENT_PATH,
    ]
    assert "+python3 headend/stage.py" in plan.files[0].diff.replace("        run: ", "")
    assert plan.secrets == ["YT_CLIENT_ID", "YT_CLIENT_SECRET", "YT_REFRESH_TOKEN"]
    assert ("environment headend", "none", "only main") in [
        (each.name, each.now, each.wanted) for each in plan.settings
    ]
    assert names_of(sandbox) == []
    assert all(entry.method == "GET" for entry in sandbox.requests())
    assert not Activity.objects.filter(verb="repository_provisioned").exists()


def test_a_created_repository_is_private_pinned_and_holds_what_the_dry_run_showed(channel, sandbox):
    shown = provision(channel, create=True, dry_run=True)
    plan = provision(channel, create=True, reason="its own")
    channel.refresh_from_db()
    assert (channel.executor, channel.repository, channel.repository_id) == (
        Executor.GITHUB,
        FRESH,
        700_000_001,
    )
    repository_sync.run_sync(*held(plan.job))
    with sandbox.store.read("github") as github:
        repository = github_state.find_repository(github, FRESH)
        assert repository["private"] is True
        assert {each.path for each in shown.files} < set(repository["files"]["main"])
        ours = {each["sha"] for each in repository["commits"] if each["message"].startswith("Headend")}
    assert len(ours) == 1  # all files are one commit
    assert sorted(github_state.secret_values(sandbox.store, FRESH)) == plan.secrets
    entry = Activity.objects.get(verb="repository_provisioned")
    assert (entry.reason, entry.after["created"]) == ("its own", True)


def test_one_that_exists_is_adopted_with_what_differs_shown_line_by_line(channel, sandbox):
    files = {"headend/stage.py": b"print('old')\n", "keep.txt": b"theirs"}
    github_state.add_repository(sandbox.store, FRESH, files=files)
    plan = provision(channel, create=True, dry_run=True)
    assert plan.exists
    script = next(each.diff for each in plan.files if each.path == repository_files.SCRIPT_PATH)
    assert "-print('old')" in script
    repository_sync.run_sync(*held(provision(channel, create=True).job))
    with sandbox.store.read("github") as github:
        repository = github_state.find_repository(github, FRESH)
        assert github_state.read_file(repository, "main", "keep.txt") == b"theirs"


def test_a_default_branch_of_another_name_becomes_the_channels(channel, sandbox):
    github_state.add_repository(sandbox.store, FRESH)
    github_state.rename_branch(sandbox.store, FRESH, "main", "trunk")
    provision(channel)
    channel.refresh_from_db()
    assert channel.ref == "trunk"


def test_what_stands_against_it_is_shown_by_the_dry_run_and_refused_after(channel, sandbox):
    with pytest.raises(InvalidRequest, match="There is no repository"):
        provision(channel)
    github_state.add_repository(sandbox.store, FRESH, private=False)
    permissions = {**github_state.FULL_PERMISSIONS, "secrets": "none", "administration": "none"}
    github_state.add_token(sandbox.store, GITHUB_TOKEN, permissions=permissions)
    problems = provision(channel, dry_run=True).problems
    assert [each.split(" ")[-4:-2] for each in problems[1:]] == [
        ["permission", "Secrets"],
        ["permission", "Administration"],
    ]
    with pytest.raises(InvalidRequest, match="public") as refused:
        provision(channel)
    assert refused.value.field == "repository"
    channel.refresh_from_db()
    assert (channel.repository, Job.objects.count()) == ("", 0)


@pytest.mark.parametrize("name", ["delta", "a/b/c", "headend/.."])
def test_a_name_that_is_no_repository_is_refused(channel, name):
    with pytest.raises(InvalidRequest, match="owner/name"):
        provision(channel, name)


def test_another_channels_repository_is_refused(channel):
    ChannelFactory(github=True, repository=FRESH.upper())
    with pytest.raises(InvalidRequest, match="one of its own"):
        provision(channel, dry_run=True)


def test_command_line_and_page_show_it_and_do_it(channel, sandbox, client, admin_user, capsys):
    call_command("orchestration", "provision", channel.slug, "--repository", FRESH, "--create", "--dry-run")
    assert "+++ b/headend/stage.py" in capsys.readouterr().out
    client.force_login(admin_user)
    page = reverse("dashboard:channel_provision", args=[channel.slug])
    assert "would be written" in client.get(page).content.decode()
    shown = client.get(page, {"repository": FRESH, "create": "1"}).content.decode()
    assert "+++ b/headend/stage.py" in shown
    assert "owner/name" in client.get(page, {"repository": "delta"}).content.decode()
    client.post(reverse("dashboard:channel_give", args=[channel.slug]), {"repository": FRESH, "create": "1"})
    channel.refresh_from_db()
    assert channel.repository == FRESH
