"""Register passkeys and log in with them (WebAuthn level 2, by `fido2`); what browsers answer is believed once checked.

A passkey is asked to know its person (PIN, finger, face), so that it is two factors in one: it opens without a password. It
belongs to the host name that Headend is reached by; browsers offer it over HTTPS and on `localhost` only.
"""

from __future__ import annotations

import json
import struct
from typing import Any

from django.contrib.auth.models import User
from fido2.cose import UnsupportedKey
from fido2.server import Fido2Server
from fido2.utils import websafe_decode, websafe_encode
from fido2.webauthn import (
    AttestedCredentialData,
    AuthenticationResponse,
    PublicKeyCredentialRpEntity,
    PublicKeyCredentialUserEntity,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from orchestration.errors import InvalidRequest
from orchestration.models import SecondFactor
from orchestration.models.factors import FactorKind
from orchestration.register import factors

MAX_ANSWER = 20_000
"""Characters of a browser's answer; the largest known have about 4,000."""
UNREADABLE = (ValueError, LookupError, TypeError, AttributeError, RecursionError, struct.error)
"""What the readers of JSON, CBOR and COSE raise at what somebody made up; anybody may send it."""


def begin_adding(user: User, host: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what the browser is asked, and what has to be kept until it answers."""
    known = [_credential(row) for row in factors.passkeys_of(user.pk)]
    options, state = _server(host).register_begin(
        PublicKeyCredentialUserEntity(
            id=str(user.pk).encode(),
            name=user.get_username(),
            display_name=user.get_full_name() or user.get_username(),
        ),
        known,
        resident_key_requirement=ResidentKeyRequirement.REQUIRED,
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return dict(options), state


def added(state: Any, answer: str, host: str) -> dict[str, Any]:
    """Return what is kept of a new passkey, as `add_passkey` takes it. Raises: InvalidRequest."""
    try:
        data = _server(host).register_complete(state, _read(answer))
    except UNREADABLE as error:
        raise InvalidRequest("The passkey's answer does not fit; try again.", field="credential") from error
    credential = data.credential_data
    if credential is None or isinstance(credential.public_key, UnsupportedKey):
        raise InvalidRequest("The passkey's answer holds no key that can be checked.", field="credential")
    return {
        "credential_id": websafe_encode(credential.credential_id),
        "public_key": websafe_encode(bytes(credential)),
        "sign_count": data.counter,
    }


def begin_login(host: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what any browser is asked, whoever sits there, and what has to be kept until it answers."""
    options, state = _server(host).authenticate_begin(user_verification=UserVerificationRequirement.REQUIRED)
    return dict(options), state


def whose(state: Any, answer: str, host: str) -> User | None:
    """Return who logs in with a passkey; None if the answer does not prove it."""
    try:
        read = _read(answer)
        said = AuthenticationResponse.from_dict(read)
        row = (
            SecondFactor.objects.filter(kind=FactorKind.PASSKEY, credential_id=websafe_encode(said.raw_id))
            .select_related("user")
            .first()
        )
        if row is None or not row.user.is_active:
            return None
        _server(host).authenticate_complete(state, [_credential(row)], read)
    except UNREADABLE:
        return None
    return row.user if factors.note_passkey(row, said.response.authenticator_data.counter) else None


def _server(host: str) -> Fido2Server:
    return Fido2Server(PublicKeyCredentialRpEntity(name="Headend", id=host))


def _credential(row: SecondFactor) -> AttestedCredentialData:
    return AttestedCredentialData(websafe_decode(row.public_key))


def _read(answer: str) -> dict[str, Any]:
    if len(answer) > MAX_ANSWER:
        raise ValueError("too long")
    read = json.loads(answer)
    if not isinstance(read, dict):
        raise ValueError("no object")
    return read
