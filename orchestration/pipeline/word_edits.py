"""What a person does to the words of an upload: edit them, settle what was changed on YouTube, have extras tried again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from django.db import transaction
from django.utils import timezone

from channels.quota import QUOTA_COST, pacific_day, pacific_day_bounds
from orchestration.core import audit, lookup
from orchestration.core.transitions import transition
from orchestration.errors import IllegalTransition, InvalidRequest
from orchestration.models import Attachment, Distribution, Job, Pool
from orchestration.pipeline import words_kept, words_outside
from orchestration.queue import pools
from orchestration.queue.pool_names import UNITS
from orchestration.results.words_outside import ExtraOutside, FieldOutsideNow, WordsOutside, WordsOutsideEdit
from orchestration.scheduling import publication_words
from orchestration.states import JobKind, JobState
from orchestration.words import checks, outside
from orchestration.words.fields import LayerName
from orchestration.words.resolving import Resolved

TAKE_THEIRS, PUT_OURS_BACK = "take_theirs", "put_ours_back"
WAYS = (TAKE_THEIRS, PUT_OURS_BACK)
ONLY_AT_UPLOAD = "notify_subscribers"


def edit(
    distribution_id: int, words: Mapping[str, Any], *, dry_run: bool = False, reason: str = ""
) -> WordsOutsideEdit:
    """Say other words of what lies on YouTube already, and have them written there by one call that keeps all others.

    `words` is sparse, as this publication alone says them; None gives a field back to the weaker layers. A dry run tells
    what would change, its units, and whether the budget has them now.

    Raises: NotFound; InvalidRequest (field); WordsRefused, where a limit would be broken; IllegalTransition, where nothing
    is uploaded, or what is there needs review first.
    """
    lookup.one(Distribution, distribution_id, field="distribution_id")
    with transaction.atomic():
        row = _locked(distribution_id, reads_only=dry_run)
        _require_uploaded(row)
        document = _merged(row, words)
        before = publication_words.resolve_members([publication_words.member_of(row)])[0]
        member = replace(publication_words.member_of(row), words=document)
        after = publication_words.require(publication_words.resolve_members([member])[0])
        wanted, extras, notes = _to_bring(row, before, after, set(words))
        result = _preview(row, wanted, extras, notes, dry_run=dry_run)
        if dry_run:
            return result
        was = {name: row.words.get(name) for name in words}
        words_kept.changed(row, "words", document)
        audit.record(
            "words_changed",
            row,
            before=was,
            after={name: document.get(name) for name in words},
            reason=reason,
        )
        if not wanted and not _extras_changed(row, extras):
            return result
        kept = {name: value for name, value in words_kept.wanted_words(row).items() if name not in words}
        words_kept.changed(row, "words_wanted", {"words": {**kept, **wanted}, "extras": extras})
        _forget_faults(row)
        job = words_outside.enqueue(row, reason or "its words were edited", priority=6)
    return replace(result, job_id=job.pk)


def settle(distribution_id: int, way: str, reason: str = "") -> WordsOutside:
    """Settle words that somebody changed on YouTube, as the last look showed them.

    `take_theirs`: what is there holds, and this publication says so from now on. `put_ours_back`: ours is written again.
    Raises: NotFound, InvalidRequest (the way), IllegalTransition (nobody changed them).
    """
    if way not in WAYS:
        raise InvalidRequest(f"way {way!r} is not one of {', '.join(WAYS)}.", field="way")
    lookup.one(Distribution, distribution_id, field="distribution_id")
    with transaction.atomic():
        row = _locked(distribution_id)
        _require_uploaded(row)
        fields = changed_fields(row)
        if not fields:
            raise IllegalTransition(
                "Nobody changed its words on YouTube, as far as was seen.", state=row.state
            )
        seen, ours = row.last_seen["words"], row.words_set["words"]
        why = reason or ("what is on YouTube holds" if way == TAKE_THEIRS else "ours is written again")
        kept = {**row.words_set, "words": {**ours, **{name: seen[name] for name in fields}}}
        words_kept.changed(row, "words_set", kept)
        wanted = words_kept.wanted_words(row)
        if way == TAKE_THEIRS:
            wanted = {name: value for name, value in wanted.items() if name not in fields}
            words_kept.changed(row, "words", _with_theirs(row, {name: seen[name] for name in fields}))
        else:
            wanted = {**{name: ours[name] for name in fields}, **wanted}
        words_kept.changed(row, "words_wanted", {**row.words_wanted, "words": wanted})
        audit.record(
            "words_settled",
            row,
            before={name: ours.get(name) for name in fields},
            after={name: seen.get(name) if way == TAKE_THEIRS else wanted.get(name) for name in fields},
            reason=f"{way}: {why}",
        )
        _close_reviews(row, why)
        if wanted or words_kept.pending_extras(row):
            words_outside.enqueue(row, why, priority=6)
        return show(distribution_id)


def retry_extras(distribution_id: int, reason: str = "") -> WordsOutside:
    """Have what YouTube did not take of a publication's extras tried again now. Raises: NotFound, IllegalTransition."""
    lookup.one(Distribution, distribution_id, field="distribution_id")
    with transaction.atomic():
        row = _locked(distribution_id)
        _require_uploaded(row)
        if not row.word_faults and not words_kept.wanted_words(row):
            raise IllegalTransition("Nothing of its words is left to be tried again.", state=row.state)
        audit.record("extras_retried", row, before=row.word_faults, after={}, reason=reason)
        words_kept.changed(row, "word_faults", {})
        words_outside.enqueue(row, reason or "tried again as asked", priority=6)
        return show(distribution_id)


# -- what is shown -----------------------------------------------------------------------------------------


def show(distribution_id: int) -> WordsOutside:
    """Return what YouTube has of a publication's words, what we set, and what is still wanted. Raises: NotFound."""
    rows = Distribution.objects.select_related("schedule")
    row = lookup.one(rows, distribution_id, field="distribution_id")
    return shown(row, Job.objects.filter(distribution=row, kind=JobKind.EDIT).order_by("-pk").first())


def shown(row: Distribution, job: Job | None) -> WordsOutside:
    """Return the same of a publication that was read with its plan, and of the newest edit of its words, if there is one."""
    seen, ours = row.last_seen.get("words", {}), row.words_set.get("words", {})
    wanted, changed = words_kept.wanted_words(row), changed_fields(row)
    fields = [
        FieldOutsideNow(
            field=name,
            last_set=ours.get(name),
            seen=seen.get(name),
            wanted=wanted.get(name),
            is_wanted=name in wanted,
            is_changed_elsewhere=name in changed,
        )
        for name in outside.COMPARED
        if name in ours or name in seen or name in wanted
    ]
    return WordsOutside(
        distribution_id=row.pk,
        youtube_video_id=row.youtube_video_id or "",
        seen_at=row.last_seen.get("at"),
        fields=fields,
        extras=_shown_extras(row),
        job_id=job.pk if job is not None else None,
        job_state=job.state if job is not None else "",
        job_message=(job.error_message or job.progress_note) if job is not None else "",
        may_edit=_is_editable(row),
    )


def changed_fields(row: Distribution) -> list[str]:
    """Return the fields that YouTube showed, at the last look, otherwise than we ever set them."""
    seen = row.last_seen.get("words", {})
    return outside.differing(row.words_set.get("words", {}), words_kept.tried(row), seen)


def _shown_extras(row: Distribution) -> list[ExtraOutside]:
    done, faults = row.words_set.get("extras", {}), row.word_faults
    shown = []
    for key, value in words_kept.wanted_extras(row).items():
        fault = faults.get(key, {})
        is_done = done.get(key, {}).get("value") == value
        shown.append(
            ExtraOutside(
                key=key,
                label=_label(key, value),
                state="set" if is_done else "given_up" if fault.get("given_up") else "waiting",
                code=fault.get("code", ""),
                message=fault.get("message", ""),
                next_at=fault.get("next_at"),
            )
        )
    return shown


def _label(key: str, value: Any) -> str:
    kind, _, rest = key.partition(":")
    if kind == "picture":
        return "Picture of its source" if value == words_outside.SOURCE_PICTURE else f"Picture {value}"
    return f"{'Playlist' if kind == 'playlist' else 'Subtitles'} {rest}"


# -- inside ------------------------------------------------------------------------------------------------


def _locked(distribution_id: int, *, reads_only: bool = False) -> Distribution:
    """Return a distribution with all that its words are read from, itself under lock unless it is only read."""
    if not reads_only:
        Distribution.objects.locked().get(pk=distribution_id)
    (row,) = publication_words.with_words([distribution_id])
    return row


def _is_editable(row: Distribution) -> bool:
    return bool(row.youtube_video_id) and row.state in words_outside.EDITABLE_STATES


def _require_uploaded(row: Distribution) -> None:
    if not row.youtube_video_id:
        raise IllegalTransition(
            f"Distribution {row.pk} is {row.get_state_display()}: nothing of it is on YouTube yet, so its words are set "
            "where it is planned.",
            state=row.state,
        )
    if row.state not in words_outside.EDITABLE_STATES:
        raise IllegalTransition(
            f"Distribution {row.pk} is {row.get_state_display()}: its words on YouTube are left alone.",
            state=row.state,
        )


def _merged(row: Distribution, words: Mapping[str, Any]) -> dict[str, Any]:
    """Return the publication's document with changes. Raises: InvalidRequest, naming the first field at fault."""
    if not words:
        raise InvalidRequest("words is empty: name at least one field.", field="words")
    if ONLY_AT_UPLOAD in words:
        raise InvalidRequest(
            "notify_subscribers: subscribers are told when it is uploaded; it is too late for that.",
            field=ONLY_AT_UPLOAD,
        )
    document = {name: value for name, value in {**row.words, **words}.items() if value is not None}
    layers = (row.channel.words, row.video.words, row.wave.words if row.wave is not None else {})
    own = {name for layer in layers for name in (layer or {}).get("fields", {})}
    try:
        kept = checks.check(document, LayerName.PUBLICATION, own=own)
    except checks.WordsWrong as wrong:
        raise InvalidRequest(f"{wrong.field}: {wrong.faults[wrong.field]}.", field=wrong.field) from None
    _require_attachments(row, kept)
    return kept


def _require_attachments(row: Distribution, document: Mapping[str, Any]) -> None:
    for name, kind, ids in (
        ("picture", "picture", [document["picture"]] if document.get("picture") else []),
        ("subtitles", "subtitles", list(document.get("subtitles") or [])),
    ):
        known = set(
            Attachment.objects.filter(pk__in=ids, video=row.video_id, kind=kind).values_list("pk", flat=True)
        )
        missing = [pk for pk in ids if pk not in known]
        if missing:
            raise InvalidRequest(f"{name}: video {row.video_id} has no {kind} {missing[0]}.", field=name)


def _to_bring(
    row: Distribution, before: Resolved, after: Resolved, named: set[str]
) -> tuple[dict[str, Any], dict[str, Any], list[str]]:
    """Return the words that YouTube is to be given, the extras that it is to have, and what cannot be done there."""
    ours = row.words_set.get("words", {})
    touched = {name for name in outside.EDITABLE if name in named or before.value(name) != after.value(name)}
    wanted: dict[str, Any] = {}
    for name in outside.COMPARED:
        value = list(after.tags) if name == "tags" else after.value(name)
        is_set = name in ours and outside.plain(name, ours[name]) == outside.plain(name, value)
        if name in touched and not is_set:
            wanted[name] = value
    extras = dict(row.words_wanted.get("extras", {}))
    fresh = words_outside.extras_of(after, row)
    extras |= {name: fresh[name] for name in outside.EXTRAS if name in touched}
    notes = [
        f"{name}: what YouTube has already stays there ({', '.join(map(str, gone))}); take it off in YouTube Studio"
        for name in ("playlists", "subtitles")
        if (
            gone := [
                one
                for one in row.words_wanted.get("extras", {}).get(name, ())
                if one not in extras.get(name, ())
            ]
        )
    ]
    if row.words_wanted.get("extras", {}).get("picture") and not extras.get("picture"):
        notes.append("picture: the one that YouTube has stays; choose another one to replace it")
    return wanted, extras, notes


def _extras_changed(row: Distribution, extras: Mapping[str, Any]) -> bool:
    return {**row.words_wanted.get("extras", {})} != dict(extras)


def _preview(
    row: Distribution,
    wanted: Mapping[str, Any],
    extras: Mapping[str, Any],
    notes: list[str],
    *,
    dry_run: bool,
) -> WordsOutsideEdit:
    ours, seen = row.words_set.get("words", {}), row.last_seen.get("words", {})
    changed = changed_fields(row)
    fields = [
        FieldOutsideNow(name, ours.get(name), seen.get(name), value, True, name in changed)
        for name, value in wanted.items()
    ]
    units = units_of(row, wanted, extras)
    free, resets_at = free_units()
    return WordsOutsideEdit(
        distribution_id=row.pk,
        fields=fields,
        extras=list(_pending(row, extras)),
        units=units,
        units_free=free,
        fits_now=units <= free,
        resets_at=resets_at,
        waits_for=words_outside.waits_for(row, wanted),
        notes=notes,
        dry_run=dry_run,
    )


def _pending(row: Distribution, extras: Mapping[str, Any]) -> dict[str, Any]:
    draft = Distribution(words_wanted={"extras": dict(extras)}, words_set=row.words_set, word_faults={})
    return words_kept.pending_extras(draft)


def units_of(row: Distribution, wanted: Mapping[str, Any], extras: Mapping[str, Any]) -> int:
    """Return what bringing words and extras to YouTube costs, in units of the day's budget."""
    cost = {name: units for name, (_, units) in QUOTA_COST.items()}
    units = cost["videos"] + cost["set_words"] if wanted else 0
    kinds = [key.partition(":")[0] for key in _pending(row, extras)]
    units += kinds.count("picture") * cost["set_thumbnail"]
    units += kinds.count("playlist") * (cost["playlist_item"] + cost["add_to_playlist"])
    if "subtitles" in kinds:
        units += cost["captions"] + kinds.count("subtitles") * cost["add_captions"]
    return units


def free_units() -> tuple[int, Any]:
    """Return the units that words may still draw today, without what is kept for publishing, and when a new day begins."""
    day = pacific_day(timezone.now())
    resets_at = pacific_day_bounds(day)[1]
    pool = Pool.objects.filter(name=UNITS).first()
    if pool is None:
        return 10**6, resets_at  # no pool, no limit
    spent = pools.spent([pool], day).get(pool.pk, 0)
    return (0 if pool.paused else max(pool.capacity - pool.reserve - spent, 0)), resets_at


def _forget_faults(row: Distribution) -> None:
    pending = words_kept.wanted_extras(row)
    left = {
        key: fault for key, fault in row.word_faults.items() if key in pending and not fault.get("given_up")
    }
    words_kept.changed(row, "word_faults", left)


def _with_theirs(row: Distribution, theirs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the publication's document with what is on YouTube, as far as it can be said here; braces are text there."""
    document = dict(row.words)
    for name, value in theirs.items():
        said = value.replace("{", "{{").replace("}", "}}") if name in {"title", "description"} else value
        try:
            document |= checks.check({name: said}, LayerName.PUBLICATION)
        except checks.WordsWrong:
            document.pop(name, None)  # YouTube takes what is not said here; it stays as it is there
    return document


def _close_reviews(row: Distribution, why: str) -> None:
    for job in Job.objects.locked().filter(distribution=row, kind=JobKind.EDIT, state=JobState.NEEDS_REVIEW):
        transition(job, JobState.CANCELLED, verb="words_settled", reason=why)
