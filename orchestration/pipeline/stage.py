"""Upload a video private ahead of its moment, and record the one upload that counts."""

import hashlib
import logging
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from channels.gateways.errors import QuotaExhausted, SessionGone
from channels.gateways.youtube import YouTubeGateway
from channels.gateways.youtube_upload import UploadCancelled, VideoMetadata, marker_of
from orchestration.core import audit, gateways, installation
from orchestration.core.failpoints import failpoint
from orchestration.core.transitions import transition
from orchestration.core.wakeups import wake_tick
from orchestration.errors import NoRightsBasis
from orchestration.models import BudgetEntry, Distribution, Job, OrphanUpload, Schedule
from orchestration.pipeline import words_outside
from orchestration.pipeline.compare import note_set
from orchestration.pipeline.looks import Look, look
from orchestration.pipeline.renditions import require_file
from orchestration.pipeline.scrape import absolute
from orchestration.pipeline.youtube_calls import charged
from orchestration.planning.looks import AFTER_STAGING
from orchestration.planning.outside import Visibility
from orchestration.queue import pools
from orchestration.queue.lease import JobCancelled, JobLease
from orchestration.scheduling import publication_words
from orchestration.states import BudgetEntryState, DistributionState, ScheduleState

logger = logging.getLogger(__name__)
LONGEST_UPLOAD = timedelta(days=1)
"""How long before a backup's newest entry an upload may have been sent that it does not know of."""


def run_stage(job: Job, lease: JobLease) -> dict[str, Any]:
    """Upload the prepared file private with its marker, resuming or adopting what an earlier try left behind."""
    distribution = Distribution.objects.select_related("video__source", "channel").get(pk=job.distribution_id)
    if distribution.youtube_video_id:
        record_staged(distribution.pk, distribution.youtube_video_id)
        return {"youtube_video_id": distribution.youtube_video_id, "adopted": True}
    if distribution.state not in RECORDABLE:
        return {"skipped": f"the distribution is {distribution.state}"}
    require_rights(distribution)
    path = absolute(require_file(distribution).file)
    failpoint("marker.wanted")
    marker, fresh = ensure_marker(distribution)
    failpoint("marker.stored")
    with gateways.youtube(distribution.channel) as youtube:
        lease.progress(0.01, "looking for an earlier upload")
        session = distribution.upload_session or None
        is_restored = existed_before_restore(distribution)
        if is_restored or (session is None and may_be_uploaded(distribution, fresh=fresh)):
            # An earlier try may have sent the last byte without anybody hearing the answer.
            found = look_for_upload(youtube, distribution, job).settled()
            if found:
                return _adopt(youtube, distribution, found, job)
        pools.charge_reserved(job)
        try:
            receipt = youtube.upload(
                path,
                metadata_for(distribution, marker),
                session_uri=session,
                on_session=lambda uri: store_session(distribution, uri),
                on_progress=lambda sent, total: lease.progress(
                    sent / total, f"{sent:,} of {total:,} bytes uploaded"
                ),
                cancelled=lease.cancelled,
                on_last_piece=lambda: note_last_sent(distribution, timezone.now()),
            )
            failpoint("upload.returned")
        except UploadCancelled as error:
            lease.check()
            raise JobCancelled(str(error)) from error
        except SessionGone:
            store_session(distribution, "")
            seen = look_for_upload(youtube, distribution, job)
            if seen.youtube_video_id:
                return _adopt(youtube, distribution, seen.youtube_video_id, job)
            _close_charge(job, BudgetEntryState.SETTLED)  # a new session is another upload to YouTube's books
            seen.settled()
            raise
        except QuotaExhausted:
            # Refused before a byte was sent: it is reserved anew on the day on which it is tried again.
            if not distribution.upload_session_sealed:
                _close_charge(job, BudgetEntryState.RELEASED)
            raise
        result = {
            "youtube_video_id": receipt.youtube_video_id,
            "resumed_from_bytes": receipt.resumed_from_bytes,
        }
        if receipt.privacy_status != "private" and not may_be_public(distribution):
            # Not asked for, and never wanted: take it back before anybody hears of it.
            with charged("make_private", "videos.update", job):
                youtube.make_private(receipt.youtube_video_id)
        record_staged(distribution.pk, receipt.youtube_video_id)
        failpoint("upload.recorded")
    return result


RECORDABLE = frozenset({DistributionState.ASSIGNED, DistributionState.NEEDS_REVIEW})
"""With one of these a distribution still waits for its upload."""


def require_rights(distribution: Distribution) -> None:
    """Refuse what nobody may publish, also where the basis was withdrawn after it was planned. Raises: NoRightsBasis."""
    if not distribution.video.rights_basis:
        raise NoRightsBasis(
            f"The source of video {distribution.video_id} has no rights basis, so it is not uploaded."
        )


def _close_charge(job: Job, state: str) -> None:
    """Close the charge of an upload call, so that the next one is reserved anew."""
    BudgetEntry.objects.filter(job=job, call="videos.insert", state=BudgetEntryState.CHARGED).update(
        state=state, settled_at=timezone.now()
    )


def may_be_uploaded(distribution: Distribution, *, fresh: bool) -> bool:
    """Return whether an upload may be there that is not recorded: an earlier try's, or one that a restore has forgotten.

    What a restored database holds of an earlier try says nothing: it may have gone further after the backup was made.
    """
    return not fresh or existed_before_restore(distribution)


def existed_before_restore(distribution: Distribution) -> bool:
    """Return whether this is a restored database that knew the distribution: the outside may know more of it."""
    taken_over_at = installation.taken_over_at()
    return taken_over_at is not None and distribution.created_at < taken_over_at


def ensure_marker(distribution: Distribution) -> tuple[str, bool]:
    """Return the marker of a distribution's upload and whether it was made just now; stored before any call.

    It follows from channel and video, so that a restored database, which has lost it with the id of the upload, finds
    what was uploaded after the backup and does not upload it again. Of the video its identity counts, which stays when
    its address changes.
    """
    if distribution.marker:
        return distribution.marker, False
    channel = distribution.channel.youtube_channel_id or distribution.channel.slug
    of_both = f"{channel} {distribution.video.identity}"
    if distribution.generation:  # what was uploaded before failed, and must not be found again
        of_both += f" {distribution.generation}"
    marker = marker_of(hashlib.sha256(of_both.encode()).hexdigest()[:32])
    if Distribution.objects.filter(pk=distribution.pk, marker="").update(marker=marker):
        distribution.marker = marker
        return marker, True
    distribution.refresh_from_db(fields=["marker"])
    return distribution.marker, False


def store_session(distribution: Distribution, uri: str) -> None:
    """Keep the resumable session's address, sealed, so that a crash resumes instead of uploading again."""
    failpoint("session.opened")
    sealed = distribution.sealed_session(uri) if uri else ""
    Distribution.objects.filter(pk=distribution.pk).update(upload_session_sealed=sealed)
    distribution.upload_session_sealed = sealed
    failpoint("session.stored")


def note_last_sent(distribution: Distribution, at: datetime) -> None:
    """Remember that the last byte of an upload may be sent at an instant: there may be a video from then on.

    YouTube's list of uploads may not show it at once, so an empty list counts only some time later (`looks.SETTLE`).
    """
    if distribution.last_sent_at is None or distribution.last_sent_at < at:
        Distribution.objects.filter(pk=distribution.pk).update(last_sent_at=at)
        distribution.last_sent_at = at


def look_for_upload(youtube: YouTubeGateway, distribution: Distribution, job: Job | None) -> Look:
    """Look for a distribution's upload: found, absent, too early to tell, or not to be learned."""
    last_sent_at = distribution.last_sent_at
    if existed_before_restore(distribution):
        # It may have been sent at any time until then, and we not know of it.
        last_sent_at = max(filter(None, (last_sent_at, installation.taken_over_at())))
    return look(lambda: find_upload(youtube, distribution, job), last_sent_at)


def find_upload(youtube: YouTubeGateway, distribution: Distribution, job: Job | None) -> str | None:
    """Return a distribution's upload by its marker among the channel's newest; charged to the budget.

    None is what the list shows, which lags: whoever would upload asks `look_for_upload`. After a restore it is looked for as
    far back as the backup is old.
    Of several the one uploaded first counts, as its receipt was lost; the others are listed as orphans.
    """
    with charged("find_by_marker", "playlistItems.list", job):
        found = youtube.find_all_by_marker(
            distribution.marker, since=_forgotten_since(distribution), before_more=lambda: _charge_more(job)
        )
    if not found:
        return None
    *others, first = found
    with transaction.atomic():
        for youtube_video_id in others:
            orphan(
                distribution, youtube_video_id, f"{first} was uploaded for the same distribution before it"
            )
    return first


def adopt_forgotten(distribution: Distribution, job: Job) -> bool:
    """Record the upload that a restored database does not know of; returns whether there is one. Changes nothing on YouTube.

    Raises: WaitUntil, if it is too early to tell; RemoteError, BudgetExhausted, if it could not be looked for.
    """
    ensure_marker(distribution)
    with gateways.youtube(distribution.channel) as youtube:
        found = look_for_upload(youtube, distribution, job).settled()
    return found is not None and record_staged(distribution.pk, found, adopted=True)


def _forgotten_since(distribution: Distribution) -> datetime | None:
    """Return since when there may be an upload that the database does not know of; None where it was not restored."""
    restored_from = installation.restored_from()
    if restored_from is None or not existed_before_restore(distribution):
        return None
    return max(distribution.created_at, restored_from - LONGEST_UPLOAD)


def _charge_more(job: Job | None) -> None:
    with charged("find_by_marker", "playlistItems.list", job):
        return


def adopt(
    youtube: YouTubeGateway,
    distribution: Distribution,
    youtube_video_id: str,
    job: Job,
    *,
    is_private: bool = False,
) -> bool:
    """Take an upload that was made elsewhere or by an earlier try; returns whether it is the one that counts.

    The one way to do so. What is not private (`is_private`: seen so just now) is made so, unless it may be public rightly.
    """
    # Read anew: while it was being looked for, another may have recorded it, and its moment come.
    distribution.refresh_from_db(fields=["youtube_video_id"])
    is_ours = distribution.youtube_video_id == youtube_video_id
    if not is_private and not is_ours and not may_be_public(distribution):
        with charged("make_private", "videos.list", job):
            youtube.make_private(youtube_video_id)  # only looks where it is private already
    return record_staged(distribution.pk, youtube_video_id, adopted=True)


def _adopt(
    youtube: YouTubeGateway, distribution: Distribution, youtube_video_id: str, job: Job
) -> dict[str, Any]:
    adopt(youtube, distribution, youtube_video_id, job)
    return {"youtube_video_id": youtube_video_id, "adopted": True}


def may_be_public(distribution: Distribution) -> bool:
    """Return whether an upload may be public rightly: in a restored database, resumed yet or not, of what that knew already.

    Whatever time it has by now: its policy, or a person, may have moved what went public since the backup. Where that is
    public ahead of its new time, a person looks.
    """
    return installation.is_copy() or existed_before_restore(distribution)


def orphan(distribution: Distribution, youtube_video_id: str, why: str) -> None:
    """List an upload that lost, for deletion on YouTube; call it in a transaction."""
    if Distribution.objects.filter(youtube_video_id=youtube_video_id).exists():
        return
    _, made = OrphanUpload.objects.get_or_create(
        youtube_video_id=youtube_video_id, defaults={"distribution": distribution, "reason": why[:300]}
    )
    if made:
        audit.record(
            "upload_orphaned", distribution, after={"youtube_video_id": youtube_video_id}, reason=why
        )


def record_staged(distribution_id: int, youtube_video_id: str, *, adopted: bool = False) -> bool:
    """Write down the one upload of a distribution, by compare-and-swap from empty; returns whether it is the one.

    An upload that lost, or whose distribution was cancelled meanwhile, becomes an orphan: private, listed for deletion.
    """
    now = timezone.now()
    with transaction.atomic():
        # The schedule first, as everybody who locks both does.
        schedule = Schedule.objects.locked().filter(distribution=distribution_id).first()
        distribution = Distribution.objects.locked().get(pk=distribution_id)
        if distribution.youtube_video_id is None and distribution.state in RECORDABLE:
            was_unclear = distribution.state == DistributionState.NEEDS_REVIEW
            transition(
                distribution,
                DistributionState.STAGED,
                where={"youtube_video_id__isnull": True},
                reason="adopted an upload that an earlier try left behind" if adopted else "",
                youtube_video_id=youtube_video_id,
                staged_at=now,
                look_at=now + AFTER_STAGING[0],
                upload_session_sealed="",
                error_code="",
                error_message="",
            )
            # Listed while its distribution was cancelled or failed; it is wanted again, so nobody may delete it.
            OrphanUpload.objects.undeleted().filter(youtube_video_id=youtube_video_id).delete()
            note_set(distribution, Visibility("private"))
            words_outside.want_extras(distribution)
        elif distribution.youtube_video_id != youtube_video_id:
            known = distribution.youtube_video_id
            why = f"{known} was recorded first" if known else f"the distribution is {distribution.state}"
            orphan(distribution, youtube_video_id, why)
            return False
        else:
            was_unclear = False
        waiting = {ScheduleState.STAGING, ScheduleState.PLANNED}
        if schedule is not None and (
            schedule.state in waiting or (was_unclear and schedule.state == ScheduleState.NEEDS_REVIEW)
        ):
            transition(schedule, ScheduleState.STAGED, reason="uploaded, private")
        wake_tick()
    return True


def metadata_for(distribution: Distribution, marker: str) -> VideoMetadata:
    """Return what the upload is called, by its layers' words. Raises: WordsRefused, where they break a limit."""
    words = publication_words.require(publication_words.words_of(distribution))
    return VideoMetadata(
        title=words.title,
        description=words.description,
        tags=words.tags,
        category_id=words.category_id,
        language=words.language,
        made_for_kids=words.made_for_kids,
        marker=marker,
        notify_subscribers=words.notify_subscribers,
        licence=words.licence,
        embeddable=words.embeddable,
        synthetic_media=words.synthetic_media,
        paid_promotion=words.paid_promotion,
    )
