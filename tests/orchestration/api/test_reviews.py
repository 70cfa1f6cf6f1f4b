"""Approvals by the API."""

from datetime import timedelta

import pytest
from django.utils import timezone

from tests import factories

pytestmark = pytest.mark.django_db


def test_what_waits_is_listed_approved_as_seen_and_refused(api, caller_with):
    channel = factories.ChannelFactory()
    row = factories.ScheduleFactory(channel=channel, distribution__channel=channel)
    other = factories.ScheduleFactory(
        channel=channel, distribution__channel=channel, publish_at=row.publish_at + timedelta(hours=2)
    )
    assert api.get("reviews").json()["items"] == []
    change = api.post(f"channels/{channel.pk}/set-approval", {"needed": True})
    assert change.json() == {"needed": True, "disarmed": 0, "too_late": 0}
    first, _ = api.get("reviews").json()["items"]
    assert (first["schedule_id"], first["wanted_by"]) == (row.pk, f"channel {channel.name}")
    old = api.post("reviews/approve", {"schedule_ids": [row.pk], "seals": ["0" * 64]})
    assert (old.status_code, old.json()["code"]) == (409, "stale_version")
    both = api.post("reviews/approve", {"schedule_ids": [row.pk, other.pk], "seals": [first["seal"]]})
    assert (both.status_code, both.json()["field"]) == (422, "seals")
    assert (
        api.post("reviews/approve", {"schedule_ids": [row.pk], "seals": [first["seal"]]}).status_code == 200
    )
    assert api.post("reviews/refuse", {"schedule_ids": [other.pk]}).json()["field"] == "reason"
    assert api.post("reviews/refuse", {"schedule_ids": [other.pk], "reason": "no"}).status_code == 200
    (left,) = api.get("reviews").json()["items"]
    assert (left["schedule_id"], left["verdict"], left["verdict_reason"]) == (other.pk, "refused", "no")
    assert api.post("reviews/approve", {"schedule_ids": [99999]}).status_code == 404
    assert caller_with("read").post("reviews/approve", {"schedule_ids": [other.pk]}).status_code == 403
    source = row.distribution.video.source
    assert api.post(f"sources/{source.pk}/set-approval", {"needed": True}).status_code == 200
    assert timezone.now() and api.get(f"sources/{source.pk}").json()["needs_approval_since"]
