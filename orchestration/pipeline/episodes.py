"""Know an episode again when its source is read anew: by its id, else by its address and title."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from django.db.models import Q

from orchestration import media
from orchestration.core import audit
from orchestration.media.identity import (
    address_key,
    identity_of_address,
    identity_of_guid,
    stable_address,
)
from orchestration.models import Source, Video

AT_ONCE = 300
"""Episodes asked for in one query; a database takes only so many parameters."""
TITLE_CHARACTERS = 300

Row = TypeVar("Row")
Found = Sequence[tuple[media.FoundItem, Video | None]]


@dataclass(frozen=True, slots=True)
class Kept:
    """What became of the items of a reading: the rows made (ids), and how many were known, renewed and moved."""

    made: list[int]
    known: int
    renewed: int
    moved: int


def keep(found: Found, source: Source) -> Kept:
    """Write down the new ones among what a source offers, and take over the addresses of the others; in a transaction.

    A video keeps its identity whatever its address becomes. Two readings at the same moment make one row of an item.
    """
    known = {video.pk for _, video in found if video is not None}
    new = [video_from(item, source) for item, video in found if video is None]
    Video.objects.bulk_create(new, ignore_conflicts=True, batch_size=AT_ONCE)
    made: list[int] = []
    for some in _batches([video.identity for video in new]):
        rows = Video.objects.filter(identity__in=some, source=source).exclude(pk__in=known)
        made += rows.order_by("pk").values_list("pk", flat=True)
    renewed, moved = take_over(found, source)
    return Kept(made=made, known=len(known), renewed=renewed, moved=moved)


def video_from(item: media.FoundItem, source: Source | None) -> Video:
    """Return an unsaved video of what a source says about an item."""
    return Video(
        source=source,
        url=item.url,
        canonical_url=item.canonical_url,
        identity=_identity(item, source),
        external_id=item.external_id,
        title=item.title[:TITLE_CHARACTERS],
        description=item.description,
        tags=list(item.tags),
        language=(item.language or (source.language if source else "") or "")[:20],
        view_count=item.view_count,
        source_published_at=item.published_at,
        duration_seconds=item.duration_seconds,
        width=item.width,
        height=item.height,
    )


def recognise(items: Iterable[media.FoundItem], source: Source) -> Found:
    """Return the items of one reading, each with the video that it is, or None for a new one; no video stands twice.

    First by the id that the source gives it, then by its very address, then by its title and what stays the same of its
    address. An id that comes twice in the reading, and one that now means another title at another address and date, is
    no id.
    """
    items = list(each_once(items))
    rows = _candidates(items, source)
    found: dict[int, Video] = {}
    taken: set[int] = set()

    def is_it(number: int, video: Video) -> None:
        found[number] = video
        taken.add(video.pk)

    by_id: dict[str, Video] = {}
    for row in rows:
        if row.source_id == source.pk:
            by_id[row.identity] = row
    for row in rows:
        if row.source_id == source.pk and row.external_id:
            by_id[identity_of_guid(source.canonical_url, row.external_id)] = row
    for number, item in enumerate(items):
        known = by_id.get(_identity(item, source)) if item.external_id else None
        if known is None or known.pk in taken:
            continue
        if _is_another(item, known):
            items[number] = replace(item, external_id="")
        else:
            is_it(number, known)

    by_address: dict[str, list[Video]] = {}
    by_key: dict[str, list[Video]] = {}
    for row in rows:
        for identity in {row.identity, identity_of_address(row.canonical_url)}:
            by_address.setdefault(identity, []).append(row)
        by_key.setdefault(row.address_key, []).append(row)
    keys = [address_key(item.canonical_url) for item in items]
    alike = Counter((key, _words(item.title)) for key, item in zip(keys, items, strict=True))
    for number, item in enumerate(items):
        if number not in found:
            for row in by_address.get(identity_of_address(item.canonical_url), ()):
                if row.pk not in taken and not _tells_apart(item, row, source):
                    is_it(number, row)
                    break
    for number, item in enumerate(items):
        if number not in found and alike[keys[number], _words(item.title)] == 1:
            for row in by_key.get(keys[number], ()):
                same_title = _words(item.title) == _words(row.title)
                if row.pk not in taken and same_title and not _tells_apart(item, row, source):
                    is_it(number, row)
                    break
    return [(item, found.get(number)) for number, item in enumerate(items)]


def take_over(found: Found, source: Source) -> tuple[int, int]:
    """Take over the present addresses of known videos of this source; returns how many were renewed, and how many moved.

    Renewed is what differs by a signature, a token or the like. What moved is recorded, without what may be secret in
    an address. A title or a description that was missing is taken along. Call it in a transaction.
    """
    changed, renewed, moved = [], 0, []
    used = {row.external_id for _, row in found if row is not None and row.external_id}
    for item, row in found:
        if row is None or row.source_id != source.pk:
            continue
        is_changed = False
        if item.url != row.url:
            was, is_now = stable_address(row.canonical_url), stable_address(item.canonical_url)
            if was == is_now and row.canonical_url.partition(":")[0] == item.canonical_url.partition(":")[0]:
                renewed += 1
            else:
                moved.append((row.pk, row.canonical_url, item.canonical_url))
            row.url, row.canonical_url = item.url, item.canonical_url
            row.address_key = address_key(item.canonical_url)
            is_changed = True
        if item.external_id and item.external_id != row.external_id and item.external_id not in used:
            row.external_id, is_changed = item.external_id, True
            used.add(item.external_id)
        for name, value in (("title", item.title[:TITLE_CHARACTERS]), ("description", item.description)):
            if value and not getattr(row, name):
                setattr(row, name, value)
                is_changed = True
        if is_changed:
            changed.append(row)
    Video.objects.bulk_update(
        changed,
        ["url", "canonical_url", "address_key", "external_id", "title", "description"],
        batch_size=100,
    )
    if moved:
        _, was, is_now = moved[0]
        audit.record(
            "video_addresses_taken_over",
            source,
            before={"address": _shown(was)},
            after={"address": _shown(is_now), "videos": len(moved)},
            reason="known again by what the source calls them, or by their titles",
            members={"video": [pk for pk, _, _ in moved]},
        )
    return renewed, len(moved)


def _identity(item: media.FoundItem, source: Source | None) -> str:
    if source is not None and item.external_id:
        return identity_of_guid(source.canonical_url, item.external_id)
    return identity_of_address(item.canonical_url)


def each_once(items: Iterable[media.FoundItem]) -> Iterator[media.FoundItem]:
    """Give each item of a whole reading once, and without an id that other items of it share."""
    items = list(dict.fromkeys(items))
    addresses: dict[str, set[str]] = {}
    for item in items:
        addresses.setdefault(item.external_id, set()).add(address_key(item.canonical_url))
    seen: dict[str, list[media.FoundItem]] = {}
    ids: set[str] = set()
    for item in items:
        if len(addresses[item.external_id]) > 1:
            item = replace(item, external_id="")
        others = seen.setdefault(item.canonical_url, [])
        if any(not _are_two(item, other) for other in others) or (
            item.external_id and item.external_id in ids
        ):
            continue
        others.append(item)
        ids.add(item.external_id)
        yield item


def _are_two(item: media.FoundItem, other: media.FoundItem) -> bool:
    """Return whether two items at one address are two episodes: the source tells them apart by id and by title."""
    return (
        bool(item.external_id and other.external_id)
        and item.external_id != other.external_id
        and _words(item.title) != _words(other.title)
    )


def _candidates(items: Sequence[media.FoundItem], source: Source) -> list[Video]:
    """Return the videos that these items may be, each once."""
    rows: dict[int, Video] = {}
    names = ("url", "canonical_url", "identity", "address_key", "external_id", "title", "description")
    for some in _batches(items):
        ids = [item.external_id for item in some if item.external_id]
        identities = {_identity(item, source) for item in some}
        identities |= {identity_of_address(item.canonical_url) for item in some}
        wanted = Q(identity__in=identities) | Q(
            address_key__in={address_key(item.canonical_url) for item in some}
        )
        if ids:
            wanted |= Q(source=source, external_id__in=ids)
        for row in Video.objects.filter(wanted).only(*names, "source_id", "source_published_at"):
            rows.setdefault(row.pk, row)
    return [rows[pk] for pk in sorted(rows)]


def _is_another(item: media.FoundItem, row: Video) -> bool:
    """Return whether a known id now means another episode: feeds of one entry may give each the same one."""
    return (
        item.published_at is not None
        and row.source_published_at is not None
        and item.published_at != row.source_published_at
        and _words(item.title) != _words(row.title)
        and address_key(item.canonical_url) != row.address_key
    )


def _tells_apart(item: media.FoundItem, row: Video, source: Source) -> bool:
    """Return whether the source gives another id to what stands at a known address, and it is not the same episode.

    A publisher who moves to another system gives new ids to old episodes: title and date stay then.
    """
    if row.source_id != source.pk or not item.external_id or not row.external_id:
        return False
    if item.external_id == row.external_id:
        return False
    dates_differ = (
        item.published_at is not None
        and row.source_published_at is not None
        and item.published_at != row.source_published_at
    )
    return dates_differ or _words(item.title) != _words(row.title)


def _words(title: str) -> str:
    return " ".join(title[:TITLE_CHARACTERS].casefold().split())


def _shown(address: str) -> str:
    """Return an address as it may stand in the log: without what may be a secret in it."""
    return f"{address.partition(':')[0]}:{stable_address(address)}"[:300]


def _batches(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    for begin in range(0, len(rows), AT_ONCE):
        yield rows[begin : begin + AT_ONCE]
