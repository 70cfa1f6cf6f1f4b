"""Name the fields that a publication's words have, of which kind they are, and who may say them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final


class LayerName(StrEnum):
    """Who says something, the weakest first."""

    DEFAULT = "default"
    CHANNEL = "channel"
    SOURCE = "source"
    VIDEO = "video"
    WAVE = "wave"
    PUBLICATION = "publication"


LAYERS: Final = tuple(LayerName)
"""The weakest first: who comes later is heard."""
EDITED: Final = frozenset({LayerName.CHANNEL, LayerName.VIDEO, LayerName.WAVE, LayerName.PUBLICATION})
"""What a person writes; what the source says is somebody else's text."""
OF_ONE_VIDEO: Final = frozenset({LayerName.VIDEO, LayerName.PUBLICATION})

LAYER_LABELS: Final = {
    LayerName.DEFAULT: "Headend's own",
    LayerName.CHANNEL: "channel",
    LayerName.SOURCE: "source",
    LayerName.VIDEO: "video",
    LayerName.WAVE: "wave",
    LayerName.PUBLICATION: "this publication",
}


class Kind(StrEnum):
    """What a field's value is."""

    LINE = "line"
    TEXT = "text"
    TAGS = "tags"
    CATEGORY = "category"
    LANGUAGE = "language"
    PLAYLISTS = "playlists"
    LICENCE = "licence"
    YES_NO = "yes_no"
    ATTACHMENT = "attachment"
    ATTACHMENTS = "attachments"
    OWN = "own"


@dataclass(frozen=True, slots=True)
class Field:
    """One field: its name in documents, kind and label, who may say it, and what holds where nobody does."""

    name: str
    kind: Kind
    label: str
    default: Any
    layers: frozenset[LayerName] = EDITED
    column: bool = False
    """Whether the channel has a column for it, so that its document may not say it as well."""
    help: str = ""


FIELDS: Final[dict[str, Field]] = {
    field.name: field
    for field in (
        Field(
            "title", Kind.LINE, "Title", "", column=True, help="100 characters; placeholders are filled in"
        ),
        Field("description", Kind.TEXT, "Description", "", column=True, help="5,000 bytes with the marker"),
        Field("tags", Kind.TAGS, "Tags", (), column=True, help="500 characters together"),
        Field("category_id", Kind.CATEGORY, "Category", "22", column=True),
        Field("language", Kind.LANGUAGE, "Language", "", column=True, help="BCP 47, for example en or pt-BR"),
        Field("playlists", Kind.PLAYLISTS, "Playlists", (), help="ids of the channel's playlists, as PL…"),
        Field("licence", Kind.LICENCE, "Licence", "youtube"),
        Field("embeddable", Kind.YES_NO, "Embeddable", True),
        Field("made_for_kids", Kind.YES_NO, "Made for kids", False, column=True),
        Field("synthetic_media", Kind.YES_NO, "Altered or synthetic", False),
        Field("paid_promotion", Kind.YES_NO, "Paid promotion", False),
        Field("notify_subscribers", Kind.YES_NO, "Notify subscribers", True, column=True),
        Field("picture", Kind.ATTACHMENT, "Picture", None, OF_ONE_VIDEO, help="id of a picture of the video"),
        Field("subtitles", Kind.ATTACHMENTS, "Subtitles", (), OF_ONE_VIDEO, help="ids of its subtitles"),
        Field("fields", Kind.OWN, "Own fields", {}, help="name and value each; a template says {name}"),
    )
}
COLUMNS: Final = frozenset(name for name, field in FIELDS.items() if field.column)
LICENCES: Final = {"youtube": "Standard YouTube licence", "creativeCommon": "Creative Commons (CC BY)"}

CATEGORIES: Final = {
    "1": "Film & Animation",
    "2": "Autos & Vehicles",
    "10": "Music",
    "15": "Pets & Animals",
    "17": "Sports",
    "19": "Travel & Events",
    "20": "Gaming",
    "22": "People & Blogs",
    "23": "Comedy",
    "24": "Entertainment",
    "25": "News & Politics",
    "26": "Howto & Style",
    "27": "Education",
    "28": "Science & Technology",
    "29": "Nonprofits & Activism",
}
"""Those that `videoCategories.list` says are assignable; YouTube refuses a video with another (`invalidCategoryId`)."""
