"""Nobody is shown a button that would refuse: the addresses of forms, the methods behind them, and the roles."""

import inspect
import re
import types
from pathlib import Path

import pytest
from django.conf import settings
from django.urls import resolve

from channels.models import Channel
from dashboard import urls
from dashboard.who_may import May, method_of
from orchestration.core.permissions import NEEDS, Actor
from orchestration.register import restrictions
from tests import factories

OFFERED = re.compile(r'(?:<form[^>]*method="post"[^>]*\saction|formaction|hx-post)="([^"]+)"')
LOOKS_ONLY = frozenset({
    "pick_channels", "pick_count", "pick_videos", "plan_export", "configuration_export", "calendar_feed", "calendar_allowed",
    "video_file",
    "video_rendition", "video_frame", "video_loudness", "attachment",
})  # fmt: skip
"""What is neither a page nor changes anything."""


def posted() -> list:
    return [
        pattern
        for pattern in urls.urlpatterns
        if not getattr(pattern.callback, "is_page", False) and pattern.name not in LOOKS_ONLY
    ]


def called_by(view) -> set[str]:
    """Return the methods of the service that a view names, itself or in what it calls in its own module."""
    found, seen, todo = set(), set(), [inspect.unwrap(view)]
    while todo:
        function = todo.pop()
        if function in seen:
            continue
        seen.add(function)
        names = _names(function.__code__)
        found |= names & set(NEEDS)
        near = (function.__globals__.get(name) for name in names)
        todo += [
            f for f in map(inspect.unwrap, near) if inspect.isfunction(f) and f.__module__ == view.__module__
        ]
    return found


def _names(code: types.CodeType) -> set[str]:
    found = set(code.co_names) | {const for const in code.co_consts if isinstance(const, str)}
    return found.union(*(_names(const) for const in code.co_consts if isinstance(const, types.CodeType)))


@pytest.mark.parametrize("pattern", posted(), ids=lambda pattern: pattern.name)
def test_each_address_that_changes_something_leads_to_a_method_that_its_view_calls(pattern):
    method = method_of(pattern.name)
    assert method is not None, f"say in dashboard/who_may.py which method is behind {pattern.name}"
    called = called_by(pattern.callback)
    assert not called or method in called or pattern.name in {"by_cause", "channel_preview_words"}


def test_templates_ask_for_methods_that_there_are():
    asked = {
        name
        for path in Path(settings.BASE_DIR, "templates").rglob("*.html")
        for name in re.findall(r"\bmay\.(\w+)", path.read_text())
    }
    assert asked and asked <= set(NEEDS), asked - set(NEEDS)
    assert May(Actor("olga", "operate"))["start"] and not May(Actor("sue", "schedule"))["start"]
    with pytest.raises(KeyError):
        May(None)["no_such_method"]


def _opened(client, user, address) -> str:
    client.force_login(user)
    return client.get(address).content.decode()


@pytest.mark.parametrize("role", ["schedule", "operate", "admin", "limited"])
def test_no_page_offers_what_would_be_refused(client, addresses, role):
    user = factories.UserFactory(role="operate" if role == "limited" else role)
    if role == "limited":
        group = factories.ChannelGroupFactory(slug="theirs")
        group.channels.add(*Channel.objects.all()[:1])
        restrictions.keep(user, "operate", [group.slug])
        assert 'action="/standing-rules/' not in _opened(client, user, "/standing-rules/new/")
    client.force_login(user)
    actor = Actor.of_user(user)
    refused = set()
    for address in addresses:
        for url in OFFERED.findall(client.get(address).content.decode()):
            name = resolve(url.partition("?")[0].partition("#")[0]).url_name
            if name not in LOOKS_ONLY | {"logout"} and not actor.may(method_of(name) or ""):
                refused.add((address, url))
    assert not refused
