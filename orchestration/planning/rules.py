"""Name every rule that planning applies: its stable code, its kind and its title for a page.

A code is written into the database and into API answers; it never changes its meaning.
"""

from __future__ import annotations

from enum import StrEnum


class ConflictKind(StrEnum):
    """What collided."""

    DUPLICATE = "duplicate"
    TIMING = "timing"
    RESOURCE = "resource"
    CHANNEL = "channel"
    RIGHTS = "rights"
    POLICY = "policy"


ALREADY_DISTRIBUTED = "already_distributed"
SAME_CONTENT = "same_content"
MINIMUM_GAP = "minimum_gap"
DAILY_CAP = "daily_cap"
BLACKOUT = "blackout"
IN_THE_PAST = "in_the_past"
NO_FREE_TIME = "no_free_time"
POOL_CAPACITY = "pool_capacity"
BUDGET_EXHAUSTED = "budget_exhausted"
VIDEO_NOT_READY = "video_not_ready"
TITLE_MISSING = "title_missing"
OUT_OF_REACH = "out_of_reach"
CHANNEL_PAUSED = "channel_paused"
CHANNEL_DISABLED = "channel_disabled"
CHANNEL_FAILING = "channel_failing"
CREDENTIAL_REVOKED = "credential_revoked"
NO_RIGHTS_BASIS = "no_rights_basis"
SAME_ASSET_MANY_CHANNELS = "same_asset_many_channels"
CANCELLED_BEFORE = "cancelled_before"
WORDS_REFUSED = "words_refused"

KIND_OF_RULE: dict[str, ConflictKind] = {
    ALREADY_DISTRIBUTED: ConflictKind.DUPLICATE,
    SAME_CONTENT: ConflictKind.DUPLICATE,
    MINIMUM_GAP: ConflictKind.TIMING,
    DAILY_CAP: ConflictKind.TIMING,
    BLACKOUT: ConflictKind.TIMING,
    IN_THE_PAST: ConflictKind.TIMING,
    NO_FREE_TIME: ConflictKind.TIMING,
    POOL_CAPACITY: ConflictKind.RESOURCE,
    BUDGET_EXHAUSTED: ConflictKind.RESOURCE,
    VIDEO_NOT_READY: ConflictKind.RESOURCE,
    TITLE_MISSING: ConflictKind.RESOURCE,
    OUT_OF_REACH: ConflictKind.RESOURCE,
    CHANNEL_PAUSED: ConflictKind.CHANNEL,
    CHANNEL_DISABLED: ConflictKind.CHANNEL,
    CHANNEL_FAILING: ConflictKind.CHANNEL,
    CREDENTIAL_REVOKED: ConflictKind.CHANNEL,
    NO_RIGHTS_BASIS: ConflictKind.RIGHTS,
    SAME_ASSET_MANY_CHANNELS: ConflictKind.POLICY,
    CANCELLED_BEFORE: ConflictKind.POLICY,
    WORDS_REFUSED: ConflictKind.POLICY,
}

TITLE_OF_RULE: dict[str, str] = {
    ALREADY_DISTRIBUTED: "the video already goes, or went, to this channel",
    SAME_CONTENT: "the same content already goes, or went, to this channel",
    MINIMUM_GAP: "closer to another publication than the channel's minimum gap",
    DAILY_CAP: "more publications on a local day than the channel allows",
    BLACKOUT: "inside a blackout of the channel",
    IN_THE_PAST: "in the past",
    NO_FREE_TIME: "no free time within the planning horizon",
    POOL_CAPACITY: "cannot be staged in time by the pools",
    BUDGET_EXHAUSTED: "over a budget for that Pacific day",
    VIDEO_NOT_READY: "the video cannot be published in its state",
    TITLE_MISSING: "the video waits for a title",
    OUT_OF_REACH: "a GitHub run cannot fetch the file",
    CHANNEL_PAUSED: "the channel is paused",
    CHANNEL_DISABLED: "the channel is disabled",
    CHANNEL_FAILING: "the channel is failing its checks",
    CREDENTIAL_REVOKED: "the channel's credential does not open it",
    NO_RIGHTS_BASIS: "the source has no rights basis",
    SAME_ASSET_MANY_CHANNELS: "the same video over many channels",
    CANCELLED_BEFORE: "a person cancelled it on this channel, and nobody reopened it",
    WORDS_REFUSED: "its words break a limit of YouTube's, or cannot be filled in",
}
