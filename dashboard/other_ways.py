"""Put what a button offers instead of a plan into the form that the plan was made of, so that it is planned anew."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.http import HttpRequest, QueryDict

from channels.models import Channel
from dashboard import own_times
from dashboard.listing import ids_of
from orchestration.errors import InvalidRequest
from orchestration.planning.difference_values import WayKind
from orchestration.register import selection

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
        data.setlist("channels", _without(data.getlist("channels"), ids_of(said.split(","))))
    else:
        video_id, channel_id, at = said.split(",")
        channel = Channel.objects.only("timezone").get(pk=int(channel_id))
        data[own_times.name_of((int(video_id), channel.pk))] = _local(at, channel.timezone)


def _without(words: list[str], gone: list[int]) -> list[str]:
    """Return the words that name channels without some: single ones are dropped, of a group they are excepted."""
    names = set(Channel.objects.filter(pk__in=gone).values_list("slug", flat=True))
    kept = [word for word in words if not {word, word.removeprefix("id:")} & {*names, *map(str, gone)}]
    many = len(selection.slugs_of(kept)) < len(kept)
    return kept + ([f"not:{slug}" for slug in sorted(names)] if many else [])


def _local(text: str, zone: str) -> str:
    at = datetime.fromisoformat(text)
    if at.microsecond:  # the field has whole seconds, and before the moment it is not free
        at = at.replace(microsecond=0) + timedelta(seconds=1)
    try:
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(ZoneInfo(zone)).strftime(LOCAL)
    except ZoneInfoNotFoundError as error:
        raise ValueError(zone) from error
