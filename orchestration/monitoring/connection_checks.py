"""Check step by step whether Google and GitHub are set up for a channel, and say of the first that is missing what to do.

Each check is one question to the settings, to our records, or to the other side by its gateway; what rests on a step that is
missing is not asked. Called only when a person asks: it makes real calls, so never inside a transaction.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from ipaddress import ip_address
from urllib.parse import urlsplit

from django.conf import settings
from django.utils import timezone

from channels.gateways import youtube_oauth
from channels.gateways.errors import PermissionMissing, RemoteError, RemoteNotFound
from channels.gateways.github import GitHubGateway, RepositoryInfo
from channels.models import Channel, Credential
from channels.quota import pacific_day
from channels.states import Executor
from orchestration.core import gateways, lookup
from orchestration.errors import OrchestrationError
from orchestration.github import provisioning, repository_pin, repository_secrets
from orchestration.models import KeptReport, Pool
from orchestration.monitoring.checks import WORKFLOW_FOLDER, my_channel
from orchestration.queue import pool_names, pools

NEEDED = {
    youtube_oauth.MANAGE_SCOPE: "upload, publish and change videos",
    youtube_oauth.CAPTIONS_SCOPE: "subtitles",
}
LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class Check:
    """One step that was looked at. `ok` is None where nothing tells; `remedy` is what to do."""

    key: str
    title: str
    ok: bool | None
    sentence: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class ConnectionReport:
    """What was found, in the order in which the steps rest on each other."""

    subject: str
    channel: str
    checked_at: datetime
    checks: tuple[Check, ...]

    @property
    def ok(self) -> bool:
        """Return whether no step is missing."""
        return all(check.ok is not False for check in self.checks)

    @property
    def missing(self) -> Check | None:
        """Return the first step that is missing."""
        return next((check for check in self.checks if check.ok is False), None)


def last(subject: str) -> ConnectionReport | None:
    """Return what was found when a person last asked about `google` or `github`."""
    kept = KeptReport.objects.filter(key=f"set-up:{subject}").first()
    if kept is None:
        return None
    checks = tuple(Check(**check) for check in kept.document["checks"])
    return ConnectionReport(subject, kept.document["channel"], kept.computed_at, checks)


def _kept(subject: str, channel: Channel | None, checks: Iterator[Check]) -> ConnectionReport:
    begun = timezone.now()
    report = ConnectionReport(subject, channel.slug if channel else "", begun, tuple(checks))
    KeptReport.objects.update_or_create(
        key=f"set-up:{subject}",
        defaults={
            "document": {"channel": report.channel, "checks": [asdict(check) for check in report.checks]},
            "computed_at": begun,
            "took_seconds": (timezone.now() - begun).total_seconds(),
        },
    )
    return report


# --------------------------------------------------------------------------------------------------------------- Google


def google(channel_id: int | None, *, redirect_uri: str) -> ConnectionReport:
    """Check what a connection with Google rests on, for a channel or (without one) as far as that goes.

    `redirect_uri` is where Google is to send browsers back to. Costs one unit of YouTube's budget for a connected channel.
    Raises: NotFound.
    """
    channel = lookup.one(Channel, channel_id, field="channel_id") if channel_id is not None else None
    return _kept("google", channel, _google(channel, redirect_uri))


def _google(channel: Channel | None, redirect_uri: str) -> Iterator[Check]:
    missing = [name for name in ("GOOGLE_CLIENT_ID", "GOOGLE_CLIENT_SECRET") if not getattr(settings, name)]
    yield Check(
        "client",
        "OAuth client",
        not missing,
        f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not set."
        if missing
        else "Id and secret are set.",
        "In Google's console make an OAuth client of the type Web application, set its id and secret, and start again."
        if missing
        else "",
    )
    yield _redirect(channel, redirect_uri)
    if missing:
        return
    accepted = _client_accepted(redirect_uri)
    yield accepted
    if accepted.ok is False or channel is None:
        return
    yield from _granted(channel)
    yield _quota()


def _redirect(channel: Channel | None, redirect_uri: str) -> Check:
    parts = urlsplit(redirect_uri)
    host = parts.hostname or ""
    title, register = "Redirect address", f"Register exactly {redirect_uri} with the OAuth client."
    if parts.scheme != "https" and host not in LOCAL_NAMES:
        return Check(
            "redirect",
            title,
            False,
            f"{redirect_uri} is not https: Google takes http for this machine only (localhost).",
            "Set HEADEND_PUBLIC_URL to an https address, or open the console as http://localhost.",
        )
    if _is_address(host) and host not in LOCAL_NAMES:
        return Check(
            "redirect",
            title,
            False,
            f"{host} is an address without a name: Google takes none.",
            "Set HEADEND_PUBLIC_URL to an https address with a name.",
        )
    if (
        channel is not None
        and Credential.objects.filter(channel=channel).exclude(refresh_token_sealed="").exists()
    ):
        return Check("redirect", title, True, f"A consent has come back once. It is {redirect_uri}.")
    return Check("redirect", title, None, "Only the first consent shows whether Google knows it.", register)


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _client_accepted(redirect_uri: str) -> Check:
    """Ask Google with a code that cannot be one: what it refuses first is what is wrong."""
    title = "Client known to Google"
    try:
        refusal = youtube_oauth.refusal_of_client(
            client_id=settings.GOOGLE_CLIENT_ID,
            client_secret=settings.GOOGLE_CLIENT_SECRET,
            redirect_uri=redirect_uri,
            token_url=settings.GOOGLE_TOKEN_URL,
        )
    except RemoteError as error:
        return Check("accepted", title, None, _sentence(error), "Try again once this machine reaches Google.")
    if refusal:
        return Check(
            "accepted",
            title,
            False,
            f"Google refuses the client: {refusal}.",
            "Copy id and secret anew from Google's console; a secret that was rotated holds no more.",
        )
    return Check("accepted", title, True, "Google knows the client, and its secret is right.")


def _granted(channel: Channel) -> Iterator[Check]:
    credential = Credential.objects.filter(channel=channel).first()
    connect = "Press “Connect with Google” on the channel's page, with the account that owns the channel."
    if credential is None or not credential.refresh_token_sealed:
        yield Check("consent", "Consent", False, f"{channel.name} is not connected.", connect)
        return
    try:
        scopes = youtube_oauth.granted_scopes(
            gateways.oauth_credential(channel), token_url=settings.GOOGLE_TOKEN_URL
        )
    except (RemoteError, OrchestrationError) as error:
        is_open = getattr(error, "again", "never") == "again"
        yield Check("consent", "Consent", None if is_open else False, _sentence(error), connect)
        return
    if credential.expires_at is not None:
        yield Check(
            "consent",
            "Consent",
            None,
            f"Google takes the consent until {credential.expires_at:%Y-%m-%d %H:%M} UTC: its app is in Testing, or it was "
            "given for a time.",
            "Publish the app on Google's consent screen, then connect the channel again.",
        )
    else:
        yield Check("consent", "Consent", True, "Google takes the consent, and names no end of it.")
    lacking = [what for scope, what in NEEDED.items() if scope not in scopes] if scopes else []
    yield Check(
        "scopes",
        "Permissions",
        not lacking if scopes else None,
        f"Not granted: {', '.join(lacking)}."
        if lacking
        else "All that is needed was granted."
        if scopes
        else "Google named none.",
        f"Connect again and tick every box. {connect}" if lacking else "",
    )
    yield from _youtube(channel)


def _youtube(channel: Channel) -> Iterator[Check]:
    try:
        found = my_channel(channel, None)
    except PermissionMissing as error:
        yield Check(
            "api",
            "YouTube Data API",
            False,
            _sentence(error),
            "Enable “YouTube Data API v3” for the project in Google's console.",
        )
        return
    except (RemoteError, OrchestrationError) as error:
        is_open = getattr(error, "again", "never") != "never"
        yield Check(
            "api",
            "YouTube Data API",
            None if is_open else False,
            _sentence(error),
            "Enable it for the project in Google's console, if it is not.",
        )
        return
    yield Check("api", "YouTube Data API", True, "YouTube answers.")
    is_same = channel.youtube_channel_id in ("", found.id)
    yield Check(
        "channel",
        "The right channel",
        is_same,
        f"The consent opens {found.title} ({found.id})"
        + ("." if is_same else f", but {channel.name} is {channel.youtube_channel_id}."),
        "" if is_same else "Connect again with the account of that channel, or correct the channel's id.",
    )


def _quota() -> Check:
    pool = Pool.objects.filter(name=pool_names.UNITS).first()
    title = "Quota left today"
    if pool is None:
        return Check("quota", title, None, "The pools are made when Start is pressed for the first time.")
    used = pools.spent([pool], pacific_day(timezone.now())).get(pool.pk, 0)
    left = max(pool.capacity - used, 0)
    is_left = left > pool.reserve
    return Check(
        "quota",
        title,
        is_left,
        f"{left:,} of {pool.capacity:,} units are left today (Pacific), by our own ledger.",
        "" if is_left else "Wait for midnight in California, or ask Google for more.",
    )


# --------------------------------------------------------------------------------------------------------------- GitHub


def github(channel_id: int) -> ConnectionReport:
    """Check what staging at GitHub rests on, for one channel; only reading calls. Raises: NotFound."""
    channel = lookup.one(Channel, channel_id, field="channel_id")
    return _kept("github", channel, _github(channel))


def _github(channel: Channel) -> Iterator[Check]:
    on_page = "On the channel's page, under Repository, let Headend make one or adopt yours."
    if not channel.repository:
        yield Check("repository", "Repository", False, f"{channel.name} names no repository.", on_page)
        return
    try:
        with gateways.github(channel) as gateway:
            ok, sentence = gateways.github_access(channel, gateway)
            yield Check("access", "App or token", ok, sentence, "" if ok else "Grant the App what it lacks.")
            found = gateway.repository(channel.repository)
            yield from _repository(channel, found, gateway)
    except RemoteNotFound as error:
        yield Check("repository", "Repository", False, _sentence(error), on_page)
    except (RemoteError, OrchestrationError) as error:
        is_open = getattr(error, "again", "never") == "again"
        yield Check(
            "access",
            "App or token",
            None if is_open else False,
            _sentence(error),
            "Set GITHUB_APP_ID with its key, or GITHUB_TOKEN (docs/github.md).",
        )


def _repository(channel: Channel, found: RepositoryInfo, github: GitHubGateway) -> Iterator[Check]:
    faults = ["it is archived"] * found.archived
    if not found.private and not repository_pin.is_acknowledged(channel):
        faults.append("it is public, so everybody could read what its runs are told")
    if channel.repository_id and channel.repository_id != found.id:
        faults.append(f"it is another one ({found.id}) than the pinned one ({channel.repository_id})")
    yield Check(
        "repository",
        "Repository",
        not faults,
        f"{found.full_name}: {'; '.join(faults)}."
        if faults
        else f"{found.full_name} is there and private."
        if found.private
        else f"{found.full_name} is public, which somebody acknowledged.",
        "Make it private, or give the channel one that is its own." if faults else "",
    )
    lacking = [
        name
        for name, path in provisioning.PROBES.items()
        if github.may_read(f"/repos/{found.full_name}/{path}") is False
    ]
    yield Check(
        "permissions",
        "Permissions",
        not lacking,
        f"Lacking: {', '.join(lacking)}."
        if lacking
        else "What is needed may be read; whether it may be written shows when it is.",
        "Grant them to the App or the token (docs/github.md)." if lacking else "",
    )
    enabled = github.actions_enabled(found.full_name)
    yield Check(
        "actions",
        "Actions",
        enabled,
        _actions_sentence(enabled),
        "" if enabled else "Settings, Actions, General: allow them.",
    )
    sync = "Press “Write configuration” on the channel's page."
    try:
        state = github.workflow_state(found.full_name, channel.workflow)
    except RemoteNotFound:
        state = "not there"
    yield Check(
        "workflow",
        "Workflow",
        state == "active",
        f"{WORKFLOW_FOLDER}/{channel.workflow} is {state}.",
        "" if state == "active" else sync,
    )
    yield from _secrets(channel, found, github, sync)
    url = settings.HEADEND_PUBLIC_URL
    yield Check(
        "callback",
        "The way back",
        bool(url) or None,
        f"Runs report to {url}."
        if url
        else "HEADEND_PUBLIC_URL is not set: runs fetch originals from their source and report nothing.",
        "" if url else "Set it to the https address under which GitHub reaches this installation.",
    )


def _actions_sentence(enabled: bool | None) -> str:
    if enabled is None:
        return "GitHub does not tell this credential whether Actions are enabled."
    return "Actions are enabled." if enabled else "Actions are disabled for this repository."


def _secrets(channel: Channel, found: RepositoryInfo, github: GitHubGateway, sync: str) -> Iterator[Check]:
    name = repository_secrets.environment_of(channel)
    if name:
        held = github.environment(found.id, name)
        is_ours = held is not None and held.branches == (channel.ref,)
        yield Check(
            "environment",
            "Environment",
            is_ours,
            f"Environment {name} is for {channel.ref} alone."
            if is_ours
            else f"There is no environment {name} that only {channel.ref} may use.",
            "" if is_ours else sync,
        )
        if held is None:
            return
    there = {secret.name for secret in github.list_secrets(found.full_name, environment=name)}
    lacking = [secret for secret in repository_secrets.NAMES if secret not in there]
    yield Check(
        "secrets",
        "Secrets",
        not lacking,
        f"Missing: {', '.join(lacking)}."
        if lacking
        else "All three are there (their values can never be read back).",
        f"Connect the channel with Google first, then: {sync}" if lacking else "",
    )


def _sentence(error: Exception) -> str:
    return f"{error}".rstrip(".") + "."


def staged_at_github() -> list[Channel]:
    """Return channels that GitHub stages, the first twenty by name."""
    return list(Channel.objects.enabled().filter(executor=Executor.GITHUB).order_by("name")[:20])
