"""The wave page says when a whole wave would fit."""

import pytest
from django.urls import reverse

from orchestration.models import Wave
from tests.factories import ChannelFactory, VideoFactory

pytestmark = pytest.mark.django_db


def _asked(client, **values):
    video, channel = VideoFactory(), ChannelFactory(healthy=True)
    form = {
        "videos": [video.pk],
        "channels": [channel.pk],
        "timing": "simultaneous",
        "on_conflict": "shift",
        "zone": "UTC",
    }
    return client.post(reverse("dashboard:wave_earliest"), form | values)


def test_it_says_the_earliest_feasible_time_and_writes_nothing(admin_client):
    answer = _asked(admin_client)
    assert answer.status_code == 200
    assert "The whole wave fits from" in answer.content.decode()
    assert not Wave.objects.exists()


def test_what_cannot_be_read_is_said(admin_client):
    assert "there is no video 999999" in _asked(admin_client, videos=[999_999]).content.decode()
