"""Read one publication with all that its page shows, each table once."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Q

from orchestration.core import lookup
from orchestration.models import Activity, Conflict, Job, Schedule
from orchestration.monitoring import publication_why
from orchestration.pipeline import word_edits
from orchestration.planning.why import PublicationWhy
from orchestration.results.words_outside import WordsOutside
from orchestration.scheduling import words_table
from orchestration.states import JobKind, JobState
from orchestration.words.answers import SubjectWords

MOST_JOBS, MOST_ENTRIES, MOST_CONFLICTS = 20, 15, 10


@dataclass(frozen=True, slots=True)
class PublicationPage:
    """A publication, why it is late or not public, its words, and the latest of what was done and written down."""

    schedule: Schedule
    why: PublicationWhy
    words: SubjectWords
    words_outside: WordsOutside
    jobs: list[Job]
    entries: list[Activity]
    conflicts: list[Conflict]


def read(schedule_id: int) -> PublicationPage:
    """Return a publication as its page shows it, in a fixed number of statements. Raises: NotFound."""
    rows = publication_why.with_what_it_needs(Schedule.objects.all())
    row = lookup.one(rows.select_related("distribution__wave"), schedule_id, field="schedule_id")
    distribution = row.distribution
    distribution.channel = row.channel  # a plan and what it plans are of one channel
    jobs = _jobs(row)
    own = [job for job in jobs if job.schedule_id == row.pk]
    entries = publication_why.entries_of(row)
    conflicts = publication_why.conflicts_of(row)
    is_staged_now = any(job.kind == JobKind.STAGE and job.state == JobState.RUNNING for job in jobs)
    edit = next((job for job in jobs if job.kind == JobKind.EDIT), None)
    return PublicationPage(
        schedule=row,
        why=publication_why.why(row, own, entries, conflicts),
        words=words_table.of_publication(distribution, {distribution.pk} if is_staged_now else set()),
        words_outside=word_edits.shown(distribution, edit),
        jobs=own[:MOST_JOBS],
        entries=entries[: -MOST_ENTRIES - 1 : -1],
        conflicts=conflicts[:MOST_CONFLICTS],
    )


def _jobs(row: Schedule) -> list[Job]:
    """Return the newest jobs of a plan and of what it plans, which edits of words belong to alone."""
    rows = Job.objects.filter(Q(schedule=row) | Q(distribution=row.distribution_id))
    return list(rows.select_related("channel", "blocked_on").order_by("-pk")[: publication_why.MOST])
