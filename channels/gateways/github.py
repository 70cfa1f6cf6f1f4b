"""Speak to GitHub: repositories, files, workflow runs; environments and secrets are in `github_setup`. Built on PyGithub.

Two clients: the one that writes never retries, because a POST that got no answer may have had its effect; the one
that reads repeats a GET twice. Neither ever waits for a rate limit: `RateLimited` says how long, the caller decides.
"""

from __future__ import annotations

import json
import re
from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any
from urllib.parse import quote

import requests
from github import Auth, Github, GithubException
from github.Requester import Requester
from github.WorkflowRun import WorkflowRun
from urllib3.util import Retry

from channels.gateways import redaction
from channels.gateways.errors import (
    CredentialMissing,
    GitHubTokenRefused,
    RemoteNotFound,
    RemoteRejected,
    RemoteUnavailable,
    RemoteUncertain,
)
from channels.gateways.github_artifacts import ReadsArtifacts
from channels.gateways.github_git import CommitsFiles
from channels.gateways.github_setup import SetsUpRepositories
from channels.gateways.github_wire import API_VERSION, as_dict, error_of, never_sent, reading, token_end
from channels.links import web_link

FULL_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,38})/[A-Za-z0-9._-]{1,100}")
MAX_INPUTS = 25
MAX_INPUT_CHARACTERS = 65_535
CLOCK_MARGIN = timedelta(
    minutes=2
)  # between our clock and GitHub's, which stamps created_at in whole seconds
MAX_RUNS_SEARCHED = 300


@dataclass(frozen=True, slots=True)
class RepositoryInfo:
    """A repository as GitHub knows it now; `id` stays when it is renamed."""

    id: int
    full_name: str
    default_branch: str
    private: bool
    archived: bool
    html_url: str


@dataclass(frozen=True, slots=True)
class DispatchReceipt:
    """GitHub took the dispatch. An older server does not say which run it became: then both are None."""

    run_id: int | None
    html_url: str | None


@dataclass(frozen=True, slots=True)
class RunInfo:
    """A workflow run; `status` and `conclusion` are GitHub's words, `conclusion` is None until it is completed."""

    run_id: int
    run_attempt: int
    display_title: str
    status: str
    conclusion: str | None
    html_url: str
    event: str
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class FileContent:
    """A text file; `sha` is the blob's, to be given back when it is overwritten."""

    sha: str
    text: str


@dataclass(frozen=True, slots=True)
class RateLimitInfo:
    """How many calls this token has left until `resets_at`."""

    limit: int
    remaining: int
    resets_at: datetime


class GitHubGateway(SetsUpRepositories, CommitsFiles, ReadsArtifacts):
    """Speak to one GitHub with one token. Every method may raise any `RemoteError`.

    `base_url` is https://api.github.com, an Enterprise server's address or a proxy's. Use one gateway per task: it
    is not safe for threads. `on_refused` is called when a `with` ends because GitHub refused the token.
    `token_ends_at` is when the token expires, as far as it is known: from who gave it, else from GitHub's answers.
    Raises CredentialMissing when there is no token.
    """

    def __init__(
        self,
        token: str,
        base_url: str = "https://api.github.com",
        timeout_seconds: int = 10,
        *,
        token_ends_at: datetime | None = None,
        on_refused: Callable[[], None] | None = None,
    ) -> None:
        if not token:
            raise CredentialMissing("no GitHub token is configured")
        self._base_url, self._timeout_seconds = base_url.rstrip("/"), int(timeout_seconds)
        self.token_ends_at, self._on_refused = token_ends_at, on_refused
        common: dict[str, Any] = {
            "auth": Auth.Token(token),
            "base_url": self._base_url,
            "timeout": self._timeout_seconds,
            "user_agent": "headend",
            "api_version": API_VERSION,
            "lazy": True,
            "per_page": 100,
            "seconds_between_requests": 0,
            "seconds_between_writes": 0,
        }
        reading = Retry(
            total=2,
            allowed_methods={"GET"},
            status_forcelist={500, 502, 503, 504},
            backoff_factor=0.2,
            respect_retry_after_header=False,  # it may ask for an hour, and the caller is waiting
            raise_on_status=False,
        )
        self._reader = Github(**common, retry=reading)
        self._writer = Github(**common, retry=None)
        self._token = token
        redaction.hold(self)

    def secrets(self) -> tuple[str, ...]:
        """Return what must appear in no text."""
        return (self._token,)

    def close(self) -> None:
        """Close the connections."""
        self._reader.close()
        self._writer.close()

    def __enter__(self) -> GitHubGateway:
        return self

    def __exit__(self, _: object, error: BaseException | None, *rest: object) -> None:
        self.close()
        if isinstance(error, GitHubTokenRefused) and self._on_refused is not None:
            self._on_refused()

    # -- repositories and files ------------------------------------------------------------------------------------

    def repository(self, full_name: str) -> RepositoryInfo:
        """Return what GitHub says of a repository; after a rename it has another `full_name` than was asked for."""
        _check_name(full_name)
        with reading(f"reading repository {full_name}", "repository"):
            found = self._reader.get_repo(full_name)
            self.token_ends_at = self.token_ends_at or token_end(found.raw_headers)
            return RepositoryInfo(
                id=_present(found.id),
                full_name=found.full_name,
                default_branch=found.default_branch,
                private=found.private,
                archived=found.archived,
                html_url=web_link(found.html_url),
            )

    def read_file(self, full_name: str, path: str, ref: str | None = None) -> FileContent | None:
        """Return a text file, or None when the repository has no such file. A missing repository is an error."""
        _check_name(full_name)
        query = {"ref": ref} if ref else None
        try:
            with reading(f"reading {path} of {full_name}"):
                _, data = self._reader.requester.requestJsonAndCheck(
                    "GET",
                    f"/repos/{full_name}/contents/{quote(path)}",
                    parameters=query,
                    follow_302_redirect=True,
                )
        except RemoteNotFound:
            self.repository(full_name)  # tells a missing repository from a missing file
            return None
        if not isinstance(data, dict) or data.get("type") != "file" or data.get("encoding") != "base64":
            raise RemoteRejected(f"{path} of {full_name} is not a file that can be read")
        content = _decoded(data["content"], f"{path} of {full_name}")
        return FileContent(sha=data["sha"], text=content)

    def write_file(
        self, full_name: str, path: str, text: str, message: str, branch: str, sha: str | None = None
    ) -> str:
        """Commit a file and return the commit's sha. `sha` is the blob that is replaced, None for a new file.

        Raises RemoteRejected (409 or 422) when the file is no longer what `sha` says, RemoteUncertain when no
        answer came: then read the file before writing again.
        """
        body = {"message": message, "content": b64encode(text.encode()).decode(), "branch": branch}
        if sha:
            body["sha"] = sha
        doing = f"writing {path} of {full_name}"
        _, data = self._write("PUT", full_name, f"/contents/{quote(path)}", body, doing)
        try:
            return str(data["commit"]["sha"])
        except (KeyError, TypeError):
            raise RemoteUncertain(f"{doing}: GitHub's answer names no commit") from None

    def workflow_state(self, full_name: str, workflow: str) -> str:
        """Return GitHub's word for whether a workflow may run: "active", or how it is disabled. Raises RemoteNotFound."""
        _check_name(full_name)
        with reading(f"reading workflow {workflow} of {full_name}"):
            return str(self._reader.get_repo(full_name).get_workflow(workflow).state)

    # -- workflow runs ---------------------------------------------------------------------------------------------

    def dispatch_workflow(
        self, full_name: str, workflow: str, ref: str, inputs: dict[str, str]
    ) -> DispatchReceipt:
        """Start a workflow, with exactly one request. After RemoteUncertain look with `find_run`, do not repeat."""
        wrong = [name for name, value in inputs.items() if not isinstance(value, str)]
        if wrong:
            raise RemoteRejected(f"workflow inputs must be text: {', '.join(wrong)}")
        if len(inputs) > MAX_INPUTS or sum(map(len, inputs.values())) > MAX_INPUT_CHARACTERS:
            raise RemoteRejected(
                f"workflow inputs exceed GitHub's {MAX_INPUTS} inputs or {MAX_INPUT_CHARACTERS} characters"
            )
        body = {"ref": ref, "inputs": inputs, "return_run_details": True}
        url = f"/actions/workflows/{quote(workflow, safe='')}/dispatches"
        doing = f"dispatching {workflow} of {full_name}"
        status, data = self._write("POST", full_name, url, body, doing)
        if status == 204:  # a server that does not know return_run_details, as every one until 2026
            return DispatchReceipt(run_id=None, html_url=None)
        if not isinstance(data, dict) or not isinstance(data.get("workflow_run_id"), int):
            raise RemoteUncertain(f"{doing}: GitHub's answer names no run", status=status)
        return DispatchReceipt(run_id=data["workflow_run_id"], html_url=web_link(data.get("html_url")))

    def run(self, full_name: str, run_id: int) -> RunInfo:
        """Return a run as it is now."""
        _check_name(full_name)
        with reading(f"reading run {run_id} of {full_name}"):
            return _run_info(self._reader.get_repo(full_name).get_workflow_run(run_id))

    def find_run(
        self, full_name: str, workflow: str, correlation_id: str, created_after: datetime
    ) -> RunInfo | None:
        """Return the run whose title carries the correlation id, or None when GitHub does not list one (yet)."""
        _check_name(full_name)
        since = (created_after - CLOCK_MARGIN).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        with reading(f"looking for run {correlation_id} of {full_name}"):
            listed = self._reader.get_repo(full_name).get_workflow(workflow)
            found = listed.get_runs(event="workflow_dispatch", created=f">={since}")
            for run in islice(found, MAX_RUNS_SEARCHED):
                # A slice of an empty list is an IndexError in PyGithub.
                if correlation_id in run.display_title.split():
                    return _run_info(run)
        return None

    def dispatched_since(self, full_name: str, workflow: str, since: datetime) -> list[RunInfo]:
        """List the runs of a workflow that were dispatched after an instant, the newest first, at most 300."""
        _check_name(full_name)
        from_then = (since - CLOCK_MARGIN).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        with reading(f"listing the runs of {full_name} since {from_then}"):
            listed = self._reader.get_repo(full_name).get_workflow(workflow)
            found = listed.get_runs(event="workflow_dispatch", created=f">={from_then}")
            return [_run_info(run) for run in islice(found, MAX_RUNS_SEARCHED)]

    def recent_runs(self, full_name: str, limit: int = 30) -> list[RunInfo]:
        """List a repository's latest runs, the newest first."""
        _check_name(full_name)
        with reading(f"listing the runs of {full_name}"):
            found = self._reader.get_repo(full_name).get_workflow_runs()
            return [_run_info(run) for run in islice(found, limit)]

    def failure_summary(self, full_name: str, run_id: int) -> str:
        """Return which jobs and steps of a run failed, in one line; empty when none did."""
        _check_name(full_name)
        failed = []
        with reading(f"reading the jobs of run {run_id} of {full_name}"):
            for job in self._reader.get_repo(full_name).get_workflow_run(run_id).jobs():
                if job.conclusion in (None, "success", "skipped", "neutral"):
                    continue
                steps = [f"{s.name} ({s.conclusion})" for s in job.steps if _ended_badly(s.conclusion)]
                failed.append(f"{job.name} ({job.conclusion}): {', '.join(steps) or 'no step says why'}")
        return "; ".join(failed)

    def cancel_run(self, full_name: str, run_id: int) -> bool:
        """Ask GitHub to cancel a run. Returns False when it was already completed. May be repeated."""
        return self._cancel(full_name, f"/actions/runs/{run_id}/cancel", f"cancelling run {run_id}")

    def force_cancel_run(self, full_name: str, run_id: int) -> bool:
        """Have GitHub end a run that does not stop when cancelled, without its `always()` steps. As `cancel_run`."""
        return self._cancel(
            full_name, f"/actions/runs/{run_id}/force-cancel", f"cancelling run {run_id} by force"
        )

    def _cancel(self, full_name: str, path: str, doing: str) -> bool:
        try:
            self._write("POST", full_name, path, None, doing, repeatable=True)
        except RemoteRejected as error:
            if error.status == 409:
                return False
            raise
        return True

    # -- limits ----------------------------------------------------------------------------------------------------

    def rate_limit(self) -> RateLimitInfo:
        """Return what the token has left this hour; asking costs nothing."""
        with reading("reading the rate limit"):
            core = self._reader.get_rate_limit().rate
            return RateLimitInfo(limit=core.limit, remaining=core.remaining, resets_at=core.reset)

    # -- inside ----------------------------------------------------------------------------------------------------

    def _write(
        self, verb: str, full_name: str, path: str, body: Any, doing: str, repeatable: bool = False
    ) -> tuple[int, Any]:
        _check_name(full_name)
        return self._send(verb, f"/repos/{full_name}{path}", body, doing, repeatable)

    def _send(self, verb: str, url: str, body: Any, doing: str, repeatable: bool = False) -> tuple[int, Any]:
        """Send one changing request, once, and return status and parsed body."""
        unknown = RemoteUnavailable if repeatable else RemoteUncertain
        try:
            status, headers, text = self._writer.requester.requestJson(verb, url, input=body)
        except requests.RequestException as error:
            if never_sent(error):
                raise RemoteUnavailable(f"{doing}: GitHub could not be reached") from error
            raise unknown(f"{doing}: GitHub did not answer, it may have been done") from error
        except (GithubException, RuntimeError) as error:
            raise RemoteRejected(
                f"{doing}: GitHub's answer leads to another server; check its address"
            ) from error
        if 300 <= status < 400:
            # GitHub answers 307 to a write under a former name; following it could write to a stranger's repository.
            raise RemoteRejected(f"{doing}: the repository has moved or was renamed", status=status)
        data = _parsed(text)
        if status >= 500:
            raise unknown(f"{doing}: GitHub answered {status}, it may have been done", status=status)
        if status >= 400:
            where = _place_of(url)
            raise error_of(
                Requester.createException(status, headers, as_dict(data)), doing, where, writes=True
            )
        return status, data


def _place_of(url: str) -> str:
    """Return what the table of readings calls a write to this address."""
    if url.endswith("/dispatches"):
        return "dispatch"
    if "/secrets/" in url:
        return "secret"
    return "contents" if "/contents/" in url else "any"


def _run_info(run: WorkflowRun) -> RunInfo:
    return RunInfo(
        run_id=_present(run.id),
        run_attempt=run.run_attempt,
        display_title=run.display_title,
        status=run.status,
        conclusion=run.conclusion,
        html_url=web_link(run.html_url),
        event=run.event,
        created_at=run.created_at,
        updated_at=run.updated_at,
    )


def _present(number: int | None) -> int:
    """Refuse an answer without its id: PyGithub reads a proxy's login page as an object of Nones."""
    if number is None:
        raise ValueError("the answer has no id")
    return number


def _check_name(full_name: str) -> None:
    """Refuse what is not owner/name: PyGithub would put it into the address as it is."""
    if not FULL_NAME.fullmatch(full_name) or full_name.endswith(("/.", "/..")):
        raise RemoteRejected(f"{full_name!r} is not a repository's owner/name")


def _ended_badly(conclusion: str | None) -> bool:
    return conclusion not in (None, "success", "skipped", "neutral")


def _decoded(content: str, what: str) -> str:
    try:
        return b64decode(content).decode()
    except ValueError:
        raise RemoteRejected(f"{what} is not UTF-8 text") from None


def _parsed(text: str) -> Any:
    try:
        return json.loads(text) if text else None
    except ValueError:
        return {"page": text}  # no JSON: a proxy's page
