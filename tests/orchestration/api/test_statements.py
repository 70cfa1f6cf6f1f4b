"""What is read asks as much of the database for many rows as for few."""

import json
from pathlib import Path

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests import factories

DOCUMENT = json.loads(Path(__file__).with_name("openapi.json").read_text())
ADDRESSES = sorted(
    path
    for path, verbs in DOCUMENT["paths"].items()
    if "get" in verbs
    and "{" not in path
    and not any(one.get("required") for one in verbs["get"].get("parameters", []))
    and "text/event-stream" not in json.dumps(verbs["get"]["responses"])
)


def _more() -> None:
    """Add a row of nearly every kind that belongs together."""
    channel = factories.ChannelFactory(healthy=True)
    factories.CredentialFactory(channel=channel)
    factories.PostingSlotFactory(channel=channel)
    factories.BlackoutFactory(channel=channel)
    wave = factories.WaveFactory()
    planned = factories.ScheduleFactory(channel=channel, wave=wave, distribution__wave=wave)
    job = factories.JobFactory(
        channel=channel, running=True, schedule=planned, video=planned.distribution.video
    )
    factories.JobFactory(channel=channel, failed=True)
    factories.LeaseFactory(job=job)
    factories.ConflictFactory(channel=channel, schedule=planned, other_schedule=planned, wave=wave)
    factories.SourceFactory()
    factories.ActivityFactory(subject=channel)
    factories.ChannelGroupFactory().channels.add(channel)


@pytest.mark.django_db
def test_no_answer_asks_once_per_row(api):
    def asked() -> dict[str, int]:
        counts = {}
        for address in ADDRESSES:
            with CaptureQueriesContext(connection) as statements:
                answer = api.get(address.removeprefix("/api/"))
            assert answer.status_code == 200, (address, answer.content)
            counts[address] = len(statements)
        return counts

    _more()
    asked()  # what is read once only
    _more()  # each time after a change, so that what is kept until then is read anew both times
    few = asked()
    for _ in range(4):
        _more()
    many = asked()
    assert len(many) > 30
    assert {address: (few[address], count) for address, count in many.items() if count > few[address]} == {}
