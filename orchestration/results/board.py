"""What the overview says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from orchestration.results.channels import ChannelReport
from orchestration.results.pools import PoolReport
from orchestration.results.system import SystemReport
from orchestration.results.waves import WaveBrief

if TYPE_CHECKING:
    from orchestration.models import (
        Activity,
        Job,
        Schedule,
        Source,
        Video,
    )


@dataclass(frozen=True, slots=True)
class StatisticsReport:
    """Raw numbers of YouTube beside our own operations' counts; the two are never mixed into one figure."""

    channels: list[dict[str, Any]]
    top_videos: list[dict[str, Any]]
    published_by_day: list[dict[str, Any]]
    outcomes: dict[str, int]
    median_lateness_seconds: float | None


@dataclass(frozen=True, slots=True)
class Remedy:
    """What a person does about a need: a page of the console (its name and key, with a query), or a button of it.

    `verb` is the action of a button; empty for a link.
    """

    label: str
    page: str
    key: str = ""
    query: str = ""
    verb: str = ""


@dataclass(frozen=True, slots=True)
class Need:
    """What needs a person: problems of one cause as one, why it stands where it stands, and what to do about it."""

    severity: str
    code: str
    cause: str
    count: int
    sentence: str
    why: str
    deadline: datetime | None
    since: datetime | None
    subject: str
    subject_type: str
    subject_id: Any
    slug: str
    names: tuple[str, ...]
    remedy: Remedy | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether all is well, in one line; `level` is good, warn or bad."""

    is_well: bool
    level: str
    sentence: str


@dataclass(frozen=True, slots=True)
class ChannelCounts:
    """How many channels there are, and how they are."""

    total: int
    active: int
    paused: int
    failing: int
    degraded: int


@dataclass(frozen=True, slots=True)
class Needs:
    """All that needs a person, the most urgent first, and the one line about it."""

    verdict: Verdict
    needs: list[Need]


@dataclass(frozen=True, slots=True)
class Overview:
    """What a person has to know first: whether all is well, what needs them, what comes next."""

    status: SystemReport
    verdict: Verdict
    needs: list[Need]
    needs_left: int
    problems: list[dict[str, Any]]
    upcoming: list[Schedule]
    waves: list[WaveBrief]
    channel_counts: ChannelCounts
    first_steps: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class OverviewMore:
    """The rest of the overview: channels, work, pools, sources and videos, activity, the last days. All of it is cut."""

    channels: list[ChannelReport]
    running_jobs: list[Job]
    recent_jobs: list[Job]
    sources: list[Source]
    videos: dict[str, int]
    recent_videos: list[Video]
    pools: list[PoolReport]
    activity: list[Activity]
    statistics: StatisticsReport


@dataclass(frozen=True, slots=True)
class Dashboard:
    """Everything the overview shows, each part cut; `version` changes when any of it does."""

    version: str
    status: SystemReport
    verdict: Verdict
    needs: list[Need]
    needs_left: int
    problems: list[dict[str, Any]]
    upcoming: list[Schedule]
    waves: list[WaveBrief]
    channel_counts: ChannelCounts
    first_steps: list[dict[str, Any]]
    channels: list[ChannelReport]
    running_jobs: list[Job]
    recent_jobs: list[Job]
    sources: list[Source]
    videos: dict[str, int]
    recent_videos: list[Video]
    pools: list[PoolReport]
    activity: list[Activity]
    statistics: StatisticsReport
