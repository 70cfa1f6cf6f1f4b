"""What a person shows besides a password when they log in."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from channels import secrets


class FactorKind(models.TextChoices):
    """What kind of second factor it is."""

    AUTHENTICATOR = "authenticator", "authenticator app"
    PASSKEY = "passkey", "passkey"


class SecondFactor(models.Model):
    """An authenticator app's secret, sealed, or a passkey's public key; it counts once it was shown to work."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="second_factors"
    )
    kind = models.CharField(max_length=20, choices=FactorKind.choices)
    name = models.CharField(max_length=80)
    secret_sealed = models.CharField(max_length=400, blank=True, editable=False)
    last_step = models.BigIntegerField(
        default=0,
        editable=False,
        help_text="the step of 30 seconds whose code was used last: none counts twice",
    )
    credential_id = models.CharField(max_length=1400, blank=True, editable=False, help_text="base64url")
    public_key = models.TextField(blank=True, editable=False, help_text="attested credential data, base64url")
    sign_count = models.BigIntegerField(default=0, editable=False)
    confirmed_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["created_at", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["user"], condition=Q(kind=FactorKind.AUTHENTICATOR), name="factor_one_authenticator"
            ),
            models.UniqueConstraint(
                fields=["credential_id"], condition=~Q(credential_id=""), name="factor_credential_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} of {self.user}"

    @property
    def secret(self) -> str:
        """Return an authenticator's secret, base32; never log it."""
        return secrets.decrypt(self.secret_sealed, bound_to=self.bound_to())

    def sealed(self, secret: str) -> str:
        """Return a secret sealed for this row's person."""
        return secrets.encrypt(secret, bound_to=self.bound_to())

    def bound_to(self) -> str:
        """Return what its seal is bound to."""
        return f"orchestration.secondfactor:{self.user_id}:secret"


class RecoveryCode(models.Model):
    """One of the codes that each open once where the second factor is lost; only its digest is kept."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="recovery_codes"
    )
    digest = models.CharField(max_length=64, editable=False)
    used_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "digest"], name="recovery_code_once")]

    def __str__(self) -> str:
        return f"recovery code of {self.user}"


class ExternalIdentity(models.Model):
    """Who a person is to an OpenID Connect provider: its issuer and its subject, which it gives to nobody else."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="identities")
    issuer = models.CharField(max_length=500)
    subject = models.CharField(max_length=255)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        verbose_name_plural = "external identities"
        constraints = [models.UniqueConstraint(fields=["issuer", "subject"], name="external_identity_once")]

    def __str__(self) -> str:
        return f"{self.subject} of {self.issuer}"
