"""List the commands about words of what lies on YouTube already."""

import argparse
import json
from typing import Any

from orchestration.api.schemas import words_outside as schemas
from orchestration.cli import arguments
from orchestration.cli.command import Command, reason
from orchestration.cli.words import words_given
from orchestration.pipeline.word_edits import WAYS
from orchestration.results.words_outside import WordsOutside, WordsOutsideEdit


def _id_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", type=arguments.row_id, help="id of the distribution")


def _set_options(parser: argparse.ArgumentParser) -> None:
    _id_options(parser)
    parser.add_argument(
        "words", nargs="+", metavar="FIELD=VALUE", help="title=Dawn; FIELD= alone says nothing any more"
    )
    parser.add_argument("--dry-run", action="store_true", help="show what would change and what it costs")
    arguments.add_reason(parser)


def _settle_options(parser: argparse.ArgumentParser) -> None:
    _id_options(parser)
    parser.add_argument(
        "--way",
        required=True,
        choices=list(WAYS),
        help="take_theirs lets what YouTube shows hold, put_ours_back writes ours again",
    )
    arguments.add_reason(parser)


def _retry_options(parser: argparse.ArgumentParser) -> None:
    _id_options(parser)
    arguments.add_reason(parser)


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)[:120]


def _shown(row: WordsOutside) -> list[str]:
    lines = [
        f"distribution {row.distribution_id}, video {row.youtube_video_id or '–'}, seen {row.seen_at or 'never'}"
    ]
    for field in row.fields:
        mark = "  CHANGED THERE" if field.is_changed_elsewhere else ""
        wanted = f", wanted {_text(field.wanted)}" if field.is_wanted else ""
        lines.append(f"    {field.field}: {_text(field.seen)}, ours {_text(field.last_set)}{wanted}{mark}")
    lines += [f"    {extra.label}: {extra.state} {extra.message}".rstrip() for extra in row.extras]
    if row.job_id:
        lines.append(f"    job {row.job_id}: {row.job_state} {row.job_message}".rstrip())
    return lines


def _edited(row: WordsOutsideEdit) -> list[str]:
    lines = [f"{field.field}: {_text(field.last_set)} -> {_text(field.wanted)}" for field in row.fields]
    lines += [*row.extras, *(f"note: {note}" for note in row.notes)]
    free = f"{row.units} units; {row.units_free} are free today" + (
        "" if row.fits_now else f", more at {row.resets_at:%H:%M} UTC"
    )
    if row.waits_for:
        lines.append(row.waits_for)
    done = (
        "would be changed"
        if row.dry_run
        else f"queued as job {row.job_id}"
        if row.job_id
        else "nothing to do"
    )
    return [*lines, f"{done}: {free}."]


WORDS_ON_YOUTUBE = (
    Command(
        "words-youtube",
        "show what YouTube has of a publication's words",
        lambda s, o: s.get_words_on_youtube(distribution_id=o.id),
        schemas.WordsOutsideOut,
        _shown,
        _id_options,
    ),
    Command(
        "words-youtube-set",
        "change words of what is staged or public, by one call that keeps the others",
        lambda s, o: s.edit_publication_words(
            distribution_id=o.id, words=words_given(o.words), dry_run=o.dry_run, reason=reason(o)
        ),
        schemas.WordsOutsideEditOut,
        _edited,
        _set_options,
    ),
    Command(
        "words-youtube-settle",
        "settle words that somebody changed on YouTube",
        lambda s, o: s.settle_publication_words(distribution_id=o.id, way=o.way, reason=reason(o)),
        schemas.WordsOutsideOut,
        _shown,
        _settle_options,
    ),
    Command(
        "words-youtube-retry",
        "have picture, playlists and subtitles tried again that YouTube did not take",
        lambda s, o: s.retry_publication_extras(distribution_id=o.id, reason=reason(o)),
        schemas.WordsOutsideOut,
        _shown,
        _retry_options,
    ),
)
