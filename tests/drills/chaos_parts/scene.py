"""Inside the installation of a drill: make its channels and publications, and say how they stand. One JSON line an order.

Started by `chaos.py` with the installation's own environment; it is no victim of the drill.
"""

import hashlib
import json
import os
import sys
import time
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

import django

django.setup()

from django.conf import settings
from django.db import connection, connections
from django.utils import timezone

from channels.models import Channel
from channels.sandbox.seed import CLIENT_ID, CLIENT_SECRET
from channels.states import MisfirePolicy
from orchestration.core.audit import Acting, this_process_acts_as
from orchestration.core.permissions import Actor
from orchestration.models import Distribution, Job, Lease, Pool, Schedule, SystemState, Video, WorkflowRun
from orchestration.monitoring import invariants
from orchestration.queue import pools
from orchestration.service import CentralOrchestrationService
from orchestration.states import ScheduleState, Trigger, VideoState
from tests.drills.chaos_parts.sandbox import slugs
from tests.factories import ChannelFactory, CredentialFactory, SourceFactory, default_renditions

PLENTY = 10**7
BIG_EVERY, BIG_BYTES, SMALL_BYTES = 10, 700_000, 6_000
OPEN = (ScheduleState.PLANNED, ScheduleState.STAGING, ScheduleState.STAGED, ScheduleState.PUBLISHING)


def service() -> CentralOrchestrationService:
    return CentralOrchestrationService(actor=Actor("drill", "admin"), trigger=Trigger.CLI)


def make(channels: int, github: int) -> dict:
    """Make pools without a limit, and channels that publish late rather than never."""
    pools.ensure_defaults()
    Pool.objects.update(capacity=PLENTY, reserve=0)
    Pool.objects.filter(name="upload").update(capacity=6)
    for slug, by_github in slugs(channels, github):
        channel = ChannelFactory(
            slug=slug,
            youtube_channel_id=f"UCsandbox-{slug}",
            github=by_github,
            min_gap_minutes=0,
            daily_cap=30_000,
            misfire_policy=MisfirePolicy.PUBLISH_LATE,
            misfire_grace_minutes=24 * 60,
        )
        secrets = {"client_secret": CLIENT_SECRET, "refresh_token": f"sandbox-refresh-{slug}"}
        CredentialFactory(channel=channel, client_id=CLIENT_ID, secrets=secrets)
    SourceFactory(name="drill", paused=True)
    status = service().get_status()
    if status.state != "running":
        service().start(reason="drill")
    synced = [channel.pk for channel in Channel.objects.exclude(repository="")]
    if synced:
        service().sync_channel_configs(channel_ids=synced)
    return {"channels": Channel.objects.count()}


def plan(moments: list[str], first: int, lead_seconds: float, plan_file: str) -> dict:
    """Plan one publication for each moment, channel after channel, and write the plan down for the ledger."""
    owners = list(Channel.objects.order_by("pk"))
    source = SourceFactory._meta.model.objects.get(name="drill")
    rows = []
    for number, moment in enumerate(moments, first):
        content = _content(number)
        path = Path(settings.MEDIA_ROOT) / "videos" / f"drill-{number}.mp4"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        url = f"https://videos.example/v/{number}.mp4"
        digest = hashlib.sha256(content).hexdigest()
        video = Video(
            source=source, url=url, canonical_url=url, title=f"V{number:05d}", content_hash=digest,
            prepared_hash=digest, size_bytes=len(content), duration_seconds=60, width=1920, height=1080,
            state=VideoState.READY, ready_at=timezone.now(),
            prepared_file=path.relative_to(settings.MEDIA_ROOT).as_posix(),
        )  # fmt: skip
        rows.append((video, owners[number % len(owners)], datetime.fromisoformat(moment)))
    videos = Video.objects.bulk_create([video for video, _, _ in rows], batch_size=500)
    default_renditions(videos)
    distributions = Distribution.objects.bulk_create(
        [
            Distribution(video=video, channel=channel, method=Distribution.Method.COORDINATED)
            for video, (_, channel, _) in zip(videos, rows, strict=True)
        ],
        batch_size=500,
    )
    Schedule.objects.bulk_create(
        [
            Schedule(
                channel=channel, distribution=distribution, publish_at=at, zone="UTC", priority=5,
                local_wall=at.strftime("%Y-%m-%dT%H:%M:%S"), stage_at=at - timedelta(seconds=lead_seconds),
            )
            for distribution, (_, channel, at) in zip(distributions, rows, strict=True)
        ],
        batch_size=500,
    )  # fmt: skip
    with Path(plan_file).open("a", encoding="utf-8") as file:
        for video, channel, at in rows:
            line = {
                "channel": channel.youtube_channel_id,
                "title": video.title,
                "publish_at": at.isoformat(),
            }
            file.write(json.dumps(line) + "\n")
    return {"planned": len(rows)}


def _content(number: int) -> bytes:
    size = BIG_BYTES if number % BIG_EVERY == 0 else SMALL_BYTES
    block = hashlib.sha256(str(number).encode()).digest()
    return (block * (size // len(block) + 1))[:size]


def standing() -> dict:
    """Return how far everything is: what is open, and the state of each publication that is not published."""
    now = timezone.now()
    jobs = Job.objects.open()
    states = Counter(Schedule.objects.values_list("state", flat=True))
    return {
        "system": SystemState.objects.values_list("state", flat=True).first(),
        "states": dict(states),
        "open": Schedule.objects.filter(state__in=OPEN, publish_at__lte=now).count(),
        "ahead": Schedule.objects.filter(state__in=OPEN, publish_at__gt=now).count(),
        "jobs": dict(Counter(f"{kind} {state}" for kind, state in jobs.values_list("kind", "state"))),
        "busy": jobs.filter(kind__in=["stage", "publish", "disarm", "recall", "sync"]).count(),
        "waiting for": dict(jobs.exclude(error_message="").values_list("error_code", "error_message")[:3]),
        "leases": Lease.objects.filter(released_at=None).count(),
    }


def ends() -> dict:
    """Return what became of each publication that did not end published, and whether every promise holds."""
    rows = Schedule.objects.exclude(state=ScheduleState.PUBLISHED).select_related(
        "distribution__video", "channel"
    )
    found = []
    for row in rows:
        job = Job.objects.filter(distribution=row.distribution_id).order_by("-pk").first()
        run = WorkflowRun.objects.filter(job__distribution=row.distribution_id).order_by("-pk").first()
        found.append(
            {
                "channel": row.channel.youtube_channel_id,
                "title": row.distribution.video.title,
                "state": row.state,
                "reason": row.reason,
                "executor": row.channel.executor,
                "job": f"{job.kind} {job.state} {job.attempts} tries {job.error_code}: {job.error_message}"
                if job
                else "",
                "run": f"{run.state} {run.error_message}" if run else "",
            }
        )  # fmt: skip
    broken = invariants.check(ticking=True, everything=True)
    if broken:  # it reads while everything runs: what is true only between two reads is not broken
        time.sleep(2)
        again = set(map(str, invariants.check(ticking=True, everything=True)))
        broken = [violation for violation in broken if str(violation) in again]
    return {
        "not_published": found,
        "invariants": len(invariants.CHECKS),
        "broken": [str(violation) for violation in broken],
    }


def resume() -> dict:
    """Resume, as a person does after a restore."""
    state = SystemState.objects.values_list("state", flat=True).first()
    if state == "paused":
        service().resume(reason="drill: restored")
    return {"was": state}


ORDERS = {"make": make, "plan": plan, "standing": standing, "ends": ends, "resume": resume}


def main() -> None:
    """Answer orders until the input ends."""
    for line in sys.stdin:
        order = json.loads(line)
        try:
            answer = ORDERS[order.pop("do")](**order)
        except Exception as error:  # the drill decides whether that matters
            answer = {"error": f"{type(error).__name__}: {error}"}
        if connection.connection is not None:
            connections.close_all()
        print("> " + json.dumps(answer), flush=True)


if __name__ == "__main__":
    this_process_acts_as(Acting("a drill"))
    main()
