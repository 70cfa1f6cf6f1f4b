"""Every page of the console, from its URL configuration: one that is not named here and takes an id fails the tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from django.urls import URLPattern, reverse

from dashboard.urls import urlpatterns

Scene = dict[str, Any]

ROWS: dict[str, Callable[[Scene], list[dict[str, Any]]]] = {
    "channel": lambda scene: [{"slug": scene["channel"].slug}, {"slug": scene["github"].slug}],
    "channel_section": lambda scene: [
        {"slug": scene["channel"].slug, "section": name}
        for name in ("week", "blackouts", "words", "takes", "end")
    ],
    "channel_revision": lambda scene: [{"slug": scene["channel"].slug, "number": 1}],
    "channel_provision": lambda scene: [{"slug": scene["github"].slug}],
    "group": lambda scene: [{"slug": group.slug} for group in scene["channel"].groups.all()],
    "publication": lambda scene: [{"pk": scene[name].pk} for name in ("planned", "unclear", "published")],
    "wave": lambda scene: [{"pk": scene["wave"].pk}],
    "source": lambda scene: [{"pk": scene["source"].pk}],
    "video": lambda scene: [{"pk": scene["video"].pk}],
    "words_of": lambda scene: [
        {"subject": "video", "pk": scene["video"].pk},
        {"subject": "wave", "pk": scene["wave"].pk},
        {"subject": "publication", "pk": scene["planned"].distribution_id},
    ],
    "profile": lambda scene: [{"key": scene["profile"].key}],
    "standing_rule": lambda scene: [{"pk": scene["standing"].pk}],
    "job": lambda scene: [{"pk": scene["running"].pk}, {"pk": scene["failed"].pk}],
    "notification_address": lambda scene: [{"pk": scene["message"].address_id}],
    "pool": lambda scene: [{"pk": scene["pool"].pk}],
    "source_edit": lambda scene: [{"pk": scene["source"].pk}],
    "user": lambda scene: [{"pk": scene["person"].pk}],
    "calendar_moving": lambda scene: [{"pk": scene["planned"].pk}],
    "calendar_placing": lambda scene: [{"pk": scene["video"].pk}],
    "webhook": lambda scene: [{"pk": scene["delivery"].endpoint_id}],
    "webhook_delivery": lambda scene: [{"pk": scene["delivery"].pk}],
    "proposal": lambda scene: [{"pk": scene["proposal"].pk}],
    "notification_rule": lambda scene: [{"pk": scene["rule"].pk}],
}
"""Of each page that is about one row, which rows of the scene it is opened for, as the arguments of its address."""

ELSEWHERE: dict[str, str] = {
    "connect_google": "Google leads back to it",
    "plan_export": "a file",
    "configuration_export": "a file",
    "statistics_table": "a file",
    "video_thumbnail": "a picture",
    "words_table": "a file",
    "log": "the end of a file, of which a test has none",
    "log_download": "a file",
}
"""Pages that are none to look at, each with what it is."""


def pages() -> list[URLPattern]:
    """Return the address patterns of all pages, whatever they take."""
    return [
        pattern
        for pattern in urlpatterns
        if getattr(pattern.callback, "is_page", False) and pattern.name not in ELSEWHERE
    ]


def plain_pages() -> list[str]:
    """Return the addresses of the pages that are about no row."""
    return [reverse(f"dashboard:{page.name}") for page in pages() if not page.pattern.converters]


def pages_of_rows(scene: Scene) -> Iterator[str]:
    """Yield the addresses of the pages that are about a row. Raises: KeyError, naming a page that ROWS does not have."""
    for page in pages():
        if page.pattern.converters:
            for arguments in ROWS[page.name](scene):
                yield reverse(f"dashboard:{page.name}", kwargs=arguments)
