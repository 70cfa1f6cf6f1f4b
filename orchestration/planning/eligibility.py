"""Sort out, before any time is looked for, which videos may go to which channels of a wave.

What is refused here no other time can mend: a duplicate, a channel that takes nothing, a video without
rights. One fact about a whole channel or a whole video is one conflict, not one for each pair.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from orchestration.planning import rules
from orchestration.planning.conflicts import (
    CLOSED_CREDENTIALS,
    PUBLISHABLE_STATES,
    channel_label,
    format_count,
    video_label,
)
from orchestration.planning.types import (
    Alternative,
    AlternativeKind,
    ChannelView,
    Conflict,
    Existing,
    OnConflict,
    Party,
    Resolution,
    VideoView,
    WaveRequest,
)


class UnknownMember(LookupError):
    """A wave names a video or a channel that is not among the given ones."""

    def __init__(self, what: str, member_id: int) -> None:
        super().__init__(f"{what} {member_id} is not among the {what}s given to the plan")
        self.what = what
        self.member_id = member_id


def channel_refusal(channel: ChannelView) -> tuple[str, str] | None:
    """Return the rule and the sentence by which a channel takes nothing at present, or None."""
    if channel.state == "paused":
        return rules.CHANNEL_PAUSED, f"{channel_label(channel)} is paused"
    if channel.state != "active":
        return rules.CHANNEL_DISABLED, f"{channel_label(channel)} is {channel.state}"
    if channel.credential_state in CLOSED_CREDENTIALS:
        state = channel.credential_state.replace("_", " ")
        return (
            rules.CREDENTIAL_REVOKED,
            f"the credential of {channel_label(channel)} is {state}: connect it again",
        )
    if channel.health == "failing":
        return rules.CHANNEL_FAILING, f"{channel_label(channel)} is failing its checks"
    return None


def video_refusal(video: VideoView) -> tuple[str, str] | None:
    """Return the rule and the sentence by which a video may go nowhere, or None."""
    if not video.rights_basis:
        return (
            rules.NO_RIGHTS_BASIS,
            f"the source of {video_label(video)} has no rights basis: it may not be published",
        )
    if video.state not in PUBLISHABLE_STATES:
        return rules.VIDEO_NOT_READY, f"{video_label(video)} is {video.state} and cannot be published"
    return None


def title_missing(video: VideoView) -> str:
    """Return the sentence about a video that waits for a title."""
    return f"{video_label(video)} has no title yet: give it one under its words"


class AlreadyDistributed:
    """What already goes, or went, where, by video and by content hash; and what a person cancelled where."""

    __slots__ = ("_by_content", "_by_video", "_cancelled", "_counts")

    def __init__(self, existing: Iterable[Existing], channel_ids: Iterable[int]) -> None:
        self._by_video: dict[int, dict[int, Existing]] = {c: {} for c in channel_ids}
        self._by_content: dict[int, dict[str, Existing]] = {c: {} for c in self._by_video}
        self._cancelled: dict[tuple[int, int], Existing] = {}
        self._counts: dict[int, int] = {}
        for row in existing:
            if row.cancelled:
                self._cancelled[row[0], row[1]] = row
                continue
            self._counts[row[0]] = self._counts.get(row[0], 0) + 1
            videos = self._by_video.get(row[1])
            if videos is None:
                continue
            videos[row[0]] = row
            if row[2]:
                known = self._by_content[row[1]].get(row[2])
                if known is None or row[0] < known[0]:
                    self._by_content[row[1]][row[2]] = row

    def refusal(self, video: VideoView, channel: ChannelView) -> tuple[str, str, Existing] | None:
        """Return why a video is a duplicate on a channel, or None."""
        row = self._by_video[channel.id].get(video.id)
        if row is not None:
            when = f" (at {row.at:%Y-%m-%d %H:%M} UTC)" if row.at else ""
            return (
                rules.ALREADY_DISTRIBUTED,
                f"{video_label(video)} already goes, or went, to {channel_label(channel)}: {row.state}{when}",
                row,
            )
        if video.content_hash:
            row = self._by_content[channel.id].get(video.content_hash)
            if row is not None:
                return (
                    rules.SAME_CONTENT,
                    f"{video_label(video)} has the same content as video {row.video_id}, which goes, or went, "
                    f"to {channel_label(channel)}: {row.state}",
                    row,
                )
        return None

    def cancelled(self, video: VideoView, channel: ChannelView) -> Existing | None:
        """Return what a person cancelled of a video on a channel, or None."""
        return self._cancelled.get((video.id, channel.id))

    def channels_of(self, video_id: int) -> int:
        """Return how many channels a video goes to already."""
        return self._counts.get(video_id, 0)

    def accept(self, video: VideoView, channel: ChannelView) -> None:
        """Count a member of this wave, so that the same content later in it is seen."""
        if video.content_hash:
            row = Existing(video.id, channel.id, video.content_hash, None, "in this wave")
            self._by_content[channel.id][video.content_hash] = row


def sort_members(
    request: WaveRequest,
    channels: Mapping[int, ChannelView],
    videos: Mapping[int, VideoView],
    existing: Iterable[Existing],
) -> tuple[list[tuple[VideoView, list[ChannelView]]], list[Conflict]]:
    """Return, in the order of the request, each video with the channels it may go to, and what was refused.

    Raises UnknownMember.
    """
    resolution = Resolution.REJECTED if request.on_conflict == OnConflict.REJECT else Resolution.SKIPPED
    conflicts: list[Conflict] = []

    def refuse(
        rule: str,
        message: str,
        what: str,
        video_id: int | None = None,
        channel_id: int | None = None,
        other: Party | None = None,
    ) -> None:
        leave_out = Alternative(AlternativeKind.SKIP, None, 0, 0, f"leave {what} out")
        at = other.at if other else None
        conflicts.append(
            Conflict(
                rule,
                video_id,
                channel_id,
                at,
                message,
                other,
                resolution=resolution,
                alternatives=(leave_out,),
            )
        )

    open_channels: list[ChannelView] = []
    for channel_id in dict.fromkeys(request.channels):
        channel = channels.get(channel_id)
        if channel is None:
            raise UnknownMember("channel", channel_id)
        refusal = channel_refusal(channel)
        if refusal is None:
            open_channels.append(channel)
        else:
            refuse(*refusal, channel_label(channel), channel_id=channel_id)
    taken = AlreadyDistributed(existing, request.channels)
    members: list[tuple[VideoView, list[ChannelView]]] = []
    for video_id in dict.fromkeys(request.videos):
        video = videos.get(video_id)
        if video is None:
            raise UnknownMember("video", video_id)
        refusal = video_refusal(video)
        if refusal is not None:
            refuse(*refusal, video_label(video), video_id=video_id)
            continue
        goes_to: list[ChannelView] = []
        waiting = video.is_untitled and all(channel.needs_title for channel in open_channels)
        if waiting:
            refuse(rules.TITLE_MISSING, title_missing(video), video_label(video), video_id=video_id)
        for channel in open_channels if not waiting else ():
            if video.is_untitled and channel.needs_title:
                what = f"{video_label(video)} on {channel_label(channel)}"
                refuse(rules.TITLE_MISSING, title_missing(video), what, video_id, channel.id)
                continue
            duplicate = taken.refusal(video, channel)
            called_off = taken.cancelled(video, channel)
            if duplicate is None and called_off is not None:
                message = f"{video_label(video)} was {called_off.cancelled} on {channel_label(channel)}"
                if request.acknowledge_policy:
                    conflicts.append(_taken_up_again(video, channel, message, called_off))
                else:
                    message += (
                        "; reopen that publication, or acknowledge (acknowledge_policy) to take it up again"
                    )
                    other = Party(
                        video_id=video.id, channel_id=channel.id, at=called_off.at, label="cancelled"
                    )
                    what = f"{video_label(video)} on {channel_label(channel)}"
                    refuse(rules.CANCELLED_BEFORE, message, what, video_id, channel.id, other)
                    continue
            if duplicate is None:
                goes_to.append(channel)
                taken.accept(video, channel)
                continue
            rule, message, row = duplicate
            other = Party(video_id=row.video_id, channel_id=channel.id, at=row.at, label=row.state)
            what = f"{video_label(video)} on {channel_label(channel)}"
            refuse(rule, message, what, video_id, channel.id, other)
        members.append((video, goes_to))
        for warning in (_policy_warning(request, video, len(goes_to), taken), _reach_warning(video, goes_to)):
            if warning is not None:
                conflicts.append(warning)
    return members, conflicts


def _taken_up_again(video: VideoView, channel: ChannelView, message: str, row: Existing) -> Conflict:
    """Put down that the wave takes up again what a person had cancelled, since that was acknowledged."""
    return Conflict(
        rules.CANCELLED_BEFORE,
        video.id,
        channel.id,
        row.at,
        f"{message}; it is taken up again, acknowledged",
        yielded="nobody",
        resolution=Resolution.WARNED,
    )


def _reach_warning(video: VideoView, goes_to: list[ChannelView]) -> Conflict | None:
    """Warn of a video behind a page, where runs have to fetch the original: a guess, so nothing is refused for it."""
    staged_by_runs = [] if video.in_reach_of_runs else [c for c in goes_to if c.executor == "github"]
    if not staged_by_runs:
        return None
    first, more = channel_label(staged_by_runs[0]), len(staged_by_runs) - 1
    where = f"{first} and {format_count(more, 'other channel')}" if more else first
    message = (
        f"HEADEND_PUBLIC_URL is not set, so the GitHub run of {where} fetches {video_label(video)} from its address, "
        "and that looks like a page: it would fail as media_changed. Set it, or let local workers stage"
    )
    return Conflict(
        rules.OUT_OF_REACH,
        video.id,
        None if more else staged_by_runs[0].id,
        None,
        message,
        yielded="nobody",
        channel_ids=tuple(c.id for c in staged_by_runs) if more else (),
    )


def _policy_warning(
    request: WaveRequest, video: VideoView, fresh: int, taken: AlreadyDistributed
) -> Conflict | None:
    """Warn of one video over many channels: YouTube's spam policy covers networks that repeat content."""
    total = fresh + taken.channels_of(video.id)
    if not fresh or total <= request.same_asset_limit:
        return None
    acknowledged = request.acknowledge_policy
    message = (
        f"{video_label(video)} goes to {total} channels, more than {request.same_asset_limit}: YouTube's spam policy covers "
        "networks that repeat content; give each channel its own title and spacing"
        + ("; acknowledged" if acknowledged else "")
    )
    return Conflict(
        rules.SAME_ASSET_MANY_CHANNELS,
        video.id,
        None,
        None,
        message,
        yielded="nobody",
        resolution=Resolution.WARNED if acknowledged else Resolution.OPEN,
    )
