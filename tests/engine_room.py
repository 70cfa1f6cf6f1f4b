"""Run the engine in the test's own process: real jobs, real clients, the sandbox beyond the wire, a clock to be moved."""

from __future__ import annotations

import hashlib
import ipaddress
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from channels.models import Channel
from channels.quota import pacific_day, pacific_day_bounds
from channels.sandbox import youtube_state
from channels.sandbox.server import Sandbox
from orchestration.core.permissions import Actor
from orchestration.engine import tick as clock
from orchestration.engine import worker
from orchestration.models import Distribution, Job, Schedule, Video
from orchestration.monitoring import invariants
from orchestration.queue import jobs as queue
from orchestration.queue import pools
from orchestration.service import CentralOrchestrationService
from orchestration.states import DistributionState, ScheduleState, SystemStatus, Trigger
from tests import factories
from tests.register_helpers import connected_channel, github_channel, lead_to_sandbox

KIB = 1024
MAX_JOBS = 60


def door(scope: str = "admin") -> CentralOrchestrationService:
    """Return the service as an administrator at a button reaches it; who may what is told in test_roles.py."""
    return CentralOrchestrationService(actor=Actor("olga", scope), trigger=Trigger.BUTTON)


@dataclass
class Engine:
    """What a test needs to play a whole installation."""

    sandbox: Sandbox
    settings: Any
    patch: pytest.MonkeyPatch
    traveller: time_machine.Traveller | None = None

    # -- the scene -----------------------------------------------------------------------------------------------

    def channel(self, slug: str = "aurora", *, github: bool = False, **values: Any) -> Channel:
        """Return a connected channel, by GitHub Actions or by our own workers."""
        make = github_channel if github else connected_channel
        return make(self.sandbox, slug, **values)

    def video(self, *, size_bytes: int = 40 * KIB, **values: Any) -> Video:
        """Return a video whose prepared file lies in the media folder; its bytes are its own."""
        video = factories.VideoFactory(**values)
        blocks = (hashlib.sha256(f"{video.pk} {n}".encode()).digest() for n in range(size_bytes // 32 + 1))
        content = b"".join(blocks)[:size_bytes]
        path = Path(self.settings.MEDIA_ROOT) / "videos" / str(video.pk) / "prepared.mp4"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        video.prepared_file = path.relative_to(self.settings.MEDIA_ROOT).as_posix()
        video.prepared_hash = hashlib.sha256(content).hexdigest()
        video.save()
        video.renditions.update(file=video.prepared_file, content_hash=video.prepared_hash)
        return video

    def planned(
        self, channel: Channel, *, video: Video | None = None, minutes: float = 30, **values: Any
    ) -> Schedule:
        """Return a planned publication whose staging is due."""
        distribution = factories.DistributionFactory(video=video or self.video(), channel=channel)
        at = (timezone.now() + timedelta(minutes=minutes)).replace(microsecond=0)
        values = {"publish_at": at, "stage_at": min(at, timezone.now()), **values}
        return factories.ScheduleFactory(channel=channel, distribution=distribution, **values)

    def staged(self, channel: Channel, *, minutes: float = 5, **values: Any) -> Schedule:
        """Return a publication whose video lies private on the sandbox's YouTube."""
        row = self.planned(channel, minutes=minutes, **values)
        clock.stage_due(timezone.now())
        self.work()
        row.refresh_from_db()
        assert row.state == ScheduleState.STAGED, (row.state, row.reason, self.jobs_of(row))
        return row

    def armed(self, channel: Channel, *, minutes: float = 5, **values: Any) -> Schedule:
        """Return a publication that YouTube itself will make public."""
        row = self.staged(channel, minutes=minutes, **values)
        self.tick()
        self.work()
        row.refresh_from_db()
        assert row.armed_for == row.publish_at
        return row

    def published(self, channel: Channel, **values: Any) -> Schedule:
        """Return a publication that is public."""
        row = self.armed(channel, **values)
        self.pass_until(row.publish_at + timedelta(seconds=2))
        self.tick()
        self.work()
        row.refresh_from_db()
        assert row.state == ScheduleState.PUBLISHED
        return row

    # -- letting it happen -----------------------------------------------------------------------------------------

    def tick(self) -> dict[str, int]:
        return clock.tick()

    def work(self, most: int = MAX_JOBS) -> list[Job]:
        """Claim and run jobs until none is left that may start now."""
        done = []
        while len(done) < most:
            claimed = queue.claim(limit=1)
            if not claimed:
                return done
            done.append(worker.run(claimed[0]))
        raise AssertionError(
            f"still jobs after {most}: {Job.objects.values('kind', 'state', 'error_message')}"
        )

    def work_one(self) -> Job:
        (job,) = queue.claim(limit=1)
        return worker.run(job)

    def pass_time(self, **span: float) -> None:
        """Let time pass, for us and for the sandbox."""
        self.pass_until(timezone.now() + timedelta(**span))

    def pass_until(self, at: datetime) -> None:
        """Let the clock show an instant and go on from there, for us and for the sandbox."""
        if self.traveller is not None:
            self.traveller.stop()
        self.patch.setattr("orchestration.queue.lease.time", time)
        self.traveller = time_machine.travel(at, tick=True)
        self.traveller.start()

    def stand_still_at(self, at: datetime) -> None:
        """Stop the clock at an instant, so that it does not matter how slow the machine is that runs the test.

        Until `pass_time` or `pass_until` lets it go on, only a job that waits for an instant moves it.
        """
        if self.traveller is not None:
            self.traveller.stop()
        self.traveller = time_machine.travel(at, tick=False)
        frozen = self.traveller.start()
        still = SimpleNamespace(monotonic=time.monotonic, sleep=frozen.shift)
        self.patch.setattr("orchestration.queue.lease.time", still)

    def retry_now(self) -> None:
        """Let what waits for another try be tried now."""
        Job.objects.filter(state="waiting").update(
            run_at=timezone.now() - timedelta(seconds=1), blocked_on=None
        )

    # -- looking -----------------------------------------------------------------------------------------------------

    def jobs_of(self, row: Schedule) -> list[tuple[str, str, str]]:
        return list(
            Job.objects.filter(distribution=row.distribution_id)
            .order_by("pk")
            .values_list("kind", "state", "error_message")
        )

    def uploads(self) -> list[dict[str, Any]]:
        return list(self.sandbox.store.snapshot().get("youtube", {}).get("videos", {}).values())

    def on_youtube(self, row: Schedule | Distribution) -> dict[str, Any]:
        youtube_state.settle(self.sandbox.store)
        distribution = row.distribution if isinstance(row, Schedule) else row
        distribution.refresh_from_db()
        return self.sandbox.store.snapshot()["youtube"]["videos"][distribution.youtube_video_id]

    def publications(self) -> list[dict[str, Any]]:
        """Return every time a video became public, by the sandbox's own record."""
        return youtube_state.publications(self.sandbox.store)


@pytest.fixture
def midday() -> Iterator[None]:
    """Let it be noon in California, where the days of YouTube's budgets begin: an hour from now is the same day."""
    tomorrow = pacific_day(timezone.now()) + timedelta(days=1)
    with time_machine.travel(pacific_day_bounds(tomorrow)[0] + timedelta(hours=12), tick=True):
        yield


@pytest.fixture
def engine(db, settings, sandbox: Sandbox, monkeypatch) -> Iterator[Engine]:
    """A running installation before the sandbox, with its pools; nothing happens until the test lets it."""
    lead_to_sandbox(settings, sandbox)
    settings.HEADEND_HEARTBEAT_SECONDS = 0
    settings.HEADEND_SOURCE_NETWORKS = [ipaddress.ip_network("127.0.0.0/8")]
    settings.HEADEND_PUBLIC_URL = ""
    # An upload that is interrupted waits before it goes on; here it need not.
    monkeypatch.setattr("channels.gateways.youtube_upload._wait_seconds", lambda failures, asked: 0.0)
    factories.SystemStateFactory(state=SystemStatus.RUNNING)
    pools.ensure_defaults()
    made = Engine(sandbox, settings, monkeypatch)
    yield made
    broken = invariants.check(ticking=True, everything=True)  # by the clock of the test
    assert not broken, "\n".join(map(str, broken))
    if made.traveller is not None:
        made.traveller.stop()


def state_of(row: Schedule) -> tuple[str, str]:
    """Return the states of a schedule and of its distribution as they stand in the database."""
    row.refresh_from_db()
    return row.state, Distribution.objects.values_list("state", flat=True).get(pk=row.distribution_id)


STAGED = (ScheduleState.STAGED, DistributionState.STAGED)
PUBLISHED = (ScheduleState.PUBLISHED, DistributionState.PUBLISHED)
