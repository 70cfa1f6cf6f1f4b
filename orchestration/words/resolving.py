"""Work out what a publication says from what each layer says, and where each field came from.

A stronger layer's value replaces a weaker one's. Three fields are more than that (docs/words.md):

- title and description: the channel's is a *template around* the video's (`{title}`); a wave's or a publication's replaces
  the whole, and is a template as well, in which `{title}` is the video's own
- tags: the channel's and the video's are joined; a wave's or a publication's replace both
- own fields: joined by name, the stronger layer's value for a name that both have

Text of a source is made to fit, with a note that says so. A person's text is never changed: a limit broken is a problem.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from orchestration.words import fitting, limits
from orchestration.words.checks import language_tag
from orchestration.words.fields import CATEGORIES, FIELDS, LAYERS, Kind, LayerName
from orchestration.words.placeholders import Moment, PlaceholderWrong

OVERRIDING: Final = frozenset({LayerName.WAVE, LayerName.PUBLICATION})
SINGLE: Final = tuple(
    name for name, known in FIELDS.items() if known.kind not in {Kind.LINE, Kind.TEXT, Kind.TAGS, Kind.OWN}
)


@dataclass(frozen=True, slots=True)
class Layer:
    """What one layer says: a sparse document."""

    name: LayerName
    words: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Facts:
    """What templates are filled with beside the words; `local` is the publication's wall clock in its channel's zone."""

    channel: str = ""
    source: str = ""
    local: datetime | None = None
    video: str = "the video"
    """How a sentence names the video."""


@dataclass(frozen=True, slots=True)
class Remark:
    """One thing about one field, with a stable code: a problem forbids publishing, a note says what was done to a text."""

    field: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Resolved:
    """What a publication says. `origins` has for each field the layers that made it, the strongest first.

    With a problem it must not be published: its texts are then only a preview. `video_title` is `{title}`.
    """

    title: str
    description: str
    tags: tuple[str, ...]
    category_id: str
    language: str
    playlists: tuple[str, ...]
    licence: str
    embeddable: bool
    made_for_kids: bool
    synthetic_media: bool
    paid_promotion: bool
    notify_subscribers: bool
    picture: int | None
    subtitles: tuple[int, ...]
    fields: Mapping[str, str]
    video_title: str
    origins: Mapping[str, tuple[LayerName, ...]]
    problems: tuple[Remark, ...] = ()
    notes: tuple[Remark, ...] = ()

    def value(self, name: str) -> Any:
        """Return a field's value by its name."""
        return getattr(self, name)


@dataclass(slots=True)
class _Desk:
    """What is being worked out."""

    said: dict[LayerName, Mapping[str, Any]]
    facts: Facts
    origins: dict[str, tuple[LayerName, ...]] = field(default_factory=dict)
    problems: list[Remark] = field(default_factory=list)
    notes: list[Remark] = field(default_factory=list)

    def strongest(self, name: str, among: Sequence[LayerName] = LAYERS) -> tuple[LayerName, Any] | None:
        for layer in reversed(among):
            value = self.said.get(layer, {}).get(name)
            if value is not None:
                return layer, value
        return None

    def problem(self, name: str, code: str, message: str) -> None:
        self.problems.append(Remark(name, code, message))

    def has_problem(self, name: str) -> bool:
        return any(problem.field == name for problem in self.problems)

    def note(self, name: str, code: str, message: str) -> None:
        self.notes.append(Remark(name, code, message))


def resolve(layers: Sequence[Layer], facts: Facts) -> Resolved:
    """Return what a publication says by its layers; in which order they are given does not matter. Raises nothing."""
    desk = _Desk({layer.name: layer.words for layer in layers}, facts)
    single = {name: _single(desk, name) for name in SINGLE}
    own = _own_fields(desk)
    moment = Moment(facts.local, single["language"]) if facts.local else None
    texts = _Texts(desk, own, moment)
    title = texts.title()
    description = texts.description()
    return Resolved(
        title=title,
        description=description,
        tags=_tags(desk),
        **single,
        fields=own,
        video_title=texts.video_title.text,
        origins=desk.origins,
        problems=tuple(desk.problems),
        notes=tuple(desk.notes),
    )


def _single(desk: _Desk, name: str) -> Any:
    known = FIELDS[name]
    found = desk.strongest(name)
    if name == "language":
        found = _language(desk)
    elif name == "category_id" and found is not None and str(found[1]) not in CATEGORIES:
        desk.problem(
            name, "category_unknown", f"{str(found[1])[:20] or 'empty'} is no category that YouTube takes"
        )
    layer, value = found if found is not None else (LayerName.DEFAULT, known.default)
    desk.origins[name] = (layer,)
    return tuple(value) if known.kind in {Kind.PLAYLISTS, Kind.ATTACHMENTS} else value


def _language(desk: _Desk) -> tuple[LayerName, str] | None:
    """Return the strongest language; what a source calls one and is none is passed over."""
    for layer in reversed(LAYERS):
        value = desk.said.get(layer, {}).get("language")
        if value is None or (value == "" and layer in {LayerName.SOURCE, LayerName.CHANNEL}):
            continue
        tag = language_tag(value) if value else ""
        if tag is not None:
            return layer, tag
        if layer == LayerName.SOURCE:
            desk.note(
                "language",
                "language_left_out",
                f"“{value[:40]}” of the source is no language as BCP 47 writes it",
            )
        else:
            desk.problem("language", "language_unknown", f"“{value[:40]}” is no language as BCP 47 writes it")
            return layer, value
    return None


def _own_fields(desk: _Desk) -> dict[str, str]:
    own: dict[str, str] = {}
    for layer in LAYERS:
        for name, value in (desk.said.get(layer, {}).get("fields") or {}).items():
            own[name] = str(value)
            desk.origins[f"fields.{name}"] = (layer,)
    desk.origins["fields"] = tuple(
        layer for layer in reversed(LAYERS) if desk.said.get(layer, {}).get("fields")
    ) or (LayerName.DEFAULT,)
    return own


def _tags(desk: _Desk) -> tuple[str, ...]:
    found = desk.strongest("tags", (LayerName.WAVE, LayerName.PUBLICATION))
    if found is not None:
        desk.origins["tags"] = (found[0],)
        return _counted_tags(desk, tuple(found[1]))
    channel = tuple(fitting.cleaned_tags(desk.said.get(LayerName.CHANNEL, {}).get("tags") or ()).tags)
    of_video = desk.strongest("tags", (LayerName.SOURCE, LayerName.VIDEO))
    layer, tags = of_video if of_video is not None else (LayerName.SOURCE, ())
    origins = [layer] if tags else []
    desk.origins["tags"] = (*origins, *([LayerName.CHANNEL] if channel else [])) or (LayerName.DEFAULT,)
    if layer == LayerName.VIDEO:
        return _counted_tags(desk, limits.unique_tags((*channel, *tags)))
    cleaned = fitting.cleaned_tags(tags)
    if cleaned.changed:
        desk.note(
            "tags",
            "tags_cleaned",
            f"of the source's tags {cleaned.changed} had a comma, a quotation mark, < or >",
        )
    _counted_tags(desk, channel)
    joined = limits.unique_tags((*channel, *cleaned.tags))
    kept = limits.first_that_fit(joined, limits.TAG_ROOM)
    if len(kept) < len(joined):
        desk.note(
            "tags",
            "tags_left_out",
            f"{len(joined) - len(kept)} of {len(joined)} tags are left out: 500 characters",
        )
    return kept


def _counted_tags(desk: _Desk, tags: tuple[str, ...]) -> tuple[str, ...]:
    count = limits.tags_characters(tags)
    if count > limits.TAG_ROOM:
        desk.problem(
            "tags",
            "tags_too_long",
            f"the tags have {count} of at most {limits.TAG_ROOM} characters (500 less Headend's marker)",
        )
    return tags


@dataclass(slots=True)
class _Own:
    """A video's own title or description: whose it is, and the text, before a template is put around it."""

    layer: LayerName
    text: str


class _Texts:
    """Title and description, which are templates around texts."""

    def __init__(self, desk: _Desk, own: Mapping[str, str], moment: Moment | None) -> None:
        self.desk, self.moment = desk, moment
        facts = desk.facts
        self.values = {
            **own,
            "channel": limits.angles_out(facts.channel),
            "source": limits.angles_out(facts.source),
        }
        source = desk.said.get(LayerName.SOURCE, {})
        self.source_title = fitting.source_line(source.get("title") or "")
        self.source_description = fitting.source_text(source.get("description") or "")
        self.video_title = self._of_video("title", self.source_title)
        self.video_description = self._of_video("description", self.source_description)

    def _of_video(self, name: str, of_source: str) -> _Own:
        said = self.desk.said.get(LayerName.VIDEO, {}).get(name)
        if said is None:
            return _Own(LayerName.SOURCE, of_source)
        values = {**self.values, "title": self.source_title, "description": self.source_description}
        return _Own(LayerName.VIDEO, self._filled(name, said, values))

    def _filled(self, name: str, template: str, values: Mapping[str, str]) -> str:
        try:
            return fitting.filled(template, values, self.moment)
        except PlaceholderWrong as wrong:
            self.desk.problem(name, "placeholder_unknown", str(wrong))
            return ""

    def title(self) -> str:
        """Return the title, checked."""
        return self._text("title", limits.TITLE_CHARACTERS, limits.characters)

    def description(self) -> str:
        """Return the description without the marker, checked."""
        return self._text("description", limits.DESCRIPTION_ROOM, limits.size_bytes)

    def _text(self, name: str, room: int, measure: fitting.Measure) -> str:
        desk = self.desk
        found = desk.strongest(name, (LayerName.CHANNEL, LayerName.WAVE, LayerName.PUBLICATION))
        layer, template = found if found is not None else (LayerName.DEFAULT, f"{{{name}}}")
        own = self.video_title if name == "title" else self.video_description
        values = {**self.values, "title": self.video_title.text, "description": self.video_description.text}
        asked = fitting.names_in(template)
        desk.origins[name] = self._origins(name, layer, template, own, asked)
        if (
            name == "title"
            and "title" in asked
            and not limits.is_visible(own.text)
            and not desk.has_problem(name)
        ):
            whose = "its source gives none" if own.layer == LayerName.SOURCE else "its own shows nothing"
            desk.problem(
                "title", "title_missing", f"{desk.facts.video} has no title ({whose}): it waits for one"
            )
        text = self._filled(name, template, values)
        if measure(text) > room:
            text = self._fitted(name, template, values, asked, text, room, measure)
        if (
            name == "title"
            and not limits.is_visible(text)
            and not any(p.field == name for p in desk.problems)
        ):
            desk.problem("title", "title_missing", "the title is empty, or shows nothing")
        if limits.has_angles(text):
            desk.problem(name, "angle_brackets", f"the {name} contains < or >, which YouTube refuses")
        return text

    def _origins(
        self, name: str, layer: LayerName, template: str, own: _Own, asked: frozenset[str]
    ) -> tuple[LayerName, ...]:
        if template.strip() == f"{{{name}}}" and layer not in OVERRIDING:
            return (own.layer,)
        return (layer, own.layer) if name in asked else (layer,)

    def _fitted(
        self,
        name: str,
        template: str,
        values: Mapping[str, str],
        asked: frozenset[str],
        text: str,
        room: int,
        measure: fitting.Measure,
    ) -> str:
        """Return a text that was too long with the source's part of it shortened; without one it is a problem."""
        desk = self.desk
        parts = [
            part
            for part, own in (("title", self.video_title), ("description", self.video_description))
            if part in asked and own.layer == LayerName.SOURCE
        ]
        over, unit = measure(text), "characters" if name == "title" else "bytes"
        for part in sorted(parts, key=lambda part: part != name):
            shorter = fitting.shortened(template, values, part, self.moment, room, measure)
            if shorter is not None:
                desk.note(name, f"{name}_cut", f"the source's {part} is cut: {over} of at most {room} {unit}")
                return shorter
        desk.problem(name, f"{name}_too_long", f"the {name} has {over} of at most {room} {unit}")
        return text
