"""Name what can go wrong when we speak to GitHub or YouTube.

Each error states a fact and answers one question, in `again`:

* ``"again"``: the call had no effect, or repeating it is harmless; the same call may be made later.
* ``"blocked"``: the same call fails the same way until a named condition ends (a consent is renewed, a workflow enabled);
  `code` names the condition, `scope` what it holds for. Whatever waits for it goes on when it has ended.
* ``"never"``: the same call will fail the same way for good: what was asked for cannot be.
* ``"unknown"``: the call may or may not have had its effect; look before calling again.

The text of an error is shown to operators and written to the audit trail, so it never carries a token, a
secret or a resumable session's address: those that a gateway uses are hidden in it when it is made.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import ClassVar, Literal

from channels import quota
from channels.gateways import redaction

Again = Literal["again", "blocked", "never", "unknown"]
Scope = Literal["installation", "channel", "source"]
"""For what a condition holds: for everything here, for one channel with its repository, or for one source."""


class RemoteError(Exception):
    """A call to another system did not succeed; `again` says whether it is worth repeating."""

    code: ClassVar[str] = "remote_error"
    again: ClassVar[Again] = "again"
    scope: ClassVar[Scope] = "channel"

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        retry_after_seconds: float | None = None,
    ) -> None:
        super().__init__(redaction.hidden(message))
        self.status = status
        self.retry_after_seconds = retry_after_seconds


class RemoteUnavailable(RemoteError):
    """Not reachable, or failing on its side; nothing was done there, or doing it again is harmless."""

    code = "remote_unavailable"
    again = "again"


class RemoteUncertain(RemoteError):
    """A call that changes something was sent, and nobody knows whether it took effect."""

    code = "remote_uncertain"
    again = "unknown"


class RemoteRejected(RemoteError):
    """The other side understood the call and refused it: the values are wrong."""

    code = "remote_rejected"
    again: ClassVar[Again] = "never"


class AlreadyThere(RemoteRejected):
    """What was to be added is there already: an earlier try added it, or somebody did."""

    code = "already_there"


class RemoteNotFound(RemoteError):
    """The thing does not exist there, or this credential may not see it."""

    code = "remote_not_found"
    again: ClassVar[Again] = "never"


class RepositoryMissing(RemoteNotFound):
    """The channel's repository does not exist, or our credential may not see it."""

    code = "repository_missing"
    again = "blocked"


class RepositoryArchived(RemoteRejected):
    """The channel's repository is archived: GitHub lets nobody change it or run a workflow in it."""

    code = "repository_archived"
    again = "blocked"


class RepositoryPublic(RemoteRejected):
    """Everybody can read the channel's repository, and with it each run's job sheet; nobody has acknowledged that."""

    code = "repository_public"
    again = "blocked"


class WorkflowMissing(RemoteNotFound):
    """The channel's workflow file is not in its repository, or not on its branch."""

    code = "workflow_missing"
    again = "blocked"


class WorkflowDisabled(RemoteRejected):
    """The channel's workflow is disabled: by a person, or by GitHub after 60 idle days."""

    code = "workflow_disabled"
    again = "blocked"


class WorkflowUnfit(RemoteRejected):
    """The channel's workflow cannot be dispatched as Headend does it: no such trigger, other inputs, or no workflow."""

    code = "workflow_unfit"
    again = "blocked"


class RunNeedsApproval(RemoteRejected):
    """GitHub ran nothing of a dispatched run: a person must approve runs of this workflow first."""

    code = "run_needs_approval"
    again = "blocked"


class BranchMissing(RemoteRejected):
    """The branch (or tag) that the channel names does not exist in its repository; it may have been renamed."""

    code = "branch_missing"
    again = "blocked"


class CredentialMissing(RemoteError):
    """No credential is stored for this call."""

    code = "credential_missing"
    again = "blocked"


class GitHubTokenMissing(CredentialMissing):
    """The installation has no credential for GitHub."""

    code = "github_token_missing"
    scope = "installation"


class CredentialRevoked(RemoteError):
    """The credential was refused: revoked, expired for good, or wrong."""

    code = "credential_revoked"
    again = "blocked"


class GitHubTokenRefused(CredentialRevoked):
    """GitHub refuses the installation's token; it says nothing about a channel's own credential."""

    code = "github_token_refused"
    scope = "installation"


class GitHubAppRefused(CredentialRevoked):
    """GitHub does not take the installation's App: its key or its id is wrong, or the App was deleted."""

    code = "github_app_refused"
    scope = "installation"


class GitHubAppNotInstalled(CredentialMissing):
    """The GitHub App is not installed where the channel's repository lies, or was not given this repository."""

    code = "github_app_not_installed"


class GitHubAppSuspended(CredentialRevoked):
    """The owner of the channel's repository has suspended the GitHub App there."""

    code = "github_app_suspended"


class ClientRefused(RemoteError):
    """Google refuses the installation's OAuth client (`invalid_client`, `unauthorized_client`); no channel is at fault."""

    code = "client_refused"
    again = "blocked"
    scope = "installation"


class PermissionMissing(RemoteError):
    """The credential is genuine, but does not permit this call."""

    code = "permission_missing"
    again = "blocked"


class OidcTokenMissing(PermissionMissing):
    """GitHub gives the channel's run no OIDC token: its workflow does not ask for `id-token: write`."""

    code = "no_oidc_token"


class SignupRequired(PermissionMissing):
    """The Google account has no YouTube channel (any more)."""

    code = "youtube_signup_required"


class ApiDisabled(PermissionMissing):
    """The YouTube Data API is not enabled in the Google project of the OAuth client."""

    code = "youtube_api_disabled"
    scope = "installation"


class RateLimited(RemoteError):
    """Too many calls in a short time: wait `retry_after_seconds`, then the same call may be made."""

    code = "rate_limited"
    again = "again"


class QuotaExhausted(RemoteError):
    """A budget for the day is used up: `bucket` says which, `resets_at` when it is refilled (if known)."""

    code = "quota_exhausted"
    again = "again"

    def __init__(
        self,
        message: str,
        *,
        bucket: str,
        resets_at: datetime | None = None,
        status: int | None = None,
        retry_after_seconds: float | None = None,
    ) -> None:
        super().__init__(message, status=status, retry_after_seconds=retry_after_seconds)
        self.bucket = bucket
        self.resets_at = resets_at

    @property
    def holds_for(self) -> Scope:
        """Return for what the budget is: a project's serve the installation, YouTube's own cap is of one channel."""
        return "installation" if self.bucket in quota.DAILY_LIMITS else "channel"


class WrongChannel(RemoteError):
    """The credential belongs to another YouTube channel than the one it is stored for."""

    code = "wrong_channel"
    again = "blocked"


class SessionGone(RemoteError):
    """The resumable upload session no longer exists: start a new one after looking for the marker."""

    code = "session_gone"
    again = "again"


def by_code(code: str) -> type[RemoteError] | None:
    """Return the class of a stored or reported code; None, if none is called so."""
    waiting = [RemoteError]
    while waiting:
        known = waiting.pop()
        if known.code == code:
            return known
        waiting += known.__subclasses__()
    return None


def of_code(
    code: str,
    message: str,
    *,
    resets_at: datetime | None = None,
    bucket: str = "",
    now: datetime | None = None,
) -> RemoteError | None:
    """Return the error that a stored or reported code stands for; None, if none is called so.

    `resets_at` is when a budget is refilled, or a limit ends; `bucket` is the budget.
    """
    known = by_code(code)
    if known is None:
        return None
    if issubclass(known, QuotaExhausted):
        return known(message, bucket=bucket, resets_at=resets_at)
    wait = max(1.0, (resets_at - (now or datetime.now(UTC))).total_seconds()) if resets_at else None
    return known(message, retry_after_seconds=wait)
