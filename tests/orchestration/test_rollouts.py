"""A configuration reaches a canary first, then cohort after cohort, and no further than the first that fails."""

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from channels.models import Channel, ConfigRevision
from channels.sandbox import github_state
from orchestration.errors import IllegalTransition, InvalidRequest, NotFound
from orchestration.github import repository_files, rollouts
from orchestration.models import Activity, Job, Rollout
from orchestration.states import JobState
from tests import factories
from tests.engine_room import door

SLUGS = ("aurora", "borealis", "corona", "dawn", "eclipse")
OPEN = {JobState.QUEUED, JobState.RUNNING, JobState.WAITING}


@pytest.fixture
def channels(db) -> list[Channel]:
    """Give five channels with repositories, none of which has its configuration yet."""
    return [factories.ChannelFactory(github=True, slug=slug, name=slug.title()) for slug in SLUGS]


def begin(channels: list[Channel], **more):
    return door().sync_channel_configs(canary_id=channels[0].pk, **{"cohort_size": 2, **more})


def under_way() -> set[str]:
    return set(Job.objects.filter(state__in=OPEN).values_list("channel__slug", flat=True))


def end(slug: str, state: str = JobState.SUCCEEDED, error: str = "") -> None:
    """End a channel's sync as a worker would have."""
    Job.objects.filter(channel__slug=slug, state__in=OPEN).update(state=state, error_message=error)
    if state == JobState.SUCCEEDED:
        ConfigRevision.objects.filter(channel__slug=slug).update(synced_at=timezone.now())


def advance(*ended: str) -> str:
    for slug in ended:
        end(slug)
    rollouts.advance(timezone.now())
    return Rollout.objects.get().state


# ------------------------------------------------------------------------------------------------------------- the rule


def test_the_canary_comes_first_and_each_cohort_when_all_before_it_went_well(channels):
    result = begin(channels)
    assert [each.cohort for each in result.outcomes] == [0, 1, 1, 2, 2]
    assert [each.outcome for each in result.outcomes] == ["queued", *["later"] * 4]
    assert f"rollout {result.rollout_id}" in result.outcomes[1].message
    assert under_way() == {"aurora"}
    assert advance() == "running"
    assert under_way() == {"aurora"}, "the canary has not ended"
    advance("aurora")
    assert under_way() == {"borealis", "corona"}
    advance("corona")
    assert under_way() == {"borealis"}, "one of the cohort has not ended"
    advance("borealis")
    assert under_way() == {"dawn", "eclipse"}
    assert advance("dawn", "eclipse") == "completed"
    report = door("read").get_rollout(rollout_id=result.rollout_id)
    assert [(each.number, each.state, each.done) for each in report.cohorts] == [
        (0, "done", 1),
        (1, "done", 2),
        (2, "done", 2),
    ]
    assert report.ended_at is not None
    assert Activity.objects.filter(verb="rollout_cohort_started").count() == 3
    assert rollouts.advance(timezone.now()) == 0


@pytest.mark.parametrize(
    "bad", [JobState.FAILED, JobState.ERRORED, JobState.CANCELLED, JobState.NEEDS_REVIEW]
)
def test_it_halts_with_the_channel_and_the_fact_goes_on_and_repeats_what_failed(channels, bad):
    rollout = begin(channels).rollout_id
    advance("aurora")
    end("borealis", bad, "GitHub said no")
    assert advance() == "halted"
    row = Rollout.objects.get()
    assert "Borealis: GitHub said no" in row.halted_why
    end("corona")
    assert advance() == "halted"
    assert under_way() == set(), "nothing follows"
    assert Activity.objects.get(verb="rollout_halted").reason == row.halted_why

    report = door().continue_rollout(rollout_id=rollout, reason="mended")
    assert (report.state, report.halted_why) == ("running", "")
    assert under_way() == {"borealis"}, "only what failed is repeated"
    assert Activity.objects.get(verb="rollout_continued").reason == "mended"
    advance("borealis")
    assert under_way() == {"dawn", "eclipse"}


def test_it_halts_again_where_what_failed_fails_once_more(channels):
    rollout = begin(channels).rollout_id
    for _ in range(2):
        end("aurora", JobState.FAILED, "no such branch")
        assert advance() == "halted"
        assert "canary" in Rollout.objects.get().halted_why
        door().continue_rollout(rollout_id=rollout)
    assert under_way() == {"aurora"}


def test_what_waits_for_its_channel_alone_halts_it_and_what_waits_for_all_does_not(channels):
    begin(channels)
    job = Job.objects.get()
    outage = factories.BlockerFactory(code="github_down", scope="installation", channel=None, subject_id=0)
    Job.objects.update(state=JobState.WAITING, blocked_on=outage)
    assert advance() == "running"
    drift = factories.BlockerFactory(
        code="repository_drifted", channel=job.channel, sentence="2 files changed."
    )
    Job.objects.update(blocked_on=drift)
    assert advance() == "halted"
    assert "Aurora: 2 files changed." in Rollout.objects.get().halted_why


def test_a_channel_that_was_disabled_in_the_meantime_halts_it(channels):
    begin(channels)
    Channel.objects.filter(slug="corona").update(state="disabled")
    advance("aurora")
    assert under_way() == {"borealis"}
    assert advance() == "halted"
    assert "Corona: " in Rollout.objects.get().halted_why


def test_stopped_it_lets_what_is_under_way_end_and_nothing_follows(channels):
    rollout = begin(channels).rollout_id
    assert door().stop_rollout(rollout_id=rollout, reason="wrong text").state == "stopped"
    assert advance("aurora") == "stopped"
    assert under_way() == set()
    for verb in (door().continue_rollout, door().stop_rollout):
        with pytest.raises(IllegalTransition):
            verb(rollout_id=rollout)
    with pytest.raises(NotFound):
        door().stop_rollout(rollout_id=4711)


def test_only_one_is_under_way_at_a_time(channels):
    first = begin(channels).rollout_id
    for state in ("running", "halted"):
        Rollout.objects.update(state=state)
        with pytest.raises(IllegalTransition, match=f"Rollout {first} is {state}"):
            begin(channels)
        with pytest.raises(IntegrityError), transaction.atomic():
            factories.RolloutFactory()
    Rollout.objects.update(state="stopped")
    assert begin(channels).rollout_id != first


def test_without_a_canary_the_first_cohort_begins_and_what_did_not_change_is_no_member(channels):
    door().sync_channel_configs(channel_ids=[channels[0].pk])
    end("aurora")
    result = door().sync_channel_configs(channel_ids=[row.pk for row in channels[:4]], cohort_size=2)
    assert [each.cohort for each in result.outcomes] == [None, 1, 1, 2]
    assert under_way() == {"borealis", "corona"}
    with pytest.raises(InvalidRequest, match="Nothing of Aurora changed") as refused:
        door().sync_channel_configs(canary_id=channels[0].pk, dry_run=True)
    assert refused.value.field == "canary_id"
    assert (
        door().sync_channel_configs(channel_ids=[channels[0].pk], cohort_size=1, dry_run=True).rollout_id
        is None
    )


def test_with_a_canary_alone_all_others_are_one_cohort(channels):
    result = begin(channels, cohort_size=None, dry_run=True)
    assert [each.cohort for each in result.outcomes] == [0, 1, 1, 1, 1]
    assert not Rollout.objects.exists()
    assert not Job.objects.exists()


def test_what_makes_no_sense_is_refused_with_the_field(channels):
    local = factories.ChannelFactory(slug="local")
    cases = (
        ({"canary_id": channels[4].pk, "channel_ids": [channels[0].pk]}, "canary_id", "not among"),
        ({"canary_id": local.pk}, "canary_id", "no repository"),
        ({"cohort_size": 0}, "cohort_size", "1 at least"),
    )
    for given, field, fact in cases:
        with pytest.raises(InvalidRequest, match=fact) as refused:
            door().sync_channel_configs(**given)
        assert refused.value.field == field
    assert not Rollout.objects.exists()


# ------------------------------------------------------------------------------------------------- with the real engine


def test_a_canary_that_was_changed_by_hand_halts_it_before_any_other_is_written(engine):
    canary, other = engine.channel("aurora", github=True), engine.channel("borealis", github=True)
    door().sync_channel_configs(channel_ids=[canary.pk])
    engine.work()
    with engine.sandbox.store.change("github") as github:
        repository = github_state.find_repository(github, canary.repository)
        path = repository_files.SCRIPT_PATH
        github_state.write_file(engine.sandbox.store, repository, "main", path, b"print()", "By hand")
    Channel.objects.filter(pk=canary.pk).update(language="fr")
    rollout = door().sync_channel_configs(canary_id=canary.pk).rollout_id
    engine.work()
    engine.tick()
    assert Rollout.objects.get().state == "halted"
    assert not Job.objects.filter(kind="sync", channel=other).exists()

    door().resolve_repository_drift(channel_id=canary.pk, way="overwrite", reason="seen")
    door().continue_rollout(rollout_id=rollout)
    for _ in range(3):
        engine.work()
        engine.tick()
    assert Rollout.objects.get().state == "completed"
    assert not ConfigRevision.objects.filter(synced_at=None).exclude(channel=canary).exists()
