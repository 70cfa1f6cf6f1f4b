"""A small installation in which most operations of the API can succeed, and what leads to its rows by their names there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from channels.editing import ChannelValues
from channels.models import Channel
from orchestration.core.audit import Acting, acting_as
from orchestration.core.permissions import LEVELS, Actor
from orchestration.queue import pools
from orchestration.register import tokens
from orchestration.service import CentralOrchestrationService
from orchestration.states import ScheduleState, Trigger, WaveState
from tests import factories
from tests.factories import in_
from tests.orchestration.api_client import document

Ids = dict[str, list[Any]]


def build() -> tuple[Ids, dict[str, str]]:
    """Make the rows; return ids by the name that parameters give them, and a token's text for each role."""
    with acting_as(Acting("the world's maker")):
        factories.SystemStateFactory(running=True)
        pools.ensure_defaults()
        callers = {level: tokens.issue(f"caller who may {level}", level)[1] for level in LEVELS}
        return _rows(), callers


def _rows() -> Ids:
    door = CentralOrchestrationService(actor=Actor("maker", "own"), trigger=Trigger.CLI)
    group = factories.ChannelGroupFactory(slug="news")
    channels = [
        factories.ChannelFactory(slug="aurora", timezone="UTC", filters={}),
        factories.ChannelFactory(slug="harbour", timezone="UTC", filters={}),
        factories.ChannelFactory(slug="paused", paused=True),
        factories.ChannelFactory(slug="by-github", github=True, filters={}),
    ]
    group.channels.add(channels[0])
    for channel in channels:
        factories.CredentialFactory(channel=channel)
        for weekday in range(3):
            factories.PostingSlotFactory(channel=channel, weekday=weekday)
        door.change_channel(channel_id=channel.pk, values=ChannelValues(priority=4))
    source = factories.SourceFactory()
    videos = factories.VideoFactory.create_batch(4, source=source)
    schedules = [
        factories.ScheduleFactory(channel=channels[number % 2], publish_at=in_(hours=30 + 3 * number), **how)
        for number, how in enumerate(
            (
                {},
                {},
                {"held": True},
                {"needs_review": True},
                {"staged": True},
                {"state": ScheduleState.CANCELLED},
            )
        )
    ]
    wave = factories.WaveFactory()
    paused_wave = factories.WaveFactory(state=WaveState.PAUSED)
    for each, hours in ((wave, 60), (wave, 64), (paused_wave, 70)):
        schedules.append(
            factories.ScheduleFactory(channel=channels[1], wave=each, publish_at=in_(hours=hours))
        )
    public = factories.ScheduleFactory(channel=channels[0], published=True)
    jobs = [
        factories.JobFactory(),
        factories.JobFactory(failed=True, kind="scrape", source=source),
        factories.JobFactory(needs_review=True, kind="stage"),
    ]
    run = factories.WorkflowRunFactory(channel=channels[3])
    return {
        "channel_id": [channel.pk for channel in channels],
        "canary_id": [channels[3].pk],
        "schedule_id": [row.pk for row in schedules] + [public.pk],
        "wave_id": [wave.pk, paused_wave.pk],
        "video_id": [video.pk for video in videos],
        "source_id": [source.pk, factories.SourceFactory(paused=True).pk],
        "distribution_id": [row.distribution_id for row in (*schedules[:5], public)],
        "job_id": [job.pk for job in jobs],
        "group_id": [group.pk],
        "pool_id": [factories.PoolFactory().pk, factories.PoolFactory(paused=True).pk],
        "lease_id": [factories.LeaseFactory().pk],
        "rule_id": [factories.NotificationRuleFactory().pk],
        "standing_rule_id": [factories.StandingRuleFactory().pk],
        "address_id": [factories.NotificationAddressFactory().pk],
        "endpoint_id": [(endpoint := factories.WebhookEndpointFactory()).pk],
        "delivery_id": [factories.WebhookDeliveryFactory(endpoint=endpoint).pk],
        "notification_id": [factories.NotificationFactory().pk],
        "silence_id": [factories.SilenceFactory(channel=channels[0]).pk],
        "user_id": [factories.UserFactory(username="vera").pk, factories.UserFactory(is_active=False).pk],
        "token_id": [tokens.issue("another program", "read")[0].pk],
        "attachment_id": [factories.AttachmentFactory(video=videos[0]).pk],
        "blackout_id": [factories.BlackoutFactory(channel=channels[0]).pk],
        "slot_id": list(channels[0].slots.values_list("pk", flat=True)),
        "conflict_id": [factories.ConflictFactory().pk],
        "rollout_id": [factories.RolloutFactory().pk, factories.EndedRolloutFactory().pk],
        "blocker_id": [factories.BlockerFactory().pk],
        "label_id": [factories.LabelFactory(name="first").pk],
        "orphan_id": [factories.OrphanUploadFactory().pk],
        "view_id": [factories.SavedViewFactory(shared=True).pk],
        "activity_id": [factories.ActivityFactory(subject=channels[0]).pk],
        "workflow_run_id": [run.pk],
        "correlation_id": [run.correlation_id],
        "number": list(Channel.objects.get(pk=channels[0].pk).revisions.values_list("number", flat=True)),
        "key": [str(factories.UploadFactory(owner="caller who may own").key)],
        "subject": ["video"],
        "which": ["prepared", "original"],
        "log": ["headend.log"],
        "profile": [factories.ProfileFactory().key],
        "channels": ["aurora", "group:news", "harbour"],
        "group": ["news"],
        "label": ["first"],
    }


ANYWHERE = {
    ("words_show", "subject_id"): "video_id",
    ("standing_show", "rule_id"): "standing_rule_id",
    **{
        (f"standing_{verb}", "rule_id"): "standing_rule_id"
        for verb in ("delete", "episode", "patch", "preview", "remove", "replace", "run")
    },
    ("orchestration_log", "name"): "log",
    ("profiles_replace", "key"): "profile",
    ("profiles_remove", "key"): "profile",
    ("profiles_patch", "key"): "profile",
    ("profiles_delete", "key"): "profile",
}
"""Whose name of a parameter means another row than elsewhere."""


def requests(name: str, operation: dict[str, Any], ids: Ids) -> list[dict[str, Any]]:
    """Return requests that ought to succeed: what was written down here, the document's example, the least there is."""
    if name in SPECIAL:
        return SPECIAL[name](ids)
    query = {
        each["name"]: _value(each["name"], each["schema"], ids)
        for each in operation.get("parameters", ())
        if each["in"] == "query" and each.get("required")
    }
    content = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if content is None:
        return [{"query": query}]
    schema = _resolved(content["schema"])
    least = {key: _value(key, schema["properties"][key], ids) for key in schema.get("required", ())}
    examples = [_led(dict(each), ids) for each in schema.get("examples", ())]
    return [{"query": query, "body": body} for body in (*examples, least)]


def _resolved(schema: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in schema:
        schema = document()["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema


def _led(body: dict[str, Any], ids: Ids) -> dict[str, Any]:
    """Let an example name rows of this world."""
    for key, value in body.items():
        if key.endswith("_ids"):
            body[key] = ids.get(key.removesuffix("s"), value)[:2]
        elif key in ids and isinstance(value, int):
            body[key] = ids[key][0]
        elif key in ("channels", "group", "label"):
            body[key] = ids[key][:1]
        elif isinstance(value, dict):
            body[key] = _led(dict(value), ids)
        elif isinstance(value, str) and value[:2] == "20" and "T" in value:
            body[key] = LATER()
    body.pop("version", None)
    return body


def LATER() -> str:
    """Return an instant that is free in this world."""
    return in_(hours=40).replace(microsecond=0).isoformat()


def _value(key: str, schema: dict[str, Any], ids: Ids) -> Any:
    """Return a value that fits a schema and means something here."""
    schema = _resolved(schema)
    if key.endswith("_ids"):
        return ids.get(key.removesuffix("s"), [])[:1]
    if key in ids and schema.get("type") == "integer":
        return ids[key][0]
    if key in VALUES:
        return VALUES[key]
    for choice in schema.get("anyOf", ()):
        return _value(key, choice, ids)
    if "enum" in schema:
        return schema["enum"][0]
    kind, form = schema.get("type"), schema.get("format")
    if kind == "object":
        return {name: _value(name, schema["properties"][name], ids) for name in schema.get("required", ())}
    if kind == "array":
        return [_value(key, schema["items"], ids)]
    if kind in ("integer", "number"):
        return max(1, schema.get("minimum", 1))
    if kind == "boolean":
        return True
    if form == "date-time":
        return LATER()
    return in_(days=9).date().isoformat() if form == "date" else "something"


VALUES = {
    "timezone": "Europe/Berlin",
    "url": "https://feeds.example/new.xml",
    "endpoint": "https://storage.example",
    "local_time": "03:30",
    "cause": "changed_elsewhere",
    "password": "correct horse battery staple 9",
    "username": "newcomer",
    "weekday": 5,
}
SPECIAL: dict[str, Callable[[Ids], list[dict[str, Any]]]] = {
    "orchestration_log": lambda ids: [{}],
    "schedules_allowed": lambda ids: [{"query": {"since": in_(hours=1).isoformat(), "until": LATER()}}],
    "videos_allowed": lambda ids: [{"query": {"since": in_(hours=1).isoformat(), "until": LATER()}}],
    "rewind_show": lambda ids: [{"query": {"at": in_(minutes=-5).isoformat()}}],
    "since_seen": lambda ids: [{"body": {}}],
    "sources_create": lambda ids: [{"body": {"url": "https://93.184.216.34/feed.xml", "name": "A feed"}}],
    "views_create": lambda ids: [{"body": {"name": "Mine", "page": "jobs"}}],
    "reviews_refuse": lambda ids: [{"body": {"schedule_ids": ids["schedule_id"][:1], "reason": "not yet"}}],
    "labels_take_off": lambda ids: [{"body": {"channels": ["aurora"], "labels": ["first"]}}],
    "uploads_create": lambda ids: [
        {
            "headers": {
                "Tus-Resumable": "1.0.0",
                "Upload-Length": "9",
                "Upload-Metadata": "filename ZmlsbS5tcDQ=",
            }
        }
    ],
    "uploads_abandon": lambda ids: [{"headers": {"Tus-Resumable": "1.0.0"}}],
    "uploads_append": lambda ids: [
        {"headers": {"Tus-Resumable": "1.0.0", "Upload-Offset": "0"}, "body": b"\0" * 8},
    ],
    "conflicts_apply": lambda ids: [{"body": {"index": 0}}],
    "channels_set_credential": lambda ids: [
        {"body": {"client_id": "1-a.apps.googleusercontent.com", "client_secret": "s", "refresh_token": "r"}}
    ],
}
"""What succeeds, where neither finds it."""
