"""Set the scene for tests of channels: settings that lead to the sandbox, channels that it knows, jobs that are held."""

from __future__ import annotations

from typing import Any

from channels.models import Channel
from channels.sandbox import github_state, youtube_state
from channels.sandbox.seed import CLIENT_ID, CLIENT_SECRET, GITHUB_TOKEN
from channels.sandbox.server import Sandbox
from orchestration.models import Job
from orchestration.queue.lease import JobLease
from orchestration.states import JobState
from tests.factories import ChannelFactory, CredentialFactory, PostingSlotFactory


def lead_to_sandbox(settings: Any, sandbox: Sandbox) -> None:
    """Point every address at the sandbox, and let its GitHub take our token."""
    settings.GITHUB_API_URL = sandbox.github_url
    settings.GITHUB_TOKEN = GITHUB_TOKEN
    settings.GITHUB_OIDC_ISSUER = sandbox.oidc_url
    settings.YOUTUBE_API_URL = sandbox.youtube_url
    settings.GOOGLE_TOKEN_URL = sandbox.token_url
    github_state.add_token(sandbox.store, GITHUB_TOKEN)


def connected_channel(sandbox: Sandbox, slug: str, **values: Any) -> Channel:
    """Make a channel that posts once a week, known to the sandbox's YouTube, with a credential that opens it."""
    youtube_state.add_channel(sandbox.store, slug, subscribers=1200, views=48_000)
    values = {"slug": slug, "youtube_channel_id": f"UCsandbox-{slug}", **values}
    channel = ChannelFactory(**values)
    CredentialFactory(
        channel=channel,
        client_id=CLIENT_ID,
        secrets={"client_secret": CLIENT_SECRET, "refresh_token": f"sandbox-refresh-{slug}"},
    )
    PostingSlotFactory(channel=channel)
    return Channel.objects.get(pk=channel.pk)


def github_channel(
    sandbox: Sandbox, slug: str, *, files: dict[str, bytes] | None = None, **values: Any
) -> Channel:
    """Make a connected channel with a repository that holds the template, or `files`."""
    github_state.add_repository(sandbox.store, f"headend/{slug}", files=files)
    return connected_channel(sandbox, slug, github=True, **values)


def held(job: Job) -> tuple[Job, JobLease]:
    """Give a job to this test, as if it had been claimed."""
    Job.objects.filter(pk=job.pk).update(state=JobState.RUNNING, holder="test")
    job.refresh_from_db()
    return job, JobLease(job, every_seconds=0)
