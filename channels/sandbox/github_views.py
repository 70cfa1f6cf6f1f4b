"""What the sandbox's GitHub answers: accounts, repositories, workflows, runs and jobs, with every field it describes.

The shapes are those of GitHub's OpenAPI description and webhook schemas; `tests/contracts` holds them to it.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from channels.sandbox import github_state as state
from channels.sandbox.workflow_file import WorkflowError

if TYPE_CHECKING:
    from channels.sandbox.server import Sandbox

REPOSITORY_LINKS = {
    **{f"{name}_url": name for name in ("contributors", "deployments", "downloads", "events", "forks")},
    **{f"{name}_url": name for name in ("hooks", "languages", "merges", "subscribers", "subscription")},
    **{f"{name}_url": name for name in ("tags", "teams", "stargazers")},
    "archive_url": "{archive_format}{/ref}",
    "assignees_url": "assignees{/user}",
    "blobs_url": "git/blobs{/sha}",
    "branches_url": "branches{/branch}",
    "collaborators_url": "collaborators{/collaborator}",
    "comments_url": "comments{/number}",
    "commits_url": "commits{/sha}",
    "compare_url": "compare/{base}...{head}",
    "contents_url": "contents/{+path}",
    "git_commits_url": "git/commits{/sha}",
    "git_refs_url": "git/refs{/sha}",
    "git_tags_url": "git/tags{/sha}",
    "issue_comment_url": "issues/comments{/number}",
    "issue_events_url": "issues/events{/number}",
    "issues_url": "issues{/number}",
    "keys_url": "keys{/key_id}",
    "labels_url": "labels{/name}",
    "milestones_url": "milestones{/number}",
    "notifications_url": "notifications{?since,all,participating}",
    "pulls_url": "pulls{/number}",
    "releases_url": "releases{/id}",
    "statuses_url": "statuses/{sha}",
    "trees_url": "git/trees{/sha}",
}
COUNTS = (
    "forks",
    "forks_count",
    "open_issues",
    "open_issues_count",
    "stargazers_count",
    "watchers",
    "watchers_count",
)
SHOWN_OF_A_RUN = (
    *("id", "name", "display_title", "event", "status", "conclusion", "head_branch", "head_sha", "path"),
    *("run_number", "run_attempt", "created_at", "updated_at", "run_started_at"),
)


def node_id(kind: str, number: int | str) -> str:
    return base64.b64encode(f"{kind}:{number}".encode()).decode()


def api_url(sandbox: Sandbox, repository: dict[str, Any]) -> str:
    return f"{sandbox.github_url}/repos/{state.full_name_of(repository)}"


def html_url(sandbox: Sandbox, repository: dict[str, Any]) -> str:
    return f"{sandbox.url}/github-web/{state.full_name_of(repository)}"


def account(sandbox: Sandbox, login: str, kind: str = "User") -> dict[str, Any]:
    """Return an account as it stands beside what it owns or did."""
    url = f"{sandbox.github_url}/users/{login}"
    links = {
        "followers_url": "followers",
        "following_url": "following{/other_user}",
        "gists_url": "gists{/gist_id}",
        "starred_url": "starred{/owner}{/repo}",
        "subscriptions_url": "subscriptions",
        "organizations_url": "orgs",
        "repos_url": "repos",
        "events_url": "events{/privacy}",
        "received_events_url": "received_events",
    }
    return {
        "login": login,
        "id": 1,
        "node_id": node_id(kind, login),
        "avatar_url": f"{sandbox.url}/github-web/{login}.png",
        "gravatar_id": "",
        "url": url,
        "html_url": f"{sandbox.url}/github-web/{login}",
        **{name: f"{url}/{path}" for name, path in links.items()},
        "type": kind,
        "site_admin": False,
    }


def user(sandbox: Sandbox, login: str) -> dict[str, Any]:
    """Return an account as it is answered to itself."""
    return {
        **account(sandbox, login),
        **dict.fromkeys(("name", "company", "blog", "location", "email", "hireable", "bio")),
        **dict.fromkeys(("public_repos", "public_gists", "followers", "following"), 0),
        "created_at": "2026-01-01T00:00:00Z",
        "updated_at": "2026-01-01T00:00:00Z",
    }


def brief_repository(sandbox: Sandbox, repository: dict[str, Any]) -> dict[str, Any]:
    """Return a repository as it stands within a run."""
    url = api_url(sandbox, repository)
    return {
        "id": repository["id"],
        "node_id": node_id("Repository", repository["id"]),
        "name": repository["name"],
        "full_name": state.full_name_of(repository),
        "private": repository["private"],
        "owner": account(sandbox, repository["owner"], "Organization"),
        "html_url": html_url(sandbox, repository),
        "description": None,
        "fork": False,
        "url": url,
        **{name: f"{url}/{path}" for name, path in REPOSITORY_LINKS.items()},
    }


def repository(sandbox: Sandbox, held: dict[str, Any]) -> dict[str, Any]:
    """Return a repository as a webhook carries it."""
    page, name = html_url(sandbox, held), state.full_name_of(held)
    return {
        **brief_repository(sandbox, held),
        **dict.fromkeys(COUNTS, 0),
        **{f"has_{what}": what == "issues" for what in ("issues", "projects", "downloads", "wiki", "pages")},
        "has_discussions": False,
        "created_at": held["created_at"],
        "updated_at": held["created_at"],
        "pushed_at": held["created_at"],
        "git_url": page.replace("http:", "git:") + ".git",
        "ssh_url": f"git@localhost:{name}.git",
        "clone_url": f"{page}.git",
        "svn_url": page,
        "homepage": None,
        "language": "Python",
        "license": None,
        "mirror_url": None,
        "size": len(held["commits"]),
        "archived": held["archived"],
        "disabled": False,
        "default_branch": held["default_branch"],
        "is_template": False,
        "web_commit_signoff_required": False,
        "topics": [],
        "visibility": "private" if held["private"] else "public",
        "custom_properties": {},
    }


def full_repository(sandbox: Sandbox, held: dict[str, Any]) -> dict[str, Any]:
    """Return a repository as a call for it is answered."""
    return {**repository(sandbox, held), "network_count": 0, "subscribers_count": 0}


def workflow(sandbox: Sandbox, repository: dict[str, Any], path: str) -> dict[str, Any]:
    """Return one workflow of a repository."""
    number, branch = repository["workflow_ids"][path], repository["default_branch"]
    try:
        name = state.workflow_at(repository, branch, path).name
    except WorkflowError:
        name = path
    return {
        "id": number,
        "node_id": node_id("Workflow", number),
        "name": name,
        "path": path,
        "state": repository.get("workflow_states", {}).get(path, "active"),
        "created_at": repository["created_at"],
        "updated_at": repository["created_at"],
        "url": f"{api_url(sandbox, repository)}/actions/workflows/{number}",
        "html_url": f"{html_url(sandbox, repository)}/blob/{branch}/{path}",
        "badge_url": f"{html_url(sandbox, repository)}/workflows/{name}/badge.svg",
    }


def run(sandbox: Sandbox, repository: dict[str, Any], held: dict[str, Any]) -> dict[str, Any]:
    """Return one run, as a call is answered and as a webhook carries it."""
    url = f"{api_url(sandbox, repository)}/actions/runs/{held['id']}"
    workflow_id = repository["workflow_ids"][held["path"]]
    brief, actor = brief_repository(sandbox, repository), account(sandbox, held["actor"])
    return {
        **{name: held[name] for name in SHOWN_OF_A_RUN},
        "node_id": node_id("WorkflowRun", held["id"]),
        "workflow_id": workflow_id,
        "workflow_url": f"{api_url(sandbox, repository)}/actions/workflows/{workflow_id}",
        "check_suite_id": held["id"],
        "check_suite_node_id": node_id("CheckSuite", held["id"]),
        "check_suite_url": f"{api_url(sandbox, repository)}/check-suites/{held['id']}",
        "url": url,
        "html_url": f"{html_url(sandbox, repository)}/actions/runs/{held['id']}",
        "jobs_url": f"{url}/jobs",
        "logs_url": f"{url}/logs",
        "cancel_url": f"{url}/cancel",
        "rerun_url": f"{url}/rerun",
        "artifacts_url": f"{url}/artifacts",
        "previous_attempt_url": None,
        "pull_requests": [],
        "actor": actor,
        "triggering_actor": actor,
        "head_commit": _commit(repository, held),
        "head_repository": brief,
        "repository": brief,
    }


def _commit(repository: dict[str, Any], held: dict[str, Any]) -> dict[str, Any]:
    known: dict[str, Any] = next((one for one in repository["commits"] if one["sha"] == held["head_sha"]), {})
    person = {"name": held["actor"], "email": "sandbox@localhost"}
    return {
        "id": held["head_sha"],
        "tree_id": held["head_sha"],
        "message": known.get("message", ""),
        "timestamp": known.get("at", held["created_at"]),
        "author": person,
        "committer": person,
    }


def job(sandbox: Sandbox, repository: dict[str, Any], held: dict[str, Any], name: str) -> dict[str, Any]:
    """Return what every job of a run says beside its steps."""
    run_url = f"{api_url(sandbox, repository)}/actions/runs/{held['id']}"
    return {
        "id": held["job_id"],
        "node_id": node_id("Job", held["job_id"]),
        "run_id": held["id"],
        "run_attempt": held["run_attempt"],
        "run_url": run_url,
        "head_sha": held["head_sha"],
        "head_branch": held["head_branch"],
        "workflow_name": held["name"],
        "name": name,
        "url": f"{api_url(sandbox, repository)}/actions/jobs/{held['job_id']}",
        "html_url": f"{html_url(sandbox, repository)}/actions/runs/{held['id']}/job/{held['job_id']}",
        "check_run_url": f"{api_url(sandbox, repository)}/check-runs/{held['job_id']}",
        "labels": ["ubuntu-latest"],
        "runner_id": 1,
        "runner_name": "the sandbox",
        "runner_group_id": 1,
        "runner_group_name": "Default",
    }


def artifact(sandbox: Sandbox, repository: dict[str, Any], held: dict[str, Any]) -> dict[str, Any]:
    """Return one artifact of a run."""
    url = f"{api_url(sandbox, repository)}/actions/artifacts/{held['id']}"
    return {
        "id": held["id"],
        "node_id": node_id("Artifact", held["id"]),
        "name": held["name"],
        "size_in_bytes": len(base64.b64decode(held["content"])),
        "url": url,
        "archive_download_url": f"{url}/zip",
        "expired": held.get("expired", False),
        "created_at": held["created_at"],
        "expires_at": None,
        "updated_at": held["created_at"],
    }
