"""Whatever a form sends: each button answers by a sentence, on PostgreSQL, too, which holds no NUL."""

import pytest
from django import forms
from django.db import transaction
from django.test import Client

from channels.models import Channel
from tests.dashboard import ways_in
from tests.dashboard.test_buttons import HTMX, NEXT_MAY

VALUES = {
    "nul": "a\x00b",
    "more than a database holds": "9" * 30,
    "more digits than Python reads": "1" * 5000,
    "digits of other scripts": "²١",
    "markup and a turned direction": "<script>\u202e'\"",
}
SOUND = {
    "at": NEXT_MAY,
    "zone": "UTC",
    "outcome": "failed",
    "index": "0",
    "timing": "simultaneous",
    "on_conflict": "shift",
    "priority": "5",
    "delay_seconds": "0",
    "horizon_days": "14",
    "confirm": "1",
}
FREE = (
    "reason",
    "index",
    "videos",
    "channels",
    "confirmed",
    "video",
    "at",
    "at-1-1",
    "youtube_video_id",
    "url",
)


def send(client: Client, at: str, form: dict) -> int:
    """Send a form and take back what it did, so that what comes after meets the same scene; returns the status."""
    cookies = client.cookies.copy()
    with transaction.atomic():
        status = client.post(at, form, headers=HTMX).status_code
        transaction.set_rollback(True)
    client.cookies = cookies
    return status


@pytest.fixture
def everywhere(scene) -> list[str]:
    """Return every address that takes something."""
    return list(ways_in.addresses(scene))


@pytest.mark.parametrize("turn", range(len(VALUES)), ids=VALUES)
def test_no_button_falls_over_what_it_is_sent(admin_client, everywhere, turn):
    """Each field is sent each value, in as many turns as there are values; once nothing at all is right."""
    sound = ways_in.sound_values() | SOUND
    names = sorted({*ways_in.form_fields(), *ways_in.names_read(), *FREE, "rights_note", "source_url"})
    values = [*VALUES.values()]
    hostile = {name: values[(turn + place) % len(values)] for place, name in enumerate(names)}
    right = sound if turn % 2 else {name: value for name, value in sound.items() if name not in FREE}
    for at in everywhere:
        for form in (hostile | right, hostile) if turn == 0 else (hostile | right,):
            assert send(admin_client, at, form) < 500, (at, form)


def test_every_way_in_is_found_and_the_fields_that_are_read_with_it(everywhere):
    assert len(everywhere) > 150
    for begins in ("/users/", "/tokens/", "/pools/", "/sources/", "/channels/", "/bulk/", "/views/", "/me/"):
        assert any(address.startswith(begins) for address in everywhere), begins
    assert {"level", "scope", "capacity", "confirm", "query"} <= {
        *ways_in.form_fields(),
        *ways_in.names_read(),
    }


@pytest.mark.parametrize(
    ("text", "zone"), [("0001-01-01T00:00", "Asia/Tokyo"), ("9999-12-31T23:59:59", "America/New_York")]
)
def test_a_time_beyond_all_calendars_is_no_time(admin_client, scene, everywhere, text, zone):
    Channel.objects.update(timezone=zone)
    times = {
        name: text.partition("T")[0] if isinstance(field, forms.DateField) else text
        for name, field in ways_in.form_fields().items()
        if isinstance(field, forms.DateField | forms.DateTimeField)
    }
    member = {"videos": scene["video"].pk, "channels": scene["channel"].pk}
    own = f"at-{scene['video'].pk}-{scene['channel'].pk}"
    for at in everywhere:
        form = SOUND | member | {"at": text, "scheduled_at": text, "zone": zone, **times, own: text}
        assert send(admin_client, at, form) < 500, (at, form)
