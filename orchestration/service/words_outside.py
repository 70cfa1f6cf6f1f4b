"""Words of what lies on YouTube already: show them, edit them, settle what was changed there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestration.core.permissions import action
from orchestration.pipeline import word_edits
from orchestration.results.words_outside import WordsOutside, WordsOutsideEdit
from orchestration.service.base import Door


class WordsOnYouTube(Door):
    """Words of what lies on YouTube already."""

    @action("read")
    def get_words_on_youtube(self, *, distribution_id: int) -> WordsOutside:
        """Show what YouTube has of a publication's words, what we set, and what is still to be brought there."""
        return word_edits.show(distribution_id)

    @action("schedule")
    def edit_publication_words(
        self, *, distribution_id: int, words: Mapping[str, Any], dry_run: bool = False, reason: str = ""
    ) -> WordsOutsideEdit:
        """Change words of what is staged or public, keeping all others; a dry run tells the units and what is free."""
        return word_edits.edit(distribution_id, words, dry_run=dry_run, reason=reason)

    @action("schedule")
    def settle_publication_words(self, *, distribution_id: int, way: str, reason: str = "") -> WordsOutside:
        """Settle words that somebody changed on YouTube: `take_theirs`, or `put_ours_back`."""
        return word_edits.settle(distribution_id, way, reason)

    @action("operate")
    def retry_publication_extras(self, *, distribution_id: int, reason: str = "") -> WordsOutside:
        """Have what YouTube did not take of picture, playlists and subtitles tried again now."""
        return word_edits.retry_extras(distribution_id, reason)
