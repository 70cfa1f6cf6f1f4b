"""Open the console as somebody, with a scene on the stage."""

from datetime import time

import pytest
from django.test import Client
from django.utils import timezone

from tests import factories


@pytest.fixture
def operator(db):
    """Return a user who may operate, and set up channels."""
    return factories.UserFactory(administrator=True, username="olga")


@pytest.fixture
def console(operator) -> Client:
    """Return a browser in which an operator is logged in."""
    client = Client(enforce_csrf_checks=False)
    client.force_login(operator)
    return client


@pytest.fixture
def scene(db) -> dict:
    """Put at least one row of every kind on the stage."""
    channel = factories.ChannelFactory(slug="north", name="North", timezone="Europe/Berlin", healthy=True)
    factories.ChannelGroupFactory(slug="news", name="News").channels.add(channel)
    factories.LabelFactory(name="de").channels.add(channel)
    github = factories.ChannelFactory(slug="south", name="South", github=True, failing=True)
    factories.CredentialFactory(channel=channel)
    factories.PostingSlotFactory(channel=channel)
    factories.BlackoutFactory(channel=channel)
    factories.ConfigRevisionFactory(channel=channel)
    factories.ChannelStatisticsFactory(channel=channel)
    wave = factories.WaveFactory(name="Evening wave")
    planned = factories.ScheduleFactory(channel=channel, wave=wave, distribution__wave=wave)
    published = factories.ScheduleFactory(channel=github, published=True, wave=wave, distribution__wave=wave)
    unclear = factories.ScheduleFactory(channel=channel, needs_review=True)
    factories.VideoStatisticsFactory(distribution=published.distribution)
    running = factories.JobFactory(
        channel=channel, running=True, schedule=planned, video=planned.distribution.video
    )
    failed = factories.JobFactory(channel=github, failed=True)
    factories.WorkflowRunFactory(job=failed)
    pool = factories.PoolFactory(name="upload", label="Uploading at once")
    lease = factories.LeaseFactory(pool=pool, job=running)
    conflict = factories.ConflictFactory(channel=channel, schedule=planned, other_schedule=published)
    source = factories.SourceFactory(broken=True)
    factories.UploadFactory(name="<b>film</b>.mp4", received_bytes=2_000_000)
    video = factories.VideoFactory(source=source, title="<b>Bold</b> & co")
    entry = factories.ActivityFactory(subject=channel)
    message = factories.NotificationFactory(
        channel=channel, title="<b>error</b>", outcome="given_up", error="404"
    )
    rule = factories.NotificationRuleFactory(quiet_from=time(22), quiet_until=time(7), digest_at=time(8))
    rule.addresses.add(message.address)
    silence = factories.SilenceFactory(channel=channel)
    factories.IncidentFactory(channel=channel)
    factories.RolloutMemberFactory(
        channel=channel, rollout__state="halted", rollout__halted_why="<b>no</b>", outcome="failed"
    )
    return {
        "channel": channel,
        "github": github,
        "wave": wave,
        "planned": planned,
        "published": published,
        "unclear": unclear,
        "running": running,
        "failed": failed,
        "pool": pool,
        "lease": lease,
        "conflict": conflict,
        "source": source,
        "video": video,
        "entry": entry,
        "message": message,
        "rule": rule,
        "silence": silence,
        "delivery": factories.WebhookDeliveryFactory(
            outcome="given_up",
            error="It answered 500.",
            status=500,
            attempts=2,
            answer="<b>no</b>",
            tries=[
                {"at": "2026-11-25T12:00:00.000+00:00", "status": 500, "ms": 12, "error": "It answered 500."}
            ],
            endpoint__last_error="It answered 500.",
        ),
        "person": factories.UserFactory(username="petra"),
        "factor": factories.SecondFactorFactory(),
        "standing": factories.StandingRuleFactory(),
        "profile": factories.ProfileFactory(),
        "proposal": factories.ProposalFactory(
            arguments={"schedule_id": planned.pk, "reason": "<b>no</b>"},
            preview={"plan": {"summary": "<b>one</b> publication"}},
            reason="<b>asked</b>",
            token__name="<b>helper</b>",
        ),
    }


@pytest.fixture
def addresses(scene) -> list[str]:
    """Return every page that can be opened."""
    return [
        "/",
        "/overview/more/",
        "/jobs/?routine=1",
        "/schedule/?late=1",
        "/channels/",
        "/channels/?state=active&health=healthy&q=nor",
        f"/channels/{scene['channel'].slug}/",
        f"/channels/{scene['github'].slug}/",
        f"/channels/{scene['channel'].slug}/?open=week&open=blackouts&open=takes&open=words&open=pace&open=basics",
        f"/channels/{scene['github'].slug}/?open=staging&open=connection&open=groups&open=revisions&open=videos&open=preparation&open=jobs",
        f"/channels/{scene['channel'].slug}/?open=activity&open=end&year=2027&before=3",
        f"/channels/{scene['channel'].slug}/revisions/1/",
        "/channels/new/",
        "/proposals/",
        f"/proposals/{scene['proposal'].pk}/",
        "/rollouts/",
        "/groups/",
        "/groups/news/?q=nor",
        "/calendar/?view=month",
        f"/calendar/?view=week&lanes=1&zone=Asia/Kathmandu&wave={scene['wave'].pk}&layers=x&layer=slots&layer=pacific",
        "/calendar/?view=day&backlog=1&bq=bold&state=attention",
        f"/calendar/moving/{scene['planned'].pk}/",
        f"/calendar/placing/{scene['video'].pk}/",
        "/schedule/",
        "/schedule/?span=336&state=open&from=2026-12-24",
        f"/schedules/{scene['planned'].pk}/",
        f"/schedules/{scene['unclear'].pk}/",
        f"/schedules/{scene['published'].pk}/",
        "/review/",
        "/waves/",
        "/waves/?state=open",
        "/waves/?state=scheduled&q=evening",
        f"/schedule/?state=attention&channel={scene['channel'].pk}&wave={scene['wave'].pk}",
        "/waves/new/",
        f"/waves/{scene['wave'].pk}/",
        "/videos/",
        f"/videos/{scene['video'].pk}/",
        f"/videos/{scene['video'].pk}/?channel={scene['channel'].pk}",
        "/library/",
        "/library/?state=open&q=film",
        "/sources/",
        "/sources/?state=active&q=source",
        f"/videos/?state=ready&source={scene['source'].pk}&q=bold",
        "/words/",
        f"/words/?channel={scene['channel'].pk}&state=assigned&q=clip",
        f"/words/video/{scene['video'].pk}/",
        f"/words/channel/{scene['channel'].pk}/",
        f"/words/wave/{scene['wave'].pk}/",
        f"/words/publication/{scene['planned'].distribution_id}/",
        "/distribute/",
        "/jobs/",
        "/jobs/?state=attention&kind=stage",
        f"/jobs/{scene['running'].pk}/",
        f"/jobs/{scene['failed'].pk}/",
        f"/jobs/?state=open&channel={scene['channel'].pk}&q=clip",
        "/jobs/?state=running",
        "/conflicts/",
        f"/conflicts/?state=open&kind=timing&channel={scene['channel'].pk}",
        "/pools/",
        "/forecast/",
        "/set-up/",
        "/set-up/google/?channel=north",
        "/set-up/github/",
        "/set-up/rehearsal/",
        "/statistics/",
        f"/statistics/?days=30&channel={scene['channel'].slug}&wave={scene['wave'].pk}&source={scene['source'].pk}",
        "/statistics/work/?days=1",
        "/statistics/youtube/",
        "/statistics/work/failures.csv",
        "/activity/",
        f"/activity/?verb=pause_channel&actor=op&trigger=button&subject=channel&id={scene['channel'].pk}&q=north",
        f"/activity/?cid={scene['entry'].cid}",
        "/rewind/",
        "/rewind/?page=overview",
        f"/rewind/?page=channel&channel={scene['channel'].slug}&at={timezone.now():%Y-%m-%dT%H:%M:%S.%fZ}",
        "/since/",
        "/search/?q=nor",
        "/notifications/",
        "/notifications/log/",
        f"/notifications/log/?kind=problem&outcome=given_up&address_id={scene['message'].address_id}&q=error",
        "/notifications/rules/new/",
        f"/notifications/rules/{scene['rule'].pk}/",
        f"/notifications/addresses/{scene['message'].address_id}/",
    ]
