"""Encrypt the few secrets that Headend must keep, each bound to its row and field.

AES-256-GCM of `cryptography`; the additional data is `table:row:field`, so a ciphertext that is copied to another
row does not decrypt. `settings.HEADEND_ENCRYPTION_KEYS` lists base64 keys, newest first: the first encrypts, all decrypt.
"""

import base64
import binascii
import hashlib
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

_NONCE_BYTES = 12
_KEY_ID_BYTES = 4


class SecretUnreadable(Exception):
    """The stored secret does not decrypt with any configured key, or was moved from another row."""


def _keys() -> list[bytes]:
    keys = []
    for text in settings.HEADEND_ENCRYPTION_KEYS:
        try:
            key = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        except (ValueError, binascii.Error) as error:
            raise SecretUnreadable("HEADEND_ENCRYPTION_KEYS holds a key that is not base64") from error
        if len(key) != 32:
            raise SecretUnreadable("HEADEND_ENCRYPTION_KEYS holds a key that is not 32 bytes long")
        keys.append(key)
    if not keys:
        raise SecretUnreadable("HEADEND_ENCRYPTION_KEYS is empty")
    return keys


def ids() -> list[str]:
    """Return what the configured keys are called, newest first; a name tells nothing of its key."""
    return [_key_id(key).hex() for key in _keys()]


def sealed_with(stored: str) -> str:
    """Return what the key is called with which a text was encrypted, configured or not; empty for what is damaged."""
    try:
        return base64.urlsafe_b64decode(stored)[:_KEY_ID_BYTES].hex()
    except (ValueError, binascii.Error):
        return ""


def _key_id(key: bytes) -> bytes:
    return hashlib.sha256(b"headend key id" + key).digest()[:_KEY_ID_BYTES]


def encrypt(plain: str, *, bound_to: str) -> str:
    """Return `plain` as URL-safe base64 of key id, nonce and ciphertext; empty stays empty."""
    if not plain:
        return ""
    key = _keys()[0]
    nonce = os.urandom(_NONCE_BYTES)
    sealed = AESGCM(key).encrypt(nonce, plain.encode(), bound_to.encode())
    return base64.urlsafe_b64encode(_key_id(key) + nonce + sealed).decode()


def decrypt(stored: str, *, bound_to: str) -> str:
    """Return the plain text of what `encrypt` stored for the same row and field.

    Raises: SecretUnreadable, if no configured key fits or the text was bound to something else.
    """
    if not stored:
        return ""
    try:
        raw = base64.urlsafe_b64decode(stored)
    except (ValueError, binascii.Error) as error:
        raise SecretUnreadable(f"the secret of {bound_to} is damaged") from error
    key_id, nonce = raw[:_KEY_ID_BYTES], raw[_KEY_ID_BYTES : _KEY_ID_BYTES + _NONCE_BYTES]
    for key in _keys():
        if _key_id(key) == key_id:
            try:
                return (
                    AESGCM(key)
                    .decrypt(nonce, raw[_KEY_ID_BYTES + _NONCE_BYTES :], bound_to.encode())
                    .decode()
                )
            except InvalidTag as error:
                raise SecretUnreadable(f"the secret of {bound_to} is damaged or was moved") from error
    raise SecretUnreadable(
        f"the secret of {bound_to} was encrypted with a key that is not configured any more"
    )
