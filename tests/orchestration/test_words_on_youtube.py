"""Edit the words of what lies on YouTube: one call that keeps every other field and never changes who may see the video."""

from datetime import timedelta
from urllib.parse import unquote

import pytest
from django.utils import timezone

from channels.quota import UNITS
from channels.sandbox import youtube_state
from channels.sandbox.faults import Match
from orchestration.errors import IllegalTransition, InvalidRequest, WordsRefused
from orchestration.models import Activity, BudgetEntry, Distribution, Job, Pool, Schedule
from orchestration.pipeline import compare, words_kept
from orchestration.planning.outside import Visibility
from orchestration.states import DistributionState, JobKind, JobState, ScheduleState
from tests.engine_room import Engine, door, state_of

pytestmark = pytest.mark.django_db
UPDATE = Match("PUT", "/youtube/v3/videos")
ALL = {
    "title": "Porto",
    "description": "A harbour.",
    "tags": ["mar"],
    "language": "pt-BR",
    "licence": "creativeCommon",
    "embeddable": False,
    "synthetic_media": True,
    "paid_promotion": True,
}


@pytest.fixture(autouse=True)
def armed_long_before(settings):
    settings.HEADEND_ARM_SECONDS = 7200


def edit(row: Schedule, **words) -> object:
    return door().edit_publication_words(distribution_id=row.distribution_id, words=words)


def job_of(row: Schedule) -> Job:
    return Job.objects.filter(distribution=row.distribution_id, kind=JobKind.EDIT).latest("pk")


def on_youtube(engine: Engine, row: Schedule) -> dict:
    return engine.on_youtube(row)


def writes_of(engine: Engine, parts: str) -> int:
    """Return how many calls changed these parts first."""
    sent = engine.sandbox.requests("PUT", "/youtube/v3/videos")
    return sum(unquote(one.query).startswith(f"part={parts}") for one in sent)


def in_studio(engine: Engine, row: Schedule, **snippet) -> None:
    """Change the snippet as somebody does in YouTube Studio."""
    row.distribution.refresh_from_db()
    with engine.sandbox.store.change(youtube_state.SECTION) as youtube:
        youtube["videos"][row.distribution.youtube_video_id]["snippet"].update(snippet)


def staged(engine: Engine, minutes: float = 60, words: dict | None = None) -> Schedule:
    return engine.staged(engine.channel(), minutes=minutes, video=engine.video(words=words or ALL))


def armed(engine: Engine, minutes: float = 28) -> Schedule:
    return engine.armed(engine.channel(), minutes=minutes, video=engine.video(words=ALL))


@pytest.mark.parametrize(
    ("words", "part", "name", "shown"),
    [
        ({"title": "Lisboa"}, "snippet", "title", "Lisboa"),
        ({"tags": ["rio"]}, "snippet", "tags", None),
        ({"category_id": "10"}, "snippet", "categoryId", "10"),
        ({"licence": "youtube"}, "status", "license", "youtube"),
        ({"embeddable": True}, "status", "embeddable", True),
        ({"made_for_kids": True}, "status", "selfDeclaredMadeForKids", True),
    ],
)
def test_an_edit_of_what_is_armed_changes_one_field_and_nothing_else(engine, words, part, name, shown):
    row = armed(engine)
    before = on_youtube(engine, row)
    edit(row, **words)
    engine.work()
    after = on_youtube(engine, row)
    marker = row.distribution.marker
    assert after[part] == {**before[part], name: [*words["tags"], marker] if shown is None else shown}
    other = "status" if part == "snippet" else "snippet"
    unchanged = (other, "paid_promotion", "privacy_status", "publish_at", "transitions")
    assert {key: after[key] for key in unchanged} == {key: before[key] for key in unchanged}
    row.refresh_from_db()
    assert (row.state, row.armed_for) == (ScheduleState.STAGED, row.publish_at)
    kept = Distribution.objects.get(pk=row.distribution_id)
    assert kept.words_wanted["words"] == {} and kept.words == words
    assert Activity.objects.filter(verb="words_edited").count() == 1


def test_what_is_public_is_edited_and_stays_public_since_when_it_was(engine):
    row = engine.published(engine.channel(), minutes=20, video=engine.video(words=ALL))
    before = on_youtube(engine, row)
    edit(row, title="Lisboa", licence="youtube", paid_promotion=False)
    engine.work()
    after = on_youtube(engine, row)
    assert (after["snippet"]["title"], after["status"]["license"], after["paid_promotion"]) == (
        "Lisboa",
        "youtube",
        False,
    )
    assert after["transitions"] == before["transitions"]
    assert writes_of(engine, "snippet,status,paid") == 1
    assert state_of(row) == (ScheduleState.PUBLISHED, DistributionState.PUBLISHED)


def test_an_edit_costs_a_look_and_a_write_and_says_so_before(engine):
    row = staged(engine)
    before = BudgetEntry.objects.filter(pool__name=UNITS).count()
    shown = door().edit_publication_words(
        distribution_id=row.distribution_id, words={"title": "Lisboa"}, dry_run=True
    )
    assert (shown.units, shown.fits_now, [field.field for field in shown.fields]) == (51, True, ["title"])
    assert BudgetEntry.objects.filter(pool__name=UNITS).count() == before
    assert not Job.objects.filter(kind=JobKind.EDIT).exists()
    edit(row, title="Lisboa")
    engine.work()
    entries = BudgetEntry.objects.filter(job=job_of(row))
    assert sum(entries.values_list("units", flat=True)) == 51


def test_an_edit_leaves_to_publishing_what_is_kept_for_it(engine):
    row = staged(engine)
    Pool.objects.filter(name=UNITS).update(capacity=5_600, reserve=5_590)
    shown = door().edit_publication_words(
        distribution_id=row.distribution_id, words={"title": "Lisboa"}, dry_run=True
    )
    assert not shown.fits_now
    edit(row, title="Lisboa")
    engine.work()
    assert (job_of(row).state, on_youtube(engine, row)["snippet"]["title"]) == (JobState.WAITING, "Porto")


# -- what a person changed there -------------------------------------------------------------------------


def test_a_field_that_somebody_changed_is_not_written_over(engine):
    row = armed(engine)
    in_studio(engine, row, title="By hand")
    edit(row, title="Lisboa", description="A river.")
    engine.work()
    snippet = on_youtube(engine, row)["snippet"]
    assert (snippet["title"], snippet["description"].splitlines()[0]) == ("By hand", "A harbour.")
    job = job_of(row)
    assert (job.state, job.error_code) == (JobState.NEEDS_REVIEW, "words_changed_elsewhere")
    assert "'By hand' there, 'Porto' was ours, 'Lisboa' is wanted" in job.error_message
    assert state_of(row) == (ScheduleState.STAGED, DistributionState.STAGED)  # its publication goes on
    shown = door("read").get_words_on_youtube(distribution_id=row.distribution_id)
    (title,) = [field for field in shown.fields if field.field == "title"]
    assert (title.last_set, title.seen, title.wanted, title.is_changed_elsewhere) == (
        "Porto",
        "By hand",
        "Lisboa",
        True,
    )


def test_a_field_that_somebody_changed_is_kept_by_an_edit_of_another(engine):
    row = armed(engine)
    in_studio(engine, row, title="By hand")
    edit(row, description="A river.")
    engine.work()
    snippet = on_youtube(engine, row)["snippet"]
    assert (snippet["title"], snippet["description"].splitlines()[0]) == ("By hand", "A river.")
    assert job_of(row).state == JobState.SUCCEEDED


@pytest.mark.parametrize(
    ("way", "title"), [("take_theirs", "By {hand}"), ("put_ours_back", "Lisboa")], ids=["theirs", "ours"]
)
def test_a_person_settles_what_holds(engine, way, title):
    row = armed(engine)
    in_studio(engine, row, title="By {hand}")
    edit(row, title="Lisboa", description="A river.")
    engine.work()
    door().settle_publication_words(distribution_id=row.distribution_id, way=way)
    engine.work()
    snippet = on_youtube(engine, row)["snippet"]
    assert (snippet["title"], snippet["description"].splitlines()[0]) == (title, "A river.")
    shown = door("read").get_words_on_youtube(distribution_id=row.distribution_id)
    assert not shown.is_changed_elsewhere and job_of(row).state == JobState.SUCCEEDED
    assert not Job.objects.filter(state=JobState.NEEDS_REVIEW).exists()
    if way == "take_theirs":
        assert Distribution.objects.get(pk=row.distribution_id).words["title"] == "By {{hand}}"


def test_a_change_that_no_edit_asked_about_is_seen_and_can_be_put_back(engine):
    row = armed(engine)
    in_studio(engine, row, title="By hand")
    Distribution.objects.update(look_at=timezone.now())
    engine.tick()
    engine.work()
    assert state_of(row) == (ScheduleState.STAGED, DistributionState.STAGED)
    assert door("read").get_words_on_youtube(distribution_id=row.distribution_id).is_changed_elsewhere
    door().settle_publication_words(distribution_id=row.distribution_id, way="put_ours_back")
    engine.work()
    assert on_youtube(engine, row)["snippet"]["title"] == "Porto"
    with pytest.raises(IllegalTransition, match="Nobody changed"):
        door().settle_publication_words(distribution_id=row.distribution_id, way="take_theirs")


# -- answers that are lost, and refusals ---------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["status_after", "status_before"])
def test_a_lost_answer_is_looked_after_and_nothing_is_taken_for_anothers_change(engine, kind):
    row = armed(engine)
    engine.sandbox.faults.add(UPDATE, kind, status=500)
    edit(row, title="Lisboa", licence="youtube")
    engine.work()
    assert job_of(row).state == JobState.WAITING
    engine.retry_now()
    engine.work()
    video = on_youtube(engine, row)
    assert (video["snippet"]["title"], video["status"]["license"]) == ("Lisboa", "youtube")
    assert job_of(row).state == JobState.SUCCEEDED
    assert writes_of(engine, "snippet") == (1 if kind == "status_after" else 2)


def test_what_youtube_refuses_is_told_by_its_reason_and_changes_nothing(engine):
    row = armed(engine)
    body = {"error": {"code": 400, "message": "No", "errors": [{"reason": "invalidTitle", "message": "No"}]}}
    engine.sandbox.faults.add(UPDATE, "status_before", status=400, body=body)
    edit(row, title="Lisboa")
    engine.work()
    job = job_of(row)
    assert (job.state, job.error_code) == (JobState.FAILED, "remote_rejected")
    assert "invalidTitle" in job.error_message
    assert state_of(row) == (ScheduleState.STAGED, DistributionState.STAGED)


@pytest.mark.parametrize(
    ("words", "error", "field"),
    [
        ({}, InvalidRequest, "words"),
        ({"title": "a < b"}, InvalidRequest, "title"),
        ({"titel": "x"}, InvalidRequest, "titel"),
        ({"notify_subscribers": False}, InvalidRequest, "notify_subscribers"),
        ({"picture": 999_999}, InvalidRequest, "picture"),
        ({"subtitles": [999_999]}, InvalidRequest, "subtitles"),
        ({"title": "{channel} " + "x" * 95}, WordsRefused, "title"),
    ],
)
def test_a_bad_edit_is_refused_by_field_and_writes_nothing(engine, words, error, field):
    row = staged(engine)
    with pytest.raises(error) as refused:
        edit(row, **words)
    assert refused.value.field == field
    assert Distribution.objects.get(pk=row.distribution_id).words == {}
    assert not Job.objects.filter(kind=JobKind.EDIT).exists()


def test_what_is_not_uploaded_has_no_words_on_youtube(engine):
    row = engine.planned(engine.channel())
    with pytest.raises(IllegalTransition, match="nothing of it is on YouTube yet"):
        edit(row, title="Lisboa")


# -- who may see it ---------------------------------------------------------------------------------------


def test_the_status_is_not_touched_near_the_moment_and_is_edited_once_it_is_public(engine):
    row = armed(engine, minutes=11)
    result = edit(row, licence="youtube")
    assert "moment is near" in result.waits_for
    engine.work()
    assert writes_of(engine, "status") == 1  # the arming alone
    engine.pass_until(row.publish_at + timedelta(seconds=2))
    engine.tick()
    engine.work()
    assert state_of(row) == (ScheduleState.PUBLISHED, DistributionState.PUBLISHED)
    engine.pass_time(minutes=2)
    engine.work()
    video = on_youtube(engine, row)
    assert (video["status"]["license"], video["privacy_status"]) == ("youtube", "public")
    assert len(engine.publications()) == 1


def test_a_title_is_edited_near_the_moment_too(engine):
    row = armed(engine, minutes=5)
    edit(row, title="Lisboa")
    engine.work()
    assert on_youtube(engine, row)["snippet"]["title"] == "Lisboa"


def a_call_that_hangs(row: Schedule) -> None:
    """Leave what a worker leaves that dies while its edit of the status is on its way."""
    found = Distribution.objects.get(pk=row.distribution_id)
    words_kept.begin_try(found, {"licence": "youtube"}, has_status=True)
    compare.note_trying(found, Visibility("private", row.armed_for))


def test_arming_waits_for_an_edit_whose_call_may_still_take_effect(engine):
    row = staged(engine, minutes=28)
    a_call_that_hangs(row)
    engine.tick()
    engine.work()
    row.refresh_from_db()
    assert row.armed_for is None
    engine.pass_time(minutes=11)
    engine.tick()
    engine.work()
    row.refresh_from_db()
    assert row.armed_for == row.publish_at


def test_what_takes_a_time_back_looks_once_more_after_an_edit_that_may_have_set_it_again(engine):
    row = armed(engine)
    at = on_youtube(engine, row)["publish_at"]
    a_call_that_hangs(row)
    door().hold_schedule(schedule_id=row.pk, reason="not today")
    engine.work()
    with engine.sandbox.store.change(
        youtube_state.SECTION
    ) as youtube:  # the late call sets the old time again
        video = youtube["videos"][row.distribution.youtube_video_id]
        video["publish_at"] = youtube.setdefault("scheduled", {})[video["id"]] = at
    engine.pass_time(minutes=8, seconds=5)
    engine.work()
    engine.pass_time(seconds=5)
    engine.work()
    assert on_youtube(engine, row)["publish_at"] is None
    engine.pass_time(hours=2)
    assert engine.publications() == []


def test_an_edit_of_the_status_does_not_begin_while_a_time_is_taken_back(engine):
    row = armed(engine)
    edit(row, licence="youtube")
    door().hold_schedule(schedule_id=row.pk, reason="not today")
    engine.work()
    engine.pass_time(minutes=6)
    engine.work()
    video = on_youtube(engine, row)
    assert (video["status"]["license"], video["publish_at"], video["privacy_status"]) == (
        "youtube",
        None,
        "private",
    )


def test_words_that_are_asked_for_while_an_edit_runs_are_written_too(engine):
    row = armed(engine)
    edit(row, title="Lisboa")
    other = {"description": "A river."}

    def meanwhile(*_: object) -> None:
        if other:
            words = dict(other)
            other.clear()
            edit(row, **words)

    engine.patch.setattr("orchestration.pipeline.words_outside.failpoint", meanwhile)
    engine.work()
    snippet = on_youtube(engine, row)["snippet"]
    assert (snippet["title"], snippet["description"].splitlines()[0]) == ("Lisboa", "A river.")
    assert not Job.objects.open().filter(kind=JobKind.EDIT).exists()
