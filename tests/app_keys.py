"""Real RSA keys for tests of what GitHub signs and what a GitHub App signs; made once a test process."""

from __future__ import annotations

from functools import cache

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

APP_ID = 424242


@cache
def rsa_key(name: str) -> rsa.RSAPrivateKey:
    """Return the key of this name."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@cache
def private_pem(name: str) -> str:
    """Return a key in PEM, as GitHub hands out an App's."""
    kind = serialization.PrivateFormat.TraditionalOpenSSL
    pem = rsa_key(name).private_bytes(serialization.Encoding.PEM, kind, serialization.NoEncryption())
    return pem.decode().strip()


@cache
def public_pem(name: str) -> str:
    """Return the public half of a key in PEM."""
    kind = serialization.PublicFormat.SubjectPublicKeyInfo
    return rsa_key(name).public_key().public_bytes(serialization.Encoding.PEM, kind).decode()
