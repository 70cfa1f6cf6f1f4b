"""Several files become one commit, or nothing; a repository is created once, whatever becomes of the answer."""

import pytest

from channels.gateways.errors import BranchMissing, PermissionMissing, RemoteError, RemoteUncertain
from channels.gateways.github import GitHubGateway
from channels.sandbox import github_state as state
from channels.sandbox.faults import Match

AURORA = "headend-demo/aurora"
TOKEN = "token-of-ours"
FILES = {"headend/stage.py": "print()\n", ".github/workflows/headend.yml": "name: ä\n"}


@pytest.fixture
def github(sandbox):
    state.add_token(sandbox.store, TOKEN, "headend-demo")
    state.add_repository(sandbox.store, AURORA)
    with GitHubGateway(TOKEN, base_url=sandbox.github_url) as gateway:
        yield gateway


def test_several_files_are_one_commit_on_top_of_the_head_that_was_read(github):
    before = github.head(AURORA, "main")
    commit = github.commit_files(AURORA, "main", before, FILES, "Both")
    after = github.head(AURORA, "main")
    assert after.commit == commit
    assert after.blobs == {
        **before.blobs,
        **{path: state.blob_sha(text.encode()) for path, text in FILES.items()},
    }
    assert github.read_file(AURORA, "headend/stage.py", "main").text == "print()\n"


def test_what_was_committed_since_the_head_was_read_is_not_overwritten(github):
    head = github.head(AURORA, "main")
    github.write_file(AURORA, "notes.md", "theirs", "By hand", "main")
    with pytest.raises(RemoteError) as refused:
        github.commit_files(AURORA, "main", head, FILES, "Both")
    assert refused.value.status == 422
    assert github.read_file(AURORA, "notes.md", "main").text == "theirs"


def test_a_token_without_the_workflows_permission_is_told_so(github, sandbox):
    state.add_token(sandbox.store, TOKEN, permissions={**state.FULL_PERMISSIONS, "workflows": "none"})
    head = github.head(AURORA, "main")
    with pytest.raises(PermissionMissing, match="Workflows: write"):
        github.commit_files(AURORA, "main", head, FILES, "Both")
    with pytest.raises(PermissionMissing):
        github.write_file(AURORA, ".github/workflows/new.yml", "name: new", "New", "main")
    github.commit_files(AURORA, "main", head, {"a.txt": "a", "b.txt": "b"}, "No workflow")


def test_a_lost_answer_is_unknown_and_seen_in_the_head(github, sandbox):
    head = github.head(AURORA, "main")
    sandbox.faults.add(Match("PATCH", "/git/refs/"), "status_after", status=502)
    with pytest.raises(RemoteUncertain):
        github.commit_files(AURORA, "main", head, FILES, "Both")
    assert github.head(AURORA, "main").commit != head.commit


def test_an_empty_repository_has_no_head_and_a_missing_branch_is_named_with_the_default_one(github, sandbox):
    state.add_repository(sandbox.store, "headend-demo/empty", files={})
    assert github.head("headend-demo/empty", "main") is None
    state.rename_branch(sandbox.store, AURORA, "main", "trunk")
    with pytest.raises(BranchMissing, match="trunk"):
        github.head(AURORA, "main")


@pytest.mark.parametrize(
    ("owner", "path"), [("headend-demo", "/user/repos"), ("a-company", "/orgs/a-company/repos")]
)
def test_a_repository_is_created_private_where_it_belongs(github, sandbox, owner, path):
    assert github.create_repository(f"{owner}/fresh", "Delta's own")
    found = github.repository(f"{owner}/fresh")
    assert (found.private, found.default_branch) == (True, "main")
    assert github.head(f"{owner}/fresh", "main") is not None
    assert len(sandbox.requests("POST", path)) == 1
    assert not github.create_repository(f"{owner}/fresh", "again")


def test_a_lost_answer_to_a_creation_is_looked_at_and_not_repeated(github, sandbox):
    sandbox.faults.add(Match("POST", "/user/repos"), "status_after", status=502)
    assert github.create_repository("headend-demo/fresh", "")
    assert len(sandbox.requests("POST", "/user/repos")) == 1
