"""Everything that the console takes by POST, from its URL configuration, and every field that is read from a form."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from django import forms
from django.urls import URLPattern, reverse

import dashboard
from channels.models import Blackout, Label
from dashboard.urls import urlpatterns
from orchestration.engine.bulk import KINDS
from orchestration.models import ApiToken, Attachment, Blocker, OrphanUpload, Rollout, SavedView, Upload
from tests import factories

Scene = dict[str, Any]

NOT_TRIED: dict[str, str] = {
    "address_test": "sends a message to somebody outside",
    "set_up_check_google": "asks Google",
    "set_up_check_github": "asks GitHub",
    "calendar_feed": "is read",
    "video_file": "is read",
    "video_rendition": "is read",
    "video_frame": "is read",
    "attachment": "is read",
    "video_loudness": "is read",
    "connect_google": "is read",
    "plan_export": "is read",
    "configuration_export": "is read",
    "pick_channels": "is read",
    "pick_count": "is read",
    "pick_videos": "is read",
    "calendar_allowed": "is read",
}
"""What reaches out by itself, whatever it is sent, and what takes nothing; each with what it does."""

ROWS: dict[str, Callable[[Scene], dict[str, Any]]] = {
    "channels/": lambda scene: {"slug": scene["channel"].slug},
    "channels/<slug:slug>/blackouts/": lambda scene: {
        "slug": scene["channel"].slug,
        "pk": Blackout.objects.filter(channel=scene["channel"]).get().pk,
    },
    "channels/<slug:slug>/revisions/": lambda scene: {"slug": scene["channel"].slug, "number": 1},
    "groups/": lambda scene: {"slug": scene["channel"].groups.get().slug},
    "labels/": lambda scene: {"pk": Label.objects.get().pk},
    "profiles/": lambda scene: {"key": scene["profile"].key},
    "undo/": lambda scene: {"cid": scene["entry"].cid or "none"},
    "schedules/": lambda scene: {"pk": scene["planned"].pk},
    "waves/": lambda scene: {"pk": scene["wave"].pk},
    "sources/": lambda scene: {"pk": scene["source"].pk},
    "videos/": lambda scene: {"pk": scene["video"].pk},
    "words/": lambda scene: {"subject": "video", "pk": scene["video"].pk},
    "jobs/": lambda scene: {"pk": scene["running"].pk},
    "conflicts/": lambda scene: {"pk": scene["conflict"].pk},
    "pools/": lambda scene: {"pk": scene["pool"].pk},
    "leases/": lambda scene: {"pk": scene["lease"].pk},
    "standing-rules/": lambda scene: {"pk": scene["standing"].pk},
    "notifications/addresses/": lambda scene: {"pk": scene["message"].address_id},
    "notifications/rules/": lambda scene: {"pk": scene["rule"].pk},
    "notifications/silences/": lambda scene: {"pk": scene["silence"].pk},
    "me/second-factor/": lambda scene: {"pk": scene["factor"].pk},
    "hooks/": lambda scene: {"pk": scene["delivery"].endpoint_id},
    "hooks/deliveries/": lambda scene: {"pk": scene["delivery"].pk},
    "users/": lambda scene: {"pk": scene["person"].pk},
    "proposals/": lambda scene: {"pk": scene["proposal"].pk},
    "rollouts/": lambda scene: {"pk": Rollout.objects.get().pk},
    "library/": lambda scene: {"key": Upload.objects.get().key},
    "tokens/": lambda scene: {"pk": _first(ApiToken, factories.ApiTokenFactory)},
    "views/": lambda scene: {"pk": _first(SavedView, factories.SavedViewFactory)},
    "blockers/": lambda scene: {"pk": _first(Blocker, factories.BlockerFactory)},
    "orphans/": lambda scene: {"pk": _first(OrphanUpload, factories.OrphanUploadFactory)},
    "attachments/": lambda scene: {"pk": _first(Attachment, factories.AttachmentFactory)},
}
"""By how an address begins, the row of the scene that it is sent for; the longest beginning counts."""

_READ = re.compile(r'POST(?:\.get|\.getlist)?[(\[]\s*"([\w-]+)"|"([\w-]+)" in request\.POST')


def _first(model: Any, make: Any) -> int:
    return (model._default_manager.first() or make()).pk


def posts() -> list[URLPattern]:
    """Return the address patterns of what is no page: buttons, forms, previews."""
    return [
        pattern
        for pattern in urlpatterns
        if not getattr(pattern.callback, "is_page", False) and pattern.name not in NOT_TRIED
    ]


def addresses(scene: Scene) -> Iterator[str]:
    """Yield where something can be sent, for a row of the scene. Raises: KeyError, naming what ROWS lacks."""
    for pattern in posts():
        route = str(pattern.pattern)
        if not pattern.pattern.converters:
            yield reverse(f"dashboard:{pattern.name}")
        elif pattern.name == "bulk":
            yield from (reverse("dashboard:bulk", args=[kind]) for kind in KINDS)
        else:
            yield reverse(f"dashboard:{pattern.name}", kwargs=ROWS[_beginning(route)](scene))


def _beginning(route: str) -> str:
    found = [name for name in ROWS if route.startswith(name)]
    if not found:
        raise KeyError(f"{route}: ROWS of tests/dashboard/ways_in.py has no row for it")
    return max(found, key=len)


def _modules() -> Iterator[Any]:
    for found in pkgutil.walk_packages(dashboard.__path__, "dashboard."):
        yield importlib.import_module(found.name)


def form_fields() -> dict[str, forms.Field]:
    """Return every field of the console's forms by its name."""
    found: dict[str, forms.Field] = {}
    for module in _modules():
        for value in vars(module).values():
            if isinstance(value, type) and issubclass(value, forms.Form):
                for name, field in value.base_fields.items():
                    found.setdefault(name, field)
    return found


def names_read() -> set[str]:
    """Return the names that views read from what was sent, without a form."""
    texts = [path.read_text() for path in Path(dashboard.__path__[0]).rglob("*.py")]
    return {name for text in texts for pair in _READ.findall(text) for name in pair if name}


def sound_values() -> dict[str, Any]:
    """Return for each field whose values are counted or chosen one that is right: the first choice, the least number."""
    found: dict[str, Any] = {}
    for name, field in form_fields().items():
        if isinstance(field, forms.ChoiceField) and not callable(field.choices):
            values = [str(value) for value, _ in field.choices if value != ""]
            found.update({name: values[0]} if values else {})
        elif isinstance(field, forms.IntegerField):
            found[name] = str(max(field.min_value or 1, 1))
        elif isinstance(field, forms.BooleanField):
            found[name] = "on"
    return found
