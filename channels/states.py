"""Name the states of the register and the arrows between them.

No queries here. `TRANSITIONS` are the arrows that exist, `VERBS` what a person may do: the guards, the visible buttons,
the API's `actions` and the tests read them.
"""

from django.db import models

from channels.verbs import Verb, verb


class ChannelState(models.TextChoices):
    """What the operator wants of a channel."""

    ACTIVE = "active"
    PAUSED = "paused"
    DISABLED = "disabled"


class ChannelHealth(models.TextChoices):
    """What was last observed of a channel; written by monitoring only."""

    UNKNOWN = "unknown"
    HEALTHY = "healthy"
    DEGRADED = "degraded"
    FAILING = "failing"


class CredentialState(models.TextChoices):
    """What Google last said about a channel's OAuth grant."""

    MISSING = "missing"
    VALID = "valid"
    EXPIRING = "expiring"
    REVOKED = "revoked"
    WRONG_CHANNEL = "wrong_channel"


OPENING_CREDENTIALS = frozenset({CredentialState.VALID, CredentialState.EXPIRING})
"""With one of these a credential opens its channel."""


class MisfirePolicy(models.TextChoices):
    """What becomes of an item whose moment has passed."""

    PUBLISH_LATE = "publish_late"
    NEXT_SLOT = "next_slot"
    SKIP = "skip"
    HOLD = "hold"


class Executor(models.TextChoices):
    """Who stages a channel's videos."""

    GITHUB = "github"
    LOCAL = "local"


class SecretsIn(models.TextChoices):
    """Where a repository keeps the secrets that its runs read."""

    ENVIRONMENT = "environment"
    REPOSITORY = "repository"


CHANNEL_TRANSITIONS: dict[str, frozenset[str]] = {
    ChannelState.ACTIVE: frozenset({ChannelState.PAUSED, ChannelState.DISABLED}),
    ChannelState.PAUSED: frozenset({ChannelState.ACTIVE, ChannelState.DISABLED}),
    ChannelState.DISABLED: frozenset({ChannelState.ACTIVE}),
}
CHANNEL_VERBS: dict[str, Verb] = {
    "trigger": verb({ChannelState.ACTIVE}),
    "resume": verb({ChannelState.PAUSED, ChannelState.DISABLED}, {ChannelState.ACTIVE}),
    # Of a disabled one, too: it only reads, and one wants to see that a channel is well before it is resumed.
    "check": verb({ChannelState.ACTIVE, ChannelState.PAUSED, ChannelState.DISABLED}),
    "sync": verb({ChannelState.ACTIVE, ChannelState.PAUSED}),
    "pause": verb({ChannelState.ACTIVE}, {ChannelState.PAUSED}),
    "disable": verb({ChannelState.ACTIVE, ChannelState.PAUSED}, {ChannelState.DISABLED}),
}

CREDENTIAL_TRANSITIONS: dict[str, frozenset[str]] = {
    state: frozenset(set(CredentialState.values) - {state}) for state in CredentialState.values
}
