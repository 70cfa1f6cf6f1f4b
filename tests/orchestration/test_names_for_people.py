"""What is told to people names videos and channels, not the numbers of their rows."""

import pytest

from orchestration.errors import InvalidRequest
from orchestration.models import Activity
from orchestration.scheduling.requests import wave_request
from tests import factories
from tests.engine_room import door
from tests.factories import in_

pytestmark = pytest.mark.django_db


@pytest.fixture
def row():
    """A publication of a film on a channel that have names."""
    return factories.ScheduleFactory(distribution__video__title="Lighthouse", channel__name="Aurora")


def test_a_distribution_and_a_publication_are_called_by_video_and_channel(row):
    assert str(row.distribution) == "Lighthouse on Aurora"
    assert str(row).startswith("Lighthouse on Aurora at 20")


def test_the_record_of_a_publication_is_found_by_its_video(row):
    door().hold_schedule(schedule_id=row.pk)
    assert Activity.objects.get(verb="schedule_held").object_repr.startswith("Lighthouse on Aurora")


def test_an_override_outside_of_the_wave_is_refused_by_name(row):
    video, other = row.distribution.video, factories.ChannelFactory(name="Borealis")
    with pytest.raises(InvalidRequest, match="names Lighthouse on Borealis, not in this wave"):
        wave_request(
            video_ids=[video.pk], channel_ids=[row.channel_id], overrides={(video.pk, other.pk): in_(hours=2)}
        )
    with pytest.raises(InvalidRequest, match="names video 999 on Aurora"):
        wave_request(
            video_ids=[video.pk],
            channel_ids=[row.channel_id],
            overrides={(999, row.channel_id): in_(hours=2)},
        )
