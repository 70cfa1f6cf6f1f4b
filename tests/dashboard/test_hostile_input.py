"""Whatever a form sends: each button answers by a sentence, on PostgreSQL, too, which holds no NUL."""

import pytest

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
