"""Know a person's second factors: an authenticator app (RFC 6238), passkeys (WebAuthn), and recovery codes.

Codes are made by `cryptography`, passkeys checked by `fido2`. A code counts once: the step it was made for is kept, under a
lock. Whoever adds or takes away a factor of their own shows their password again.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import time
from collections.abc import Sequence
from typing import Any

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor import InvalidToken
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from channels.querysets import Lockable
from orchestration.core import audit
from orchestration.core.permissions import SCOPES, level_of
from orchestration.errors import IllegalTransition, InvalidRequest, NotFound
from orchestration.models import ApiToken, RecoveryCode, SecondFactor
from orchestration.models.factors import FactorKind
from orchestration.results.people import FactorShown, NewAuthenticator, SecondFactors
from orchestration.text import plain_line

SECRET_BYTES = 20
DIGITS, STEP_SECONDS = 6, 30
DRIFT_STEPS = 1
"""How many steps a person's clock may be off, either way."""
CODES, CODE_LETTERS, GROUP = 10, 16, 4
MAX_FACTORS = 10
ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"  # 32 signs, none that looks like another
POLICIES = ("nobody", "administrators", "everybody")


# ------------------------------------------------------------------------------------------------------------ what there is


def of(user_id: int) -> SecondFactors:
    """Return what a person has, in two statements."""
    rows = SecondFactor.objects.filter(user=user_id, confirmed_at__isnull=False)
    return SecondFactors(
        factors=[FactorShown(row.pk, row.kind, row.name, row.created_at, row.last_used_at) for row in rows],
        codes_left=RecoveryCode.objects.filter(user=user_id, used_at=None).count(),
    )


def has_any(user_id: int) -> bool:
    """Return whether a person is asked for a second factor when they log in."""
    return SecondFactor.objects.filter(user=user_id, confirmed_at__isnull=False).exists()


def must_have(user: Any) -> bool:
    """Return whether HEADEND_REQUIRE_SECOND_FACTOR asks a second factor of a person."""
    policy = settings.HEADEND_REQUIRE_SECOND_FACTOR
    if policy == "administrators":
        return SCOPES[level_of(user)] >= SCOPES[ApiToken.Scope.ADMIN]
    return policy == "everybody"


def lacks(user: Any) -> bool:
    """Return whether a person has to add a second factor before anything else; asks nothing where none is required."""
    return must_have(user) and not has_any(user.pk)


# ------------------------------------------------------------------------------------------------------- authenticator apps


def begin_authenticator(user: User) -> NewAuthenticator:
    """Make a secret for a person's app; it counts once a code of it was typed. Raises: IllegalTransition, if one counts."""
    with transaction.atomic():
        _lock(user)
        if SecondFactor.objects.filter(
            user=user, kind=FactorKind.AUTHENTICATOR, confirmed_at__isnull=False
        ).exists():
            raise IllegalTransition("You have an authenticator app; take it away before you add another one.")
        row = SecondFactor(user=user, kind=FactorKind.AUTHENTICATOR, name="authenticator app")
        secret = base64.b32encode(secrets.token_bytes(SECRET_BYTES)).decode()
        SecondFactor.objects.update_or_create(
            user=user,
            kind=FactorKind.AUTHENTICATOR,
            defaults={"name": row.name, "secret_sealed": row.sealed(secret), "last_step": 0},
        )
    return _told(user, secret)


def begun_authenticator(user: User) -> NewAuthenticator | None:
    """Return the secret that waits for its first code; None if none does."""
    row = SecondFactor.objects.filter(user=user, kind=FactorKind.AUTHENTICATOR, confirmed_at=None).first()
    return _told(user, row.secret) if row is not None else None


def confirm_authenticator(user: User, code: str) -> list[str]:
    """Let the app count from now on, by a code of it; returns recovery codes if there were none, shown this once.

    Raises: NotFound, if none was begun; InvalidRequest, for a code that is not its.
    """
    with transaction.atomic():
        _lock(user)
        row = SecondFactor.objects.filter(user=user, kind=FactorKind.AUTHENTICATOR, confirmed_at=None).first()
        if row is None:
            raise NotFound("No authenticator app waits for its first code.", field="code")
        step = _step_of(row, code)
        if step is None:
            raise InvalidRequest(
                "That is not the code that the app shows now; is its clock right?", field="code"
            )
        return _add(row, step=step)


def _told(user: User, secret: str) -> NewAuthenticator:
    totp = _totp(secret)
    return NewAuthenticator(secret=secret, uri=totp.get_provisioning_uri(user.get_username(), "Headend"))


def _totp(secret: str) -> TOTP:
    # SHA-1 is what apps know; of it, HMAC needs no collision resistance. The secret has 160 bits.
    return TOTP(base64.b32decode(secret), DIGITS, SHA1(), STEP_SECONDS)  # noqa: S303


def _step_of(row: SecondFactor, code: str) -> int | None:
    """Return the step that a code is of, if that was not used yet; None if it is of none."""
    digits = "".join(code.split())
    if len(digits) != DIGITS or not digits.isascii() or not digits.isdigit():
        return None
    totp, now = _totp(row.secret), int(time.time()) // STEP_SECONDS
    for step in range(now - DRIFT_STEPS, now + DRIFT_STEPS + 1):
        try:
            totp.verify(digits.encode(), step * STEP_SECONDS)
        except InvalidToken:
            continue
        return step if step > row.last_step else None
    return None


# ------------------------------------------------------------------------------------------------------------------ passkeys


def add_passkey(user: User, *, name: str, credential_id: str, public_key: str, sign_count: int) -> list[str]:
    """Keep a passkey that was shown to work; returns recovery codes if there were none, shown this once."""
    name = plain_line(name)[:80] or "passkey"
    with transaction.atomic():
        _lock(user)
        if SecondFactor.objects.filter(credential_id=credential_id).exists():
            raise InvalidRequest("This passkey is known already.", field="credential")
        if SecondFactor.objects.filter(user=user).count() >= MAX_FACTORS:
            raise InvalidRequest(f"A person has at most {MAX_FACTORS} second factors.", field="name")
        row = SecondFactor(
            user=user,
            kind=FactorKind.PASSKEY,
            name=name,
            credential_id=credential_id,
            public_key=public_key,
            sign_count=sign_count,
        )
        return _add(row, step=0)


def passkeys_of(user_id: int) -> Sequence[SecondFactor]:
    """Return a person's passkeys."""
    return list(SecondFactor.objects.filter(user=user_id, kind=FactorKind.PASSKEY))


def note_passkey(row: SecondFactor, sign_count: int) -> bool:
    """Note that a passkey was shown; False if it is gone, or its counter did not go on, as that of a copy does not."""
    with transaction.atomic():
        kept: SecondFactor | None = Lockable(SecondFactor).filter(pk=row.pk).locked().first()
        if kept is None or ((sign_count or kept.sign_count) and sign_count <= kept.sign_count):
            return False
        kept.sign_count, kept.last_used_at = sign_count, timezone.now()
        kept.save(update_fields=["sign_count", "last_used_at"])
    return True


# ------------------------------------------------------------------------------------------------------------ recovery codes


def make_codes(user: User) -> list[str]:
    """Give a person other recovery codes, shown this once; those before open nothing any more. Raises: IllegalTransition."""
    with transaction.atomic():
        _lock(user)
        if not has_any(user.pk):
            raise IllegalTransition("Recovery codes stand in for a second factor, and there is none yet.")
        return _codes(user)


def _codes(user: User) -> list[str]:
    RecoveryCode.objects.filter(user=user).delete()
    plain = ["".join(secrets.choice(ALPHABET) for _ in range(CODE_LETTERS)) for _ in range(CODES)]
    RecoveryCode.objects.bulk_create(RecoveryCode(user=user, digest=_digest(code)) for code in plain)
    audit.record("recovery_codes_made", user, after={"codes": CODES})
    return ["-".join(code[at : at + GROUP] for at in range(0, CODE_LETTERS, GROUP)) for code in plain]


def _digest(code: str) -> str:
    return hashlib.sha256("".join(sign for sign in code.lower() if sign.isalnum()).encode()).hexdigest()


# --------------------------------------------------------------------------------------------------------------- logging in


def accepts(user: User, code: str) -> bool:
    """Return whether a code opens for a person: one of their app, or one of their recovery codes, each once."""
    with transaction.atomic():
        _lock(user)
        row = SecondFactor.objects.filter(
            user=user, kind=FactorKind.AUTHENTICATOR, confirmed_at__isnull=False
        ).first()
        step = _step_of(row, code) if row is not None else None
        if row is not None and step is not None:
            row.last_step, row.last_used_at = step, timezone.now()
            row.save(update_fields=["last_step", "last_used_at"])
            return True
        used = RecoveryCode.objects.filter(user=user, digest=_digest(code), used_at=None)
        if not used.update(used_at=timezone.now()):
            return False
        left = RecoveryCode.objects.filter(user=user, used_at=None).count()
        audit.record("recovery_code_used", user, after={"left": left})
        return True


# --------------------------------------------------------------------------------------------------------------- taking away


def remove(user: User, factor_id: int) -> str:
    """Take one of a person's factors away, and with the last the recovery codes; returns its name. Raises: NotFound."""
    with transaction.atomic():
        _lock(user)
        row = SecondFactor.objects.filter(user=user, pk=factor_id).first()
        if row is None:
            raise NotFound(f"You have no second factor {factor_id}.", field="factor_id")
        row.delete()
        if not has_any(user.pk):
            RecoveryCode.objects.filter(user=user).delete()
        audit.record("second_factor_removed", user, before={"kind": row.kind, "name": row.name})
    return row.name


def reset(user: User, reason: str = "") -> int:
    """Take all of a person's factors and codes away, since they lost them; returns how many factors."""
    with transaction.atomic():
        _lock(user)
        factors = list(SecondFactor.objects.filter(user=user))
        SecondFactor.objects.filter(user=user).delete()
        codes, _ = RecoveryCode.objects.filter(user=user).delete()
        if not factors and not codes:
            raise NotFound(f"{user.get_username()} has no second factor.", field="user_id")
        audit.record(
            "second_factors_reset", user, before={"factors": [row.name for row in factors]}, reason=reason
        )
    return len(factors)


def _add(row: SecondFactor, *, step: int) -> list[str]:
    row.last_step, row.confirmed_at = step, timezone.now()
    row.save()
    audit.record("second_factor_added", row.user, after={"kind": row.kind, "name": row.name})
    has_codes = RecoveryCode.objects.filter(user=row.user, used_at=None).exists()
    return [] if has_codes else _codes(row.user)


def _lock(user: User) -> None:
    Lockable(User).filter(pk=user.pk).locked().get()
