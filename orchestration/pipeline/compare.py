"""Hold what a row says that we last set on YouTube against what YouTube shows, and keep both on the row.

Every look writes down what it saw, every call that changes something what it was about to set (`trying`) and, once the
answer is known, what is set. So a call whose answer nobody heard is never taken for somebody else's change.
"""

import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from channels.gateways.errors import RemoteRejected
from channels.gateways.youtube_values import VideoStatus
from orchestration.models import Distribution, Schedule
from orchestration.pipeline import words_kept
from orchestration.planning.outside import Comparison, LastSet, Seen, Verdict, Visibility, compare
from orchestration.queue.lease import OutcomeUnknown
from orchestration.states import DistributionState, ScheduleState

CALL_IS_OVER_AFTER = timedelta(minutes=10)
"""How long after it was made a call whose answer nobody heard may still take effect."""


class ChangedElsewhere(OutcomeUnknown):
    """Somebody changed the video on YouTube; it stays as they set it, until a person says what holds."""

    code = "changed_elsewhere"


class VideoRefused(RemoteRejected):
    """YouTube rejected the upload after all, or gave up its processing (its status says so)."""

    code = "upload_rejected"
    may_be_replaced = False


# ------------------------------------------------------------------------------------------------------- what is kept


def note_seen(distribution: Distribution, status: VideoStatus | None) -> None:
    """Keep what YouTube showed, None for *not there any more*; the first title seen is how YouTube shows ours."""
    seen: dict[str, Any] = {"at": timezone.now().isoformat()}
    if status is None:
        seen["is_gone"] = True
    else:
        seen |= {
            "privacy_status": status.privacy_status,
            "publish_at": _text(status.publish_at),
            "upload_status": status.upload_status,
            "processing_status": status.processing_status,
            "failure_reason": status.failure_reason,
            "rejection_reason": status.rejection_reason,
            "title": status.title,
            "published_at": _text(status.published_at),
            "words": words_kept.shown_words(status, distribution.marker),
        }
    Distribution.objects.filter(pk=distribution.pk).update(last_seen=seen)
    distribution.last_seen = seen
    if status is not None and not distribution.title_set:
        note_title(distribution, status.title)
    if status is not None and not distribution.words_set.get("words"):
        words_kept.note_first_seen(distribution, seen["words"])


def note_title(distribution: Distribution, title: str) -> None:
    """Keep a title as ours."""
    Distribution.objects.filter(pk=distribution.pk).update(title_set=title)
    distribution.title_set = title


def note_trying(distribution: Distribution, wanted: Visibility) -> str:
    """Keep what a call is about to set, beside what is known to be set, until its answer is; returns the try's name."""
    name = secrets.token_hex(4)
    with transaction.atomic():
        kept = _kept(distribution)
        tries = [each for each in kept.get("trying", []) if _visibility(each) != wanted]
        ours = {**_document(wanted), "name": name, "at": timezone.now().isoformat()}
        _write(distribution, {**kept, "trying": [*tries, ours]})
    return name


def note_refused(distribution: Distribution, name: str) -> None:
    """Forget a try that had no effect for certain."""
    with transaction.atomic():
        kept = _kept(distribution)
        _write(distribution, _with_tries(kept, [each for each in _tries(kept) if each["name"] != name]))


def note_set(distribution: Distribution, holds: Visibility, name: str = "") -> None:
    """Keep what is known to be set now: YouTube answered a try so, or, without a name, showed it.

    The answer of a try that another has overtaken says nothing any more: whoever waited for it slept meanwhile. Another's
    try stays a while: its call may still be on its way.
    """
    now = timezone.now()
    with transaction.atomic():
        tries = _tries(_kept(distribution))
        if name and name not in {each["name"] for each in tries}:
            return
        others = [each for each in tries if each["name"] != name and _is_fresh(each, now)] if name else []
        _write(distribution, _with_tries({**_document(holds), "at": now.isoformat()}, others))


def _tries(kept: Mapping[str, Any]) -> list[dict[str, Any]]:
    return list(kept.get("trying", []))


def _with_tries(kept: Mapping[str, Any], tries: list[dict[str, Any]]) -> dict[str, Any]:
    bare = {key: value for key, value in kept.items() if key != "trying"}
    return {**bare, "trying": tries} if tries else bare


def _is_fresh(each: Mapping[str, Any], now: datetime) -> bool:
    return datetime.fromisoformat(each["at"]) > now - CALL_IS_OVER_AFTER


def _kept(distribution: Distribution) -> dict[str, Any]:
    """Return what the row says, under lock."""
    return Distribution.objects.locked().values_list("last_set", flat=True).get(pk=distribution.pk) or {}


def _write(distribution: Distribution, document: dict[str, Any]) -> None:
    Distribution.objects.filter(pk=distribution.pk).update(last_set=document)
    distribution.last_set = document


def _document(visibility: Visibility) -> dict[str, Any]:
    return {"privacy_status": visibility.privacy_status, "publish_at": _text(visibility.publish_at)}


def _visibility(document: Mapping[str, Any]) -> Visibility:
    return Visibility(document.get("privacy_status", "private"), _instant(document.get("publish_at")))


def _text(at: datetime | None) -> str | None:
    return at.isoformat() if at else None


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


# --------------------------------------------------------------------------------------------------- what is compared


def last_set_of(distribution: Distribution, schedule: Schedule | None = None) -> LastSet:
    """Return what we last set; of a row that never said so, what its state stands for."""
    kept = distribution.last_set
    if kept:
        holds = [_visibility(kept)] if "privacy_status" in kept else [_by_state(distribution)]
        known_at, now = _instant(kept.get("at")), timezone.now()
        tries = [
            _visibility(each)
            for each in _tries(kept)
            if known_at is None or datetime.fromisoformat(each["at"]) > known_at or _is_fresh(each, now)
        ]
    else:
        holds, tries = [_by_state(distribution)], []
        if schedule is not None and schedule.armed_for is not None:
            tries.append(Visibility("private", schedule.armed_for))
    return LastSet((*holds, *tries), distribution.title_set)


def _by_state(distribution: Distribution) -> Visibility:
    return Visibility("public" if distribution.state == DistributionState.PUBLISHED else "private")


def seen_of(status: VideoStatus) -> Seen:
    """Return the part of what YouTube shows that a comparison asks for."""
    return Seen(
        privacy_status=status.privacy_status,
        publish_at=status.publish_at,
        upload_status=status.upload_status,
        processing_status=status.processing_status,
        failure_reason=status.failure_reason,
        rejection_reason=status.rejection_reason,
        title=status.title,
    )


def last_seen_of(distribution: Distribution) -> Seen | None:
    """Return what was seen at the last look; None, if nobody looked yet."""
    kept = distribution.last_seen
    if not kept:
        return None
    others = {"at", "publish_at", "published_at", "words"}
    values = {name: value for name, value in kept.items() if name not in others}
    return Seen(publish_at=_instant(kept.get("publish_at")), **values)


def compared(
    distribution: Distribution, schedule: Schedule | None, status: VideoStatus | None, now: datetime
) -> Comparison:
    """Compare what a look showed (None: it is gone) with what we last set and what the publication is about to set."""
    goes_on = schedule is not None and schedule.state in {ScheduleState.STAGED, ScheduleState.PUBLISHING}
    wanted_at = schedule.publish_at if schedule is not None and goes_on else None
    seen = Seen(is_gone=True) if status is None else seen_of(status)
    return compare(last_set_of(distribution, schedule), seen, now, wanted_at)


def require_ours(comparison: Comparison, youtube_video_id: str) -> None:
    """Refuse to go on with what somebody changed, or what YouTube refused. Raises: ChangedElsewhere, VideoRefused."""
    if comparison.verdict == Verdict.FAILED:
        refused = VideoRefused(comparison.sentence)
        refused.may_be_replaced = comparison.may_be_replaced
        raise refused
    if comparison.stops:
        raise ChangedElsewhere(f"{comparison.sentence} Video {youtube_video_id} stays as it is there.")
