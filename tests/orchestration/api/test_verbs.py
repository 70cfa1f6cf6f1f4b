"""Each verb of the API, and its command, calls its method of the service with what was sent."""

from datetime import UTC, datetime

import pytest
from django.core.management import call_command

from orchestration.errors import SystemNotRunning
from orchestration.service import CentralOrchestrationService
from tests import factories

pytestmark = pytest.mark.django_db
AT, THEN = "2030-01-02T03:04:05+02:00", datetime(2030, 1, 2, 1, 4, 5, tzinfo=UTC)
WHY = {"reason": "because", "version": 3}
REASON = ("--reason", "because", "--version", 3)
JUST_WHY, JUST_REASON = {"reason": "because"}, ("--reason", "because")


def _verbs():
    for verb in ("pause", "resume", "disable"):
        yield f"channels/{{}}/{verb}", WHY, f"{verb}_channel", {"channel_id": 7, **WHY}, None
    for verb in ("pause", "resume", "cancel"):
        yield f"waves/7/{verb}", WHY, f"{verb}_wave", {"wave_id": 7, **WHY}, (f"wave-{verb}", 7, *REASON)
    yield (
        "waves/7/move",
        {"scheduled_at": AT, **WHY},
        "move_wave",
        {"wave_id": 7, "scheduled_at": THEN, **WHY},
        ("wave-move", 7, AT, *REASON),
    )
    yield (
        "waves/7/recall",
        {"confirmed_ids": [3, 4], **WHY},
        "recall_wave",
        {"wave_id": 7, "confirmed_ids": [3, 4], **WHY},
        ("wave-recall", 7, "--confirm", 3, 4, *REASON),
    )
    yield (
        "schedules/7/move",
        {"publish_at": AT, **WHY},
        "move_schedule",
        {"schedule_id": 7, "publish_at": THEN, **WHY},
        ("move", 7, AT, *REASON),
    )
    for verb in ("release", "reopen"):
        yield (
            f"schedules/7/{verb}",
            {"publish_at": AT, **WHY},
            f"{verb}_schedule",
            {"schedule_id": 7, "publish_at": THEN, **WHY},
            (verb, 7, "--at", AT, *REASON),
        )
    for verb in ("hold", "cancel", "bump"):
        yield f"schedules/7/{verb}", WHY, f"{verb}_schedule", {"schedule_id": 7, **WHY}, (verb, 7, *REASON)
    found = {"outcome": "published", "youtube_video_id": "abc", **WHY}
    yield (
        "schedules/7/review",
        found,
        "review_schedule",
        {"schedule_id": 7, **found},
        ("review", 7, "--outcome", "published", "--youtube-video-id", "abc", *REASON),
    )
    yield (
        "jobs/7/review",
        found,
        "review_job",
        {"job_id": 7, **found},
        ("job-review", 7, "--outcome", "published", "--youtube-video-id", "abc", *REASON),
    )
    again = {"next_free": True, **WHY}
    yield (
        "jobs/7/retry",
        again,
        "retry_job",
        {"job_id": 7, **again},
        ("job-retry", 7, "--next-free", *REASON),
    )
    for verb in ("cancel", "bump"):
        yield f"jobs/7/{verb}", WHY, f"{verb}_job", {"job_id": 7, **WHY}, (f"job-{verb}", 7, *REASON)
    for verb in ("pause", "resume"):
        yield (
            f"sources/7/{verb}",
            WHY,
            f"{verb}_source",
            {"source_id": 7, **WHY},
            (f"source-{verb}", 7, *REASON),
        )
    rights = {"rights_basis": "licensed", "rights_note": "no 7", **WHY}
    yield (
        "sources/7/set-rights",
        rights,
        "set_source_rights",
        {"source_id": 7, **rights},
        ("source-set-rights", 7, "licensed", "--rights-note", "no 7", *REASON),
    )
    given = {"username": "olga", "hosts": ["cdn.example"], **WHY}
    yield (
        "sources/7/set-access",
        given,
        "set_source_access",
        {"source_id": 7, "password": "", "cookies": "", "headers": [], **given},
        ("source-access-set", 7, "--username", "olga", "--host", "cdn.example", *REASON),
    )
    yield (
        "sources/7/remove-access",
        WHY,
        "remove_source_access",
        {"source_id": 7, **WHY},
        ("source-access-remove", 7, *REASON),
    )
    yield "sources/7/scrape", {}, "scrape_source", {"source_id": 7}, ("source-scrape", 7)
    for verb in ("pause", "resume"):
        yield f"pools/7/{verb}", JUST_WHY, f"{verb}_pool", {"pool_id": 7, **JUST_WHY}, None
    yield (
        "conflicts/7/apply",
        {"index": 1, "version": 3},
        "apply_alternative",
        {"conflict_id": 7, "index": 1, "version": 3},
        ("conflict-apply", 7, 1, "--version", 3),
    )
    yield (
        "conflicts/7/dismiss",
        WHY,
        "dismiss_conflict",
        {"conflict_id": 7, **WHY},
        ("conflict-dismiss", 7, *REASON),
    )
    yield "channels/7/check", {}, "check_channels", {"channel_ids": [7]}, None
    yield "channels/7/sync", {}, "sync_channel_configs", {"channel_ids": [7]}, None
    yield (
        "orchestration/monitor-channels",
        {"channel_ids": [7]},
        "check_channels",
        {"channel_ids": [7]},
        None,
    )
    at_once = {"now": True, "disarm": True, **WHY}
    yield "orchestration/stop", at_once, "stop", at_once, ("stop", "--now", "--disarm", *REASON)
    back = {"disarm": True, **WHY}
    yield "orchestration/pause", back, "pause", back, ("pause", "--disarm", *REASON)
    wave = {
        "timing": "staggered",
        "scheduled_at": AT,
        "delay_seconds": 60,
        "priority": 9,
        "on_conflict": "skip",
    }
    wave |= {"overrides": [{"video_id": 1, "channel_id": 2, "publish_at": AT}], "acknowledge_policy": True}
    yield (
        "orchestration/schedule-wave",
        {"name": "Spring", "video_ids": [1], "channel_ids": [2], "wave_config": wave},
        "schedule_wave_publication",
        {
            "name": "Spring",
            "video_ids": [1],
            "channel_ids": [2],
            **wave,
            "scheduled_at": THEN,
            "overrides": {(1, 2): THEN},
            "dry_run": False,
            "fingerprint": "",
        },
        None,
    )


@pytest.fixture
def recorded(monkeypatch):
    """Record a method's calls instead of doing anything."""

    def record(method: str) -> list[dict]:
        calls: list[dict] = []

        def recorder(self, **given):
            calls.append(given)
            raise SystemNotRunning("Recorded instead.")

        monkeypatch.setattr(CentralOrchestrationService, method, recorder)
        return calls

    return record


@pytest.mark.parametrize(
    ("path", "body", "method", "given", "words"), list(_verbs()), ids=lambda v: str(v)[:40]
)
def test_a_verb_calls_its_method(api, recorded, path, body, method, given, words):
    calls = recorded(method)

    answer = api.post(path.format(7), body)

    assert answer.status_code == 409, answer.content
    assert calls == [given]
    if words is not None:
        with pytest.raises(SystemExit) as end:
            call_command("orchestration", *map(str, words))
        assert end.value.code == 3
        assert calls == [given, given]


@pytest.mark.parametrize("verb", ["pause", "resume", "disable"])
def test_a_channels_command_takes_its_slug(recorded, verb):
    channel = factories.ChannelFactory()
    calls = recorded(f"{verb}_channel")

    with pytest.raises(SystemExit):
        call_command("orchestration", f"channel-{verb}", channel.slug, *REASON)

    assert calls == [{"channel_id": channel.pk, **WHY}]


def test_a_lease_is_released_within_its_pool_only(api):
    lease = factories.LeaseFactory()
    other = factories.PoolFactory()

    assert api.post(f"pools/{other.pk}/leases/{lease.pk}/release").status_code == 404
    answer = api.post(f"pools/{lease.pool_id}/leases/{lease.pk}/release", JUST_WHY)

    assert answer.status_code == 200
    assert answer.json()["released_at"] is not None
    assert api.post(f"pools/{lease.pool_id}/leases/{lease.pk}/release").status_code == 409


def test_a_pool_is_paused_and_shows_what_is_possible_then(api):
    pool = factories.PoolFactory()

    paused = api.post(f"pools/{pool.pk}/pause").json()

    assert (paused["paused"], paused["actions"]) == (True, ["resume"])
    assert api.post(f"pools/{pool.pk}/resume").json()["actions"] == ["pause"]
