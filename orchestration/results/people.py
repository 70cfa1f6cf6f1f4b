"""Who may log in, and by what."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from orchestration.models import (
        ApiToken,
    )


@dataclass(frozen=True, slots=True)
class UserShown:
    """One person who may log in, or could: what they may do, and whether anybody has shut them out."""

    id: int
    username: str
    full_name: str
    email: str
    level: str
    limited_to: list[str] | None
    """The groups of channels whose they may see and do something to, by slug; None without a limit."""
    state: str
    is_you: bool
    has_password: bool
    joined_at: datetime
    last_login_at: datetime | None
    timezone: str
    has_calendar: bool
    tokens: int
    actions: tuple[str, ...]
    why_kept: str
    """Why they cannot be deactivated or given less; empty if they can."""
    second_factors: tuple[str, ...] = ()
    """The kinds of their second factors, each once; empty if they have none."""
    sessions: int | None = None
    """How many browsers they are logged in with; None where it was not counted."""


@dataclass(frozen=True, slots=True)
class LockoutShown:
    """What is refused for a while, because passwords were wrong too often: a name from one address, or one of these alone.

    Without a name it is every name from the address; without an address the name from wherever.
    """

    username: str
    address: str
    failures: int
    since: datetime
    until: datetime | None


@dataclass(frozen=True, slots=True)
class PasswordLink:
    """The way to set a password without knowing the old one, once; shown to whoever asked for it, this once."""

    username: str
    path: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Me:
    """Who asks, and how they want to see things."""

    label: str
    user_id: int | None
    level: str
    timezone: str
    has_calendar: bool
    sessions: int
    proposes: bool = False
    """Whether it is an assistant's token."""


@dataclass(frozen=True, slots=True)
class FactorShown:
    """A second factor that counts; `kind` is `authenticator` or `passkey`."""

    id: int
    kind: str
    name: str
    created_at: datetime
    last_used_at: datetime | None


@dataclass(frozen=True, slots=True)
class SecondFactors:
    """What somebody shows besides their password, and how many recovery codes they have left."""

    factors: list[FactorShown]
    codes_left: int


@dataclass(frozen=True, slots=True)
class NewAuthenticator:
    """What an authenticator app is given: a secret in base32, and the address that a QR code holds."""

    secret: str
    uri: str


@dataclass(frozen=True, slots=True)
class TokenMade:
    """A token that was just made, with its text: the only time that it is known."""

    token: ApiToken
    text: str
