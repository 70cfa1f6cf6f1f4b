"""Let nobody approve what they themselves made a publication say, where an installation wants two people."""

from __future__ import annotations

from collections.abc import Sequence

from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.db.models import Q

from channels.models import Channel
from orchestration.errors import NotPermitted
from orchestration.models import Activity, Distribution, Schedule, Video, Wave
from orchestration.states import Verdict

EDITS = ("words_changed", "words_settled", "attachment_added", "attachment_removed")
"""What changes that a publication says or shows; each is an entry about a publication, a video, a wave or a channel."""


def refuse_own_edits(rows: Sequence[Schedule], by: str) -> None:
    """Refuse to approve publications that `by` has edited since somebody last approved them. Raises: NotPermitted.

    Asks nothing unless `HEADEND_APPROVE_OWN_EDITS` is off.
    """
    if settings.HEADEND_APPROVE_OWN_EDITS:
        return
    for row in rows:
        distribution = row.distribution
        about = Q(pk__in=())
        for model, pk in (
            (Distribution, distribution.pk),
            (Video, distribution.video_id),
            (Channel, row.channel_id),
            (Wave, row.wave_id),
        ):
            about |= Q(content_type=ContentType.objects.get_for_model(model), object_id=pk or 0)
        edits = Activity.objects.filter(about, verb__in=EDITS, actor_label=by)
        last = getattr(distribution, "approval", None)
        if last is not None and last.verdict == Verdict.APPROVED:
            edits = edits.filter(timestamp__gt=last.decided_at)
        if edits.exists():
            raise NotPermitted(
                f"{by} has edited publication {row.pk} since it was last approved; somebody else has to approve it.",
                field="schedule_ids",
            )
