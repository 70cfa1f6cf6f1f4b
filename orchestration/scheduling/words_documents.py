"""Read and write the documents of words that channels, videos, waves and publications carry, each under its name."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final, TypeAlias

from channels.models import Channel
from orchestration.core import lookup
from orchestration.models import Attachment, Distribution, Job, Video, Wave
from orchestration.states import AttachmentKind, DistributionState, JobKind, JobState
from orchestration.words import checks, placeholders
from orchestration.words.answers import Subject
from orchestration.words.checks import WordsWrong
from orchestration.words.fields import COLUMNS, FIELDS, LayerName

Row: TypeAlias = Channel | Video | Wave | Distribution

MODELS: Final[dict[Subject, type[Row]]] = {
    Subject.CHANNEL: Channel,
    Subject.VIDEO: Video,
    Subject.WAVE: Wave,
    Subject.PUBLICATION: Distribution,
}
COLUMN_OF: Final = {
    name: f"{name}_template" if name in {"title", "description"} else name
    for name in FIELDS
    if name in COLUMNS
}
"""A channel's columns by the field that they say."""
UNSAID: Final[dict[str, Any]] = {
    "title": "{title}",
    "description": "{description}",
    "tags": [],
    "category_id": "22",
    "language": "",
    "made_for_kids": False,
    "notify_subscribers": True,
}
"""What a channel's column holds where the channel says nothing of its own."""
TITLE_TEMPLATE_CHARACTERS: Final = 200


def rows_of(subject: Subject, ids: Iterable[int], *, lock: bool) -> dict[int, Row]:
    """Return the rows of a kind by their ids, in the order of their ids. Raises: NotFound."""
    model, wanted = MODELS[subject], set(ids)
    rows: Any = model._default_manager.filter(pk__in=wanted).order_by("pk")
    if lock:
        rows = rows.locked()
    if subject == Subject.PUBLICATION:
        rows = rows.select_related("video", "channel")  # by which it is named
    found = {row.pk: row for row in rows}
    lookup.check_found(model, wanted, found, field=f"{subject}_id")
    return found


def document_of(row: Row) -> dict[str, Any]:
    """Return what a row says itself; a channel's columns count where they say anything."""
    said: dict[str, Any] = dict(row.words or {})
    if isinstance(row, Channel):
        columns = {name: getattr(row, column) for name, column in COLUMN_OF.items()}
        said |= {name: value for name, value in columns.items() if value != UNSAID[name]}
    return {name: said[name] for name in FIELDS if name in said}


def write(row: Row, document: Mapping[str, Any]) -> list[str]:
    """Put a document into a row that is not saved yet; returns the columns that hold it."""
    if not isinstance(row, Channel):
        row.words = dict(document)
        return ["words"]
    for name, column in COLUMN_OF.items():
        setattr(row, column, document.get(name, UNSAID[name]))
    row.words = {name: value for name, value in document.items() if name not in COLUMNS}
    return [*COLUMN_OF.values(), "words"]


def merged(document: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return a document with changes in it: None takes a field out, `fields.NAME` means one own field."""
    new = dict(document)
    own = dict(new.get("fields") or {})
    for name, value in changes.items():
        if name.startswith("fields."):
            own.pop(name[7:], None) if value is None else own.update({name[7:]: value})
        elif name == "fields":
            own = dict(value) if isinstance(value, Mapping) else value
        elif value is None:
            new.pop(name, None)
        else:
            new[name] = value
    if own:
        new["fields"] = own
    else:
        new.pop("fields", None)
    return new


def checked(subject: Subject, document: Mapping[str, Any], own: Collection[str]) -> dict[str, Any]:
    """Return a subject's whole document as it is kept. Raises: WordsWrong."""
    if subject != Subject.CHANNEL:
        return checks.check(document, LayerName(subject), own=own)
    faults: dict[str, str] = {}
    kept: dict[str, Any] = {}
    try:
        kept = checks.check({n: v for n, v in document.items() if n not in COLUMNS}, LayerName.CHANNEL)
    except WordsWrong as wrong:
        faults |= wrong.faults
    known = set(
        document.get("fields") or ()
    )  # its own alone: what a template asks for, each publication must have
    for name in COLUMN_OF:
        if name not in document:
            continue
        try:
            kept[name] = checks.check_value(name, document[name], own=known)
        except WordsWrong as wrong:
            faults |= wrong.faults
    if len(str(kept.get("title", ""))) > TITLE_TEMPLATE_CHARACTERS:
        faults["title"] = f"has {len(kept['title'])} of at most {TITLE_TEMPLATE_CHARACTERS} characters"
    if faults:
        raise WordsWrong(faults)
    return {name: kept[name] for name in FIELDS if name in kept and kept[name] != UNSAID.get(name)}


def asks_for_own(document: Mapping[str, Any]) -> bool:
    """Return whether a text of a document has a placeholder that is not built in."""
    for name in ("title", "description"):
        try:
            if placeholders.names_in(str(document.get(name) or "")) - set(placeholders.BUILT_IN):
                return True
        except placeholders.PlaceholderWrong:
            continue
    return False


def own_names(documents: Iterable[Mapping[str, Any]]) -> set[str]:
    """Return the names of own fields that channels, and these documents, have."""
    said = [*Channel.objects.exclude(words={}).values_list("words", flat=True), *documents]
    return {name for document in said for name in (document or {}).get("fields") or ()}


def attachment_faults(
    row: Row, document: Mapping[str, Any], known: Mapping[int, tuple[int, str]]
) -> dict[str, str]:
    """Return what is wrong with the attachments that a document names: they have to be its video's, and of their kind."""
    video_id = row.pk if isinstance(row, Video) else row.video_id if isinstance(row, Distribution) else None
    faults = {}
    named = {"picture": [document.get("picture")], "subtitles": document.get("subtitles") or []}
    for name, kind in (("picture", AttachmentKind.PICTURE), ("subtitles", AttachmentKind.SUBTITLES)):
        for pk in named[name]:
            if isinstance(pk, int) and known.get(pk) != (video_id, str(kind)):
                what = "picture" if kind == AttachmentKind.PICTURE else "subtitles"
                faults[name] = f"{pk} is the id of no {what} of video {video_id}"
    return faults


def attachments_in(documents: Iterable[Mapping[str, Any]]) -> dict[int, tuple[int, str]]:
    """Return video and kind of each attachment that documents name."""
    ids: set[int] = set()
    for document in documents:
        wanted = [document.get("picture"), *(document.get("subtitles") or [])]
        ids |= {pk for pk in wanted if isinstance(pk, int)}
    rows = Attachment.objects.filter(pk__in=ids) if ids else Attachment.objects.none()
    return {pk: (video_id, kind) for pk, video_id, kind in rows.values_list("pk", "video_id", "kind")}


def being_staged(distribution_ids: Iterable[int]) -> set[int]:
    """Return which publications are being uploaded at this moment, by their words as they were when it began."""
    asked = set(distribution_ids)
    if not asked:
        return set()
    running = Job.objects.filter(kind=JobKind.STAGE, state=JobState.RUNNING)
    found = running.filter(distribution__in=asked).values_list("distribution_id", flat=True)
    return {pk for pk in found if pk is not None}


def why_not_here(row: Distribution, running: Collection[int]) -> str:
    """Return why a publication's own words cannot be edited as a row; empty if they can."""
    if row.youtube_video_id:
        return f"it is on YouTube and {row.get_state_display()}, so its words are left as they are"
    if row.pk in running:
        return "it is being uploaded at this moment; edit it once it is staged"
    return ""


def why_locked(row: Distribution, running: Collection[int]) -> str:
    """Return why a publication's own words cannot be edited, as a row or by a call to YouTube; empty if they can."""
    is_there = bool(row.youtube_video_id) and row.state in {
        DistributionState.STAGED,
        DistributionState.PUBLISHED,
    }
    return "" if is_there else why_not_here(row, running)
