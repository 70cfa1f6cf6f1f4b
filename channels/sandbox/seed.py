"""Fill the sandbox for the demo. The credentials are fixed and public: they open nothing but the sandbox."""

from __future__ import annotations

from channels.sandbox import github_state as state
from channels.sandbox import site, youtube_state
from channels.sandbox.store import Store

GITHUB_TOKEN = "sandbox-github-token"  # noqa: S105 opens nothing but the sandbox
CLIENT_ID = "sandbox-client"
CLIENT_SECRET = "sandbox-client-secret"  # noqa: S105
GITHUB_SLUGS = ("aurora", "borealis", "cascade")
LOCAL_SLUGS = ("delta", "ember", "fjord")
SLUGS = GITHUB_SLUGS + LOCAL_SLUGS
OWNER = "headend-demo"


def refresh_token(slug: str) -> str:
    """Return the refresh token of a demo channel."""
    return f"sandbox-refresh-{slug}"


def repository_name(slug: str) -> str:
    """Return the full name of a demo channel's repository."""
    return f"{OWNER}/{slug}"


def seed_demo(store: Store) -> None:
    """Put in what is missing: a token, three repositories, six YouTube channels, the video site.

    Run again it changes nothing but the template's files, which are brought up to date.
    """
    with store.read("github") as github:
        known = GITHUB_TOKEN in github.get("tokens", {})
    if not known:
        state.add_token(store, GITHUB_TOKEN, "headend-demo-operator")
    for slug in GITHUB_SLUGS:
        _seed_repository(store, slug)
    youtube_state.seed_demo(store)
    site.seed_demo(store)


def _seed_repository(store: Store, slug: str) -> None:
    full_name = repository_name(slug)
    with store.change("github") as github:
        repository = state.find_repository(github, full_name)
        if repository is None:
            state.add_repository(store, full_name)
            return
        for path, content in state.template_files().items():
            if state.read_file(repository, "main", path) != content:
                state.write_file(store, repository, "main", path, content, f"Bring {path} up to date")
