"""Put what a button offers instead of a plan into the form that the plan was made of, so that it is planned anew."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.http import HttpRequest, QueryDict

from channels.models import Channel
from dashboard import own_times
from dashboard.listing import ids_of
from orchestration.errors import InvalidRequest
from orchestration.planning.difference_values import WayKind

FIELD = "way"
LOCAL = "%Y-%m-%dT%H:%M:%S"


def data_of(request: HttpRequest) -> QueryDict:
    """Return what was sent, changed by the way that was chosen, if one was. Raises: InvalidRequest, if it is none."""
    kind, _, said = request.POST.get(FIELD, "").partition(":")
    if not kind:
        return request.POST
    data = request.POST.copy()
    try:
        _change(data, WayKind(kind), said)
    except (ValueError, OverflowError, KeyError, Channel.DoesNotExist) as error:
        raise InvalidRequest("That is no other way to plan this.") from error
    return data


def _change(data: QueryDict, kind: WayKind, said: str) -> None:
    if kind == WayKind.ON_CONFLICT:
        data["on_conflict"] = said
    elif kind == WayKind.MOMENT:
        data["scheduled_at"] = _local(said, data.get("zone") or "UTC")
    elif kind == WayKind.WITHOUT:
        gone = set(ids_of(said.split(",")))
        data.setlist("channels", [pk for pk in data.getlist("channels") if not {*ids_of([pk])} & gone])
    else:
        video_id, channel_id, at = said.split(",")
        channel = Channel.objects.only("timezone").get(pk=int(channel_id))
        data[own_times.name_of((int(video_id), channel.pk))] = _local(at, channel.timezone)


def _local(text: str, zone: str) -> str:
    at = datetime.fromisoformat(text)
    try:
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(ZoneInfo(zone)).strftime(LOCAL)
    except ZoneInfoNotFoundError as error:
        raise ValueError(zone) from error
