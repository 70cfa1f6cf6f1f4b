"""Whatever a form sends: each button answers by a sentence, on PostgreSQL, too, which holds no NUL."""

import pytest

from channels.models import Channel
from tests.dashboard.test_buttons import HTMX, NEXT_MAY, POSTS, fill

MORE = ["/videos/{video}/coordinate/", "/waves/earliest/", "/waves/schedule/", "/channels/{channel}/connect/"]
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


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
def test_no_button_falls_over_what_it_is_sent(admin_client, scene, value):
    for address in POSTS + MORE:
        at = fill(address.replace("{video}", str(scene["video"].pk)), scene)
        everything = dict.fromkeys((*SOUND, *FREE, "name", "rights_note", "source_url"), value)
        for form in (everything, SOUND | dict.fromkeys(FREE, value), SOUND | {"reason": value}):
            assert admin_client.post(at, form, headers=HTMX).status_code < 500, (at, form)


@pytest.mark.parametrize(
    ("text", "zone"), [("0001-01-01T00:00", "Asia/Tokyo"), ("9999-12-31T23:59:59", "America/New_York")]
)
def test_a_time_beyond_all_calendars_is_no_time(admin_client, scene, text, zone):
    Channel.objects.update(timezone=zone)
    member = {"videos": scene["video"].pk, "channels": scene["channel"].pk}
    own = f"at-{scene['video'].pk}-{scene['channel'].pk}"
    for address in POSTS + MORE:
        at = fill(address.replace("{video}", str(scene["video"].pk)), scene)
        for form in ({"at": text, "scheduled_at": text, "zone": zone}, {own: text}):
            answer = admin_client.post(at, SOUND | member | form, headers=HTMX)
            assert answer.status_code < 500, (at, form)
