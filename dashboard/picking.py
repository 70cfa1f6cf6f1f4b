"""Pick channels and videos: what is chosen is shown as chips, what there is to choose is searched on the server.

Without JavaScript the same field takes the words that `orchestration.register.selection` reads.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django import forms
from django.db.models import Case, Count, Q, QuerySet, Value, When
from django.http import HttpRequest, QueryDict
from django.template.loader import render_to_string
from django.utils.datastructures import MultiValueDict
from django.utils.safestring import SafeString
from pydantic import ValidationError

from channels.models import Channel, ChannelGroup, Label
from channels.states import ChannelState
from dashboard.listing import id_of
from orchestration.errors import OrchestrationError
from orchestration.lists import ChannelFilters
from orchestration.models import Video
from orchestration.planning.conflicts import format_count
from orchestration.register import saved_views, selection

MOST_CHIPS = 40
"""More than these single channels are shown as one chip that stands for all of them."""
MOST_OPTIONS = 20
LONGEST_QUERY = 2000
MOST_SAVED = 500
"""A saved view of more channels than these is no set to choose."""


@dataclass(frozen=True, slots=True)
class Chip:
    """Something that is chosen: the value that is sent, and how it is called."""

    value: str
    label: str
    note: str = ""
    bad: bool = False
    single: bool = False


@dataclass(slots=True)
class Picker:
    """A field in which channels or videos are picked, as the page shows it."""

    name: str
    id: str
    what: str = "channels"
    label: str = "channels"
    chips: Sequence[Chip] = ()
    count: str = ""
    one: bool = False
    enabled: bool = False
    placeholder: str = ""
    described_by: str = ""
    fallback: Sequence[Any] = field(default_factory=tuple)

    @property
    def hint(self) -> str:
        """Return what may be typed where no script searches."""
        if self.what == "videos":
            return "ids of videos, with commas between"
        return "slugs of channels, group:SLUG, label:NAME or all, with commas between"


# --------------------------------------------------------------------------------------------------------------- chosen


def channel_chips(texts: Iterable[str]) -> list[Chip]:
    """Return what is chosen as chips, in four queries at most; a word that names nothing is a chip of its own, marked bad.

    A text of several words is one chip, and so are all single channels past the first forty.
    """
    given = [words for text in dict.fromkeys(texts) if (words := selection.split(text))]
    names = _channel_names([word for words in given for word in words][: selection.MOST_WORDS])
    chips: list[Chip] = []
    folded: list[str] = []
    singles = 0
    for words in given:
        chip = names.get(words[0]) or Chip(words[0], words[0][:60], "unknown", bad=True)
        singles += chip.single
        if len(words) > 1:
            chips.append(_folded(words, names))
        elif chip.single and singles > MOST_CHIPS:
            folded.append(words[0])
        else:
            chips.append(chip)
    return chips + ([_folded(folded, names)] if folded else [])


def _folded(words: Sequence[str], names: Mapping[str, Chip]) -> Chip:
    known = [names[word].label for word in words if word in names]
    unknown = [word for word in words if word not in names]
    if unknown:
        shown = ", ".join(unknown[:3])
        return Chip(" ".join(words), f"{len(words)} words", f"unknown: {shown}", bad=True)
    return Chip(" ".join(words), f"{len(words)} more", ", ".join(known[:3]) + ("…" if len(known) > 3 else ""))


def _channel_names(words: Sequence[str]) -> dict[str, Chip]:
    """Return the chip of each word that means something."""
    chosen = selection.trusted(words)
    groups = (
        {
            row.slug: row
            for row in ChannelGroup.objects.filter(slug__in=chosen.groups).annotate(members=Count("channels"))
        }
        if chosen.groups
        else {}
    )
    labels = (
        {
            row.name: row
            for row in Label.objects.filter(name__in=chosen.labels).annotate(members=Count("channels"))
        }
        if chosen.labels
        else {}
    )
    named: dict[str, Chip] = {}
    singles = selection.slugs_of(words)
    titles = (
        dict(Channel.objects.filter(slug__in=set(singles.values())).values_list("slug", "name"))
        if singles
        else {}
    )
    for word in words:
        one = selection.trusted([word])
        if one.everything:
            named[word] = Chip("all", "all channels")
        elif one.groups and one.groups[0] in groups:
            named[word] = group_chip(groups[one.groups[0]])
        elif one.labels and one.labels[0] in labels:
            named[word] = label_chip(labels[one.labels[0]])
        elif one.searches:
            named[word] = Chip(one.words()[0], f"all that match “{one.searches[0]}”")
        elif one.without:
            named[word] = Chip(one.words()[0], f"without {one.without[0]}")
        elif word in singles:
            slug = singles[word]
            named[word] = Chip(slug, titles.get(slug, slug), slug, single=True)
    return named


def group_chip(row: ChannelGroup) -> Chip:
    """Return the chip that stands for all in a group; `members` was counted."""
    return Chip(f"group:{row.slug}", f"all in {row.name}", str(row.members))  # type: ignore[attr-defined]


def label_chip(row: Label) -> Chip:
    """Return the chip that stands for all with a label; `members` was counted."""
    return Chip(f"label:{row.name}", f"all with {row.name}", str(row.members))  # type: ignore[attr-defined]


def count_of(texts: Iterable[str], *, enabled: bool = False) -> str:
    """Say how many channels are chosen, and how many of these are left out; what is wrong instead, if something is."""
    texts = [text for text in texts if text]
    if not texts:
        return ""
    try:
        chosen = selection.read(texts)
    except OrchestrationError as error:
        return error.message
    total = chosen.channels().count()
    if not enabled:
        return format_count(total, "channel")
    taken = chosen.channels(enabled=True).count()
    left = f"; {format_count(total - taken, 'disabled one')} left out" if total > taken else ""
    return f"{format_count(taken, 'channel')}{left}"


def video_chips(values: Iterable[str]) -> list[Chip]:
    """Return the chosen videos as chips, in one query."""
    ids = list(dict.fromkeys(pk for value in values for pk in _video_ids(value)))
    rows = Video.objects.only("pk", "title", "url", "state").in_bulk(ids)
    return [
        Chip(str(pk), str(rows[pk]), rows[pk].state)
        if pk in rows
        else Chip(str(pk), f"video {pk}", "unknown", bad=True)
        for pk in ids
    ]


def _video_ids(text: str) -> list[int]:
    found = [id_of(word) for word in selection.split(str(text))]
    return [pk for pk in found if pk is not None]


# -------------------------------------------------------------------------------------------------------------- options


@dataclass(frozen=True, slots=True)
class Options:
    """What a search offers: first what stands for many, then single ones, and how many more there are."""

    many: Sequence[Chip]
    single: Sequence[Chip]
    left: int = 0
    refusal: str = ""
    query: str = ""
    next_page: int = 0


def channel_options(
    query: str, *, enabled: bool = False, groups: bool = True, user_id: int | None = None
) -> Options:
    """Search channels, groups, labels and saved views, in ten queries at most."""
    query = query.strip()[:LONGEST_QUERY]
    words = selection.split(query)
    if len(words) > 1 or ":" in query:
        listed = _listed(query, words)
        if listed is not None:
            return listed
    rows = Channel.objects.filter(selection.matching(query)) if query else Channel.objects.all()
    if enabled:
        rows = rows.exclude(state=ChannelState.DISABLED)
    begins = Case(
        When(Q(slug__istartswith=query) | Q(name__istartswith=query), then=Value(0)), default=Value(1)
    )
    found = list(
        rows.order_by(begins, "name", "pk").only("slug", "name", "timezone", "state")[: MOST_OPTIONS + 1]
    )
    total = rows.count() if len(found) > MOST_OPTIONS else len(found)
    many: list[Chip] = []
    if groups:
        counted = ChannelGroup.objects.annotate(members=Count("channels"))
        fits = Q(name__icontains=query) | Q(slug__icontains=query)
        many += [group_chip(row) for row in counted.filter(fits)[:6]]
        tagged = Label.objects.annotate(members=Count("channels")).filter(name__icontains=query)
        many += [label_chip(row) for row in tagged.order_by("-members", "name")[:6]]
        many += _saved_sets(query, user_id)
        if query and total > 1 and '"' not in query:
            many.append(Chip(f'search:"{query}"', f"all that match “{query}”", str(total)))
    single = [
        Chip(
            row.slug,
            row.name,
            f"{row.slug} · {row.timezone}" + ("" if row.state == ChannelState.ACTIVE else f" · {row.state}"),
        )
        for row in found[:MOST_OPTIONS]
    ]
    return Options(many, single, max(total - MOST_OPTIONS, 0), query=query)


def _saved_sets(query: str, user_id: int | None) -> list[Chip]:
    """Return saved views of the list of channels as what they show now: the channels themselves, of four at most."""
    found: list[Chip] = []
    views = [row for row in saved_views.seen_by(user_id, "channels") if query.lower() in row.name.lower()]
    for row in views[:4]:
        given = dict(QueryDict(row.query).lists())
        known = {name: values for name, values in given.items() if name in ChannelFilters.model_fields}
        plain = {
            name: values[-1] if name in {"q", "slug", "executor"} else values
            for name, values in known.items()
        }
        try:
            rows = ChannelFilters.model_validate(plain).filter(Channel.objects.all())
        except ValidationError:
            continue  # what it names is gone
        slugs = list(rows.order_by("name").values_list("slug", flat=True)[: MOST_SAVED + 1])
        if 0 < len(slugs) <= MOST_SAVED:
            found.append(Chip(" ".join(slugs), f"saved: {row.name}", str(len(slugs))))
    return found


def _listed(query: str, words: Sequence[str]) -> Options | None:
    """Return the one option that a pasted list is; None where its words name nothing, so that it is a search."""
    try:
        chosen = selection.read(query)
    except OrchestrationError as error:
        if ":" in query or "," in query or len(words) > 3:
            return Options((), (), refusal=error.message, query=query)
        return None
    rows = chosen.channels()
    names = list(rows.order_by("name").values_list("name", flat=True)[:4])
    shown = ", ".join(names[:3]) + ("…" if len(names) > 3 else "")
    label = format_count(rows.count(), "channel")
    return Options((Chip(" ".join(chosen.words()), label, shown),), (), query=query)


def usable_videos(query: str = "", state: str = "", since: str = "") -> QuerySet[Video]:
    """Return the videos that a plan can take and that fit a search: in the title, the address or the source's name."""
    rows = Video.objects.usable().select_related("source")
    for word in query.split()[:8]:
        rows = rows.filter(
            Q(title__icontains=word) | Q(url__icontains=word) | Q(source__name__icontains=word)
        )
    if state:
        rows = rows.filter(state=state)
    if since:
        rows = rows.filter(created_at__date__gte=since)
    return rows.order_by("-ready_at", "-id")


def video_options(query: str, state: str, since: str, page: int) -> Options:
    """Search the videos that a plan can take, newest first, twenty a page."""
    start = (page - 1) * MOST_OPTIONS
    found = list(usable_videos(query, state, since)[start : start + MOST_OPTIONS + 1])
    more = len(found) > MOST_OPTIONS
    single = [Chip(str(row.pk), str(row), _about(row)) for row in found[:MOST_OPTIONS]]
    return Options((), single, query=query, next_page=page + 1 if more else 0)


def _about(row: Video) -> str:
    source = row.source.name if row.source else ""
    rights = row.state if row.rights_basis else "no rights"
    return " · ".join(filter(None, (source, f"{row.created_at:%Y-%m-%d}", rights)))


# --------------------------------------------------------------------------------------------------------------- fields


class PickerWidget(forms.Widget):
    """Show a picker; each chip sends a value of its own."""

    def __init__(self, *, what: str = "channels", one: bool = False, enabled: bool = False) -> None:
        super().__init__()
        self.what, self.one, self.enabled = what, one, enabled

    def value_from_datadict(self, data: Mapping[str, Any], files: Any, name: str) -> list[str]:
        """Return all that was sent under the name."""
        values = data.getlist(name) if isinstance(data, MultiValueDict) else data.get(name, [])
        return [values] if isinstance(values, str) else [str(value) for value in values]

    def picker(self, name: str, value: Any, attrs: Mapping[str, Any] | None = None) -> Picker:
        """Return the picker as its template shows it."""
        texts = [str(each) for each in ([value] if isinstance(value, str | int) else value or ())]
        videos = self.what == "videos"
        chips = video_chips(texts) if videos else channel_chips(texts)
        count = format_count(len(chips), "video") if videos else count_of(texts, enabled=self.enabled)
        return Picker(
            name=name,
            id=str((attrs or {}).get("id", f"id_{name}")),
            what=self.what,
            label=self.what,
            chips=chips,
            count=count if chips else "",
            one=self.one,
            enabled=self.enabled,
            described_by=str((attrs or {}).get("aria-describedby", "")),
        )

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        """Return the picker's HTML."""
        return render_to_string("parts/picker.html", {"picker": self.picker(name, value, attrs)})

    def id_for_label(self, id_: str) -> str:
        """Return the id of the field in which one types."""
        return id_


class ChannelsField(forms.Field):
    """Channels in words; cleaned they are ids, by name."""

    def __init__(self, *, enabled: bool = False, **options: Any) -> None:
        self.enabled = enabled
        super().__init__(widget=PickerWidget(enabled=enabled), **options)

    def read(self, value: Any) -> selection.Selection:
        """Return what was named. Raises: ValidationError, naming what names nothing."""
        try:
            return selection.read([str(each) for each in value or ()])
        except OrchestrationError as error:
            raise forms.ValidationError(error.message) from error

    def clean(self, value: Any) -> Any:
        """Return the ids of the channels that were named."""
        chosen = self.read(value)
        ids = chosen.ids(enabled=self.enabled)
        if chosen and not ids:
            raise forms.ValidationError(f"no channel is meant by {', '.join(chosen.words()[:10])}.")
        if self.required and not ids:
            raise forms.ValidationError("choose at least one.")
        return ids


class ScopeField(ChannelsField):
    """Channels, groups and labels of a rule, which follows its groups and labels; cleaned it is a selection."""

    def clean(self, value: Any) -> selection.Selection:
        """Return what was named."""
        chosen = self.read(value)
        if self.required and not chosen:
            raise forms.ValidationError("choose at least one.")
        return chosen


def scope_values(chosen: selection.Selection) -> dict[str, Any]:
    """Return what the service takes of a rule's scope: groups and labels, and the other channels as they are now."""
    fixed = chosen.fixed()
    return {
        "channel_ids": fixed.ids() if fixed else [],
        "groups": list(chosen.groups),
        "labels": list(chosen.labels),
    }


class OneChannelField(forms.Field):
    """One channel or, if wanted, one group; cleaned it is a selection of one."""

    def __init__(self, **options: Any) -> None:
        super().__init__(widget=PickerWidget(one=True), **options)

    def clean(self, value: Any) -> selection.Selection:
        """Return what was named, one at most."""
        try:
            chosen = selection.read([str(each) for each in value or ()])
        except OrchestrationError as error:
            raise forms.ValidationError(error.message) from error
        if len(chosen.words()) > 1 or chosen.labels or chosen.searches or chosen.everything:
            raise forms.ValidationError("choose one.")
        return chosen


class VideosField(forms.Field):
    """Videos that a plan can take; cleaned they are ids, in the order in which they were chosen."""

    def __init__(self, *, one: bool = False, **options: Any) -> None:
        self.one = one
        super().__init__(widget=PickerWidget(what="videos", one=one), **options)

    def clean(self, value: Any) -> list[int]:
        """Return the ids. Raises: ValidationError, naming what is no video."""
        words = list(dict.fromkeys(word for text in value or () for word in selection.split(str(text))))
        ids = [id_of(word) for word in words]
        bad = [word for word, pk in zip(words, ids, strict=True) if pk is None]
        wanted = [pk for pk in ids if pk is not None]
        there = set(Video.objects.filter(pk__in=wanted).values_list("pk", flat=True))
        bad += [str(pk) for pk in wanted if pk not in there]
        if bad:
            raise forms.ValidationError(f"there is no video {', '.join(bad[:10])}.")
        if self.required and not wanted:
            raise forms.ValidationError("choose at least one.")
        if self.one and len(wanted) > 1:
            raise forms.ValidationError("choose one.")
        return wanted


# -------------------------------------------------------------------------------------------------------------- filters


def one_channel(request: HttpRequest, name: str) -> Picker:
    """Return the picker of one channel that the address names, by slug or id."""
    chips = channel_chips([request.GET.get(name, "").replace("\x00", "")])[:1]
    return Picker(
        name=name, id=f"id_why_{name}", label="channel", chips=chips, one=True, placeholder="choose a channel"
    )


def chosen_channel(picker: Picker) -> int | None:
    """Return the id of the one channel that is chosen; None where it is none."""
    slugs = [chip.value for chip in picker.chips if chip.single]
    return Channel.objects.filter(slug__in=slugs).values_list("pk", flat=True).first()


def channel_words(filters: Any) -> list[str]:
    """Return in words which channels a list's filters name."""
    return [
        *(filters.channels or ()),
        *(f"id:{pk}" for pk in getattr(filters, "channel_id", None) or ()),
        *(f"group:{slug}" for slug in filters.group or ()),
        *(f"label:{name}" for name in filters.label or ()),
    ]


def filter_picker(request: HttpRequest, filters: Any) -> Picker:
    """Return the picker of a list's filter by channels: what its address names, older links included."""
    texts = channel_words(filters)
    chips = channel_chips(texts)
    return Picker(
        name="channels",
        id="id_channels",
        label="channels",
        chips=chips,
        count=count_of(texts) if len(chips) > 1 or any(":" in chip.value for chip in chips) else "",
        placeholder="all channels",
    )
