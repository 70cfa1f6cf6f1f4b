"""Compare what we last set on YouTube with what is there now: ours, forgotten, changed by somebody, or failed.

What a person changed is their decision: nothing of ours is written over it. What YouTube forgot still carries our own
`publishAt` after its moment, and is told apart by that.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

_FAILED_UPLOADS = frozenset({"failed", "rejected"})
_GIVEN_UP = frozenset({"failed", "terminated"})


class Verdict(StrEnum):
    """What a comparison says."""

    AS_SET = "as_set"
    FORGOTTEN = "forgotten"
    CHANGED = "changed"
    FAILED = "failed"


class Change(StrEnum):
    """What was changed elsewhere."""

    DELETED = "deleted"
    PUBLISHED = "published"
    UNLISTED = "unlisted"
    MADE_PRIVATE = "made_private"
    UNSCHEDULED = "unscheduled"
    RESCHEDULED = "rescheduled"
    SCHEDULED = "scheduled"
    TITLE = "title"


@dataclass(frozen=True, slots=True)
class Visibility:
    """Who may see a video, and when YouTube is to make it public by itself."""

    privacy_status: str
    publish_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class LastSet:
    """What we last set: how it was known to be, then what was being set without anybody hearing whether it took effect."""

    visibilities: tuple[Visibility, ...]
    title: str = ""
    """Empty where it is not known how YouTube showed ours."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What YouTube showed."""

    privacy_status: str = ""
    publish_at: datetime | None = None
    upload_status: str = ""
    processing_status: str = ""
    failure_reason: str = ""
    rejection_reason: str = ""
    title: str = ""
    is_gone: bool = False


@dataclass(frozen=True, slots=True)
class Comparison:
    """A verdict; of a change what it was, and of a failure whether another upload of the same file may do better."""

    verdict: Verdict
    sentence: str = ""
    change: Change | None = None
    may_be_replaced: bool = False

    @property
    def stops(self) -> bool:
        """Return whether a person decides first: an edited title is kept, and contradicts nothing that we set."""
        return self.verdict == Verdict.CHANGED and self.change != Change.TITLE


def compare(last: LastSet, seen: Seen, now: datetime, wanted_at: datetime | None = None) -> Comparison:
    """Say what became of a video since we last set something on it; `now` is by YouTube's clock.

    `wanted_at` is the moment of a publication that goes on: what somebody set to exactly that, or published after it,
    contradicts nobody.
    """
    if seen.is_gone or seen.upload_status == "deleted":
        return _changed(Change.DELETED, "It is not on YouTube any more: somebody deleted it there.")
    if failed := _failed(seen):
        return failed
    if _is_wanted(seen, now, wanted_at) or any(_explains(each, seen, now) for each in last.visibilities):
        return _of_ours(last, seen, now)
    return _change_of(last.visibilities[0], seen)


def is_failed(seen: Seen) -> bool:
    """Return whether viewers see nothing of it, whoever may see it: YouTube rejected it or gave up its processing."""
    return _failed(seen) is not None


def _failed(seen: Seen) -> Comparison | None:
    if seen.upload_status in _FAILED_UPLOADS or seen.rejection_reason:
        why = seen.rejection_reason or seen.failure_reason or "no reason given"
        is_rejected = seen.upload_status == "rejected" or bool(seen.rejection_reason)
        said = "rejected" if is_rejected else seen.upload_status
        sentence = f"YouTube says that the upload is {said}: {why}."
        return Comparison(Verdict.FAILED, sentence, may_be_replaced=not is_rejected)
    if seen.processing_status in _GIVEN_UP:
        sentence = f"YouTube gave up its processing ({seen.processing_status})."
        return Comparison(Verdict.FAILED, sentence, may_be_replaced=True)
    return None


def _is_wanted(seen: Seen, now: datetime, wanted_at: datetime | None) -> bool:
    if wanted_at is None:
        return False
    if seen.privacy_status == "public":
        return now >= wanted_at
    return seen.privacy_status == "private" and seen.publish_at == wanted_at


def _explains(ours: Visibility, seen: Seen, now: datetime) -> bool:
    """Return whether what is seen is what we set, or what YouTube was to make of it."""
    if seen.privacy_status == "public":
        is_due = ours.publish_at is not None and now >= ours.publish_at
        return ours.privacy_status == "public" or is_due
    return (seen.privacy_status, seen.publish_at) == (ours.privacy_status, ours.publish_at)


def _of_ours(last: LastSet, seen: Seen, now: datetime) -> Comparison:
    if seen.privacy_status == "private" and seen.publish_at is not None and seen.publish_at <= now:
        return Comparison(
            Verdict.FORGOTTEN, f"YouTube was to make it public at {_time(seen.publish_at)} and has not."
        )
    if last.title and seen.title and seen.title != last.title:
        return _changed(
            Change.TITLE, f"Its title was edited on YouTube: {seen.title!r}, ours was {last.title!r}."
        )
    return Comparison(Verdict.AS_SET)


def _change_of(ours: Visibility, seen: Seen) -> Comparison:
    was = f"was to go public at {_time(ours.publish_at)}" if ours.publish_at else f"was {ours.privacy_status}"
    if seen.privacy_status == "public":
        return _changed(
            Change.PUBLISHED,
            f"It {was}, and is public already: somebody made it so outside of Headend, or Headend did before its "
            "database was restored.",
        )
    if seen.privacy_status != "private":
        return _changed(Change.UNLISTED, f"It {was}, and somebody made it {seen.privacy_status} on YouTube.")
    if seen.publish_at is not None and ours.publish_at is not None:
        return _changed(
            Change.RESCHEDULED, f"It {was}, and somebody moved that to {_time(seen.publish_at)} on YouTube."
        )
    if seen.publish_at is not None:
        return _changed(
            Change.SCHEDULED, f"It {was}, and somebody scheduled it for {_time(seen.publish_at)} on YouTube."
        )
    if ours.publish_at is not None:
        return _changed(Change.UNSCHEDULED, f"It {was}, and that time has been taken off on YouTube.")
    return _changed(Change.MADE_PRIVATE, f"It {was}, and is private on YouTube now: not by Headend.")


def _changed(change: Change, sentence: str) -> Comparison:
    return Comparison(Verdict.CHANGED, sentence, change)


def _time(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"
