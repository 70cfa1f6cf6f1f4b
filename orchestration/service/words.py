"""What publications say: read it with where each field came from, and change it for one, for a wave, or for many."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from django.db import transaction

from orchestration.core.permissions import action
from orchestration.github import configuration
from orchestration.pipeline import edit_words
from orchestration.scheduling import words_sheet, words_table
from orchestration.service.base import Door
from orchestration.words.answers import (
    ChannelWordsPreview,
    PublicationWords,
    Subject,
    SubjectWords,
    WordsEdit,
    WordsPreview,
    WordsResult,
)
from orchestration.words.values import Value


class Words(Door):
    """What publications say."""

    @action("read")
    def get_words(self, *, subject: str, subject_id: int, few: int = words_table.FEW) -> SubjectWords:
        """Show what a channel, video, wave or publication says itself, and how some of its publications look by it."""
        return words_table.of_subject(subject, subject_id, few=few)

    @action("read")
    def list_words(self, *, distribution_ids: Sequence[int]) -> list[PublicationWords]:
        """Show publications with their words, and where each field came from."""
        return words_table.publications(distribution_ids)

    @action("read")
    def preview_words(
        self, *, subject: str, subject_id: int, words: Mapping[str, Value], few: int = words_table.FEW
    ) -> WordsPreview:
        """Show how some publications of a subject would look by a change that is not made."""
        return words_table.preview(subject, subject_id, words, few=few)

    @action("read")
    def preview_channel_words(
        self, *, channel_id: int, words: Mapping[str, Value], video_id: int | None = None
    ) -> ChannelWordsPreview:
        """Show how a real video, a recent one if none is named, would look on a channel by words that are not saved."""
        return words_table.preview_channel(channel_id, words, video_id)

    @action("schedule")
    def edit_words(
        self,
        *,
        edits: Sequence[WordsEdit],
        dry_run: bool = False,
        accept_problems: bool = False,
        reason: str = "",
    ) -> WordsResult:
        """Change what subjects say, all together or not at all; a dry run shows what would change.

        A publication that is on YouTube is edited there, by one budgeted call.
        """
        of_channels = sorted({edit.id for edit in edits if edit.subject == Subject.CHANNEL})
        with transaction.atomic():
            result = edit_words.edit(edits, dry_run=dry_run, accept_problems=accept_problems, reason=reason)
            if of_channels and not dry_run:
                configuration.write_down(of_channels)
        return result

    @action("read")
    def export_words(
        self, *, distribution_ids: Sequence[int] = (), video_ids: Sequence[int] = ()
    ) -> Iterator[str]:
        """Yield the lines of a table (CSV) of what these publications and videos say themselves."""
        return words_sheet.export(distribution_ids, video_ids)

    @action("schedule")
    def import_words(
        self, *, content: bytes, dry_run: bool = False, accept_problems: bool = False, reason: str = ""
    ) -> WordsResult:
        """Change what a table (CSV) says otherwise than now; whole or not at all, faults named by line and column."""
        return edit_words.load(content, dry_run=dry_run, accept_problems=accept_problems, reason=reason)
