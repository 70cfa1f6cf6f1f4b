"""Who may log in, who may call the API, and what each may set for themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from django.contrib.auth import get_user_model
from django.contrib.auth.models import User

from orchestration.core import lookup, rates
from orchestration.core.permissions import SCOPES, action
from orchestration.errors import InvalidRequest, NotPermitted
from orchestration.models import ApiToken
from orchestration.register import factors, lockouts, password_links, sessions, tokens, users
from orchestration.results.people import (
    LockoutShown,
    Me,
    NewAuthenticator,
    PasswordLink,
    SecondFactors,
    TokenMade,
    UserShown,
)
from orchestration.service.base import Door

PROOF_SECONDS, MAX_WRONG_PROOFS = 900, 8
"""So many wrong passwords of one's own within so many seconds, and none is looked at any more."""


class People(Door):
    """Who may log in, who may call the API, and what each may set for themselves."""

    @action("admin")
    def get_users(self) -> list[UserShown]:
        """List who may log in, and who may not any more."""
        return users.shown(asks=self.actor)

    @action("admin")
    def get_user(self, *, user_id: int) -> UserShown:
        """Show one person, with the number of browsers they are logged in with."""
        return self._user(user_id)

    @action("admin")
    def add_user(
        self,
        *,
        username: str,
        level: str,
        full_name: str = "",
        email: str = "",
        password: str = "",
        limited_to: Sequence[str] = (),
        reason: str = "",
    ) -> UserShown:
        """Register a person with the level of a role; without a password they set one by a link."""
        return self._user(
            users.add(
                username=username,
                level=level,
                full_name=full_name,
                email=email,
                password=password,
                limited_to=limited_to,
                asks=self.actor,
                reason=reason,
            )
        )

    @action("admin")
    def change_user(
        self,
        *,
        user_id: int,
        level: str | None = None,
        username: str | None = None,
        full_name: str | None = None,
        email: str | None = None,
        limited_to: Sequence[str] | None = None,
        reason: str = "",
    ) -> UserShown:
        """Give a person another level, user name, name or mail address, or limit them; what is left out stays."""
        users.change(
            user_id,
            level=level,
            username=username,
            full_name=full_name,
            email=email,
            limited_to=limited_to,
            asks=self.actor,
            reason=reason,
        )
        return self._user(user_id)

    @action("admin")
    def set_user_password(self, *, user_id: int, password: str, reason: str = "") -> UserShown:
        """Give a person another password; every session of theirs ends."""
        if user_id == self.actor.user_id:
            raise InvalidRequest(
                "Your own password is set on your own page, where the old one is asked.", field="user_id"
            )
        users.set_password(user_id, password, how="by an administrator", asks=self.actor, reason=reason)
        return self._user(user_id)

    @action("admin")
    def make_password_link(self, *, user_id: int, reason: str = "") -> PasswordLink:
        """Return a link by which a person sets a password, once, within a day; it is shown this once."""
        users.require_over(self.actor, users.found(user_id))
        return password_links.make(user_id, reason)

    @action("read")
    def use_password_link(self, *, token: str, password: str) -> None:
        """Set the password that whoever holds a link has chosen: the link's own proof is asked, not a level."""
        password_links.use(self._own(), token, password)

    @action("admin")
    def deactivate_user(self, *, user_id: int, reason: str = "") -> UserShown:
        """Shut a person out, ending their sessions; what they did stays theirs."""
        users.switch(user_id, active=False, asks=self.actor, reason=reason)
        return self._user(user_id)

    @action("admin")
    def reactivate_user(self, *, user_id: int, reason: str = "") -> UserShown:
        """Let a person in again."""
        users.switch(user_id, active=True, asks=self.actor, reason=reason)
        return self._user(user_id)

    @action("admin")
    def end_user_sessions(self, *, user_id: int, reason: str = "") -> int:
        """Log a person out of every browser; returns of how many."""
        return users.end_sessions(user_id, asks=self.actor, reason=reason)

    @action("admin")
    def reset_second_factors(self, *, user_id: int, reason: str = "") -> UserShown:
        """Take away the second factors and recovery codes of a person who lost them; their password stays."""
        user = users.found(user_id)
        users.require_over(self.actor, user)
        factors.reset(user, reason)
        return self._user(user_id)

    @action("admin")
    def get_lockouts(self) -> list[LockoutShown]:
        """List which names and addresses are refused for a while after too many wrong passwords."""
        return lockouts.shown()

    @action("admin")
    def lift_lockout(self, *, username: str = "", address: str = "", reason: str = "") -> int:
        """Let a locked-out name try again, or every name from an address; returns how many refusals that ends."""
        return lockouts.lift(username, reason, address=address)

    # ----------------------------------------------------------------------------------------------------------- tokens

    @action("admin")
    def get_tokens(self) -> list[ApiToken]:
        """List the tokens of the API, those that open nothing any more too."""
        return list(ApiToken.objects.select_related("created_by").prefetch_related("restriction__groups"))

    @action("admin")
    def make_token(
        self,
        *,
        name: str,
        scope: str,
        expires_at: datetime | None = None,
        limited_to: Sequence[str] = (),
        networks: Sequence[str] = (),
        for_assistant: bool = False,
        reason: str = "",
    ) -> TokenMade:
        """Make a token, with a scope that its maker reaches; its text is in this answer and nowhere else.

        One `for_assistant` looks and proposes: what it changes, a person has confirmed.
        """
        if scope in SCOPES:
            self.actor.require(scope, f"a token that may {scope}")
        token, text = tokens.issue(
            name,
            scope,
            expires_at=expires_at,
            limited_to=limited_to,
            networks=networks,
            for_assistant=for_assistant,
            reason=reason,
            created_by=self.actor.user_id,
        )
        return TokenMade(token=token, text=text)

    @action("admin")
    def rename_token(self, *, token_id: int, name: str, reason: str = "") -> ApiToken:
        """Call a token something else."""
        return tokens.rename(token_id, name, reason)

    @action("admin")
    def rotate_token(self, *, token_id: int, overlap_hours: float = 24, reason: str = "") -> TokenMade:
        """Give a token another text, shown in this answer alone; the one before it opens for some hours yet."""
        token, text = tokens.rotate(token_id, overlap_hours, asks=self.actor, reason=reason)
        return TokenMade(token=token, text=text)

    @action("admin")
    def revoke_token(self, *, token_id: int, reason: str = "") -> ApiToken:
        """Make a token useless from now on."""
        return tokens.revoke(lookup.one(ApiToken, token_id, field="token_id").name, reason)

    # ---------------------------------------------------------------------------------------------------------- oneself

    @action("read")
    def get_me(self) -> Me:
        """Say who asks, and how they want to see things."""
        if self.actor.user_id is None:
            return Me(self.actor.label, None, self.actor.scope, "", False, 0, self.actor.proposes)
        row = users.one(self.actor.user_id)
        return Me(
            row.username,
            row.id,
            row.level,
            row.timezone,
            row.has_calendar,
            sessions.count(self.actor.user_id),
        )

    @action("read")
    def set_own_password(self, *, current: str, password: str, keep_session: str = "") -> None:
        """Choose another password, knowing the old one; every other browser is logged out."""
        user = self._proven(current)
        users.set_password(user.pk, password, how="by themselves", keep_session=keep_session)

    @action("read")
    def set_own_timezone(self, *, timezone: str) -> str:
        """Be told times by a clock of one's own; empty: by each channel's. Returns the zone."""
        return users.set_timezone(self._own().pk, timezone)

    @action("read")
    def end_own_sessions(self, *, keep_session: str = "") -> int:
        """Log oneself out of every other browser; returns of how many."""
        return users.end_sessions(self._own().pk, keep_session=keep_session)

    @action("read")
    def get_own_second_factors(self) -> SecondFactors:
        """Say what one shows besides one's password when one logs in."""
        return factors.of(self._own().pk)

    @action("read")
    def begin_authenticator(self, *, current: str) -> NewAuthenticator:
        """Make a secret for one's authenticator app, knowing one's password; it counts once a code of it was typed."""
        return factors.begin_authenticator(self._proven(current))

    @action("read")
    def confirm_authenticator(self, *, code: str) -> list[str]:
        """Let the app count by a code of it; returns recovery codes if there were none, shown in this answer alone."""
        return factors.confirm_authenticator(self._own(), code)

    @action("read")
    def add_passkey(self, *, name: str, credential_id: str, public_key: str, sign_count: int) -> list[str]:
        """Keep a passkey whose first answer was checked; returns recovery codes if there were none, shown once."""
        return factors.add_passkey(
            self._own(), name=name, credential_id=credential_id, public_key=public_key, sign_count=sign_count
        )

    @action("read")
    def prove_password(self, *, current: str) -> None:
        """Refuse whoever does not know their own password."""
        self._proven(current)

    @action("read")
    def make_recovery_codes(self, *, current: str) -> list[str]:
        """Have other recovery codes, knowing one's password; those before open nothing any more."""
        return factors.make_codes(self._proven(current))

    @action("read")
    def remove_second_factor(self, *, factor_id: int, current: str) -> str:
        """Take one of one's own second factors away, knowing one's password; returns its name."""
        return factors.remove(self._proven(current), factor_id)

    def _proven(self, current: str) -> User:
        """Return oneself, proven by one's password. Raises: InvalidRequest; NotPermitted after too many wrong ones."""
        user = self._own()
        key = f"present password of {user.pk}"
        if rates.counts({key: PROOF_SECONDS})[key] >= MAX_WRONG_PROOFS:
            raise NotPermitted("Too many wrong passwords were typed here; wait a quarter of an hour.")
        if not user.check_password(current):
            rates.add(key, PROOF_SECONDS)
            raise InvalidRequest("That is not your present password.", field="current")
        return user

    def _user(self, user_id: int) -> UserShown:
        row = users.one(user_id, asks=self.actor)
        return replace(row, sessions=sessions.count(user_id))

    def _own(self) -> User:
        user = get_user_model().objects.filter(pk=self.actor.user_id or 0).first()
        if user is None:
            raise NotPermitted(f"{self.actor.label} is no person who can log in.")
        return user
