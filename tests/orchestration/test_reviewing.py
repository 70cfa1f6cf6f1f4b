"""What nobody knew the outcome of is settled by what a person saw, publication or not."""

import pytest
from django.urls import reverse

from orchestration.errors import IllegalTransition, InvalidRequest, NotFound
from orchestration.models import Activity, OrphanUpload
from orchestration.monitoring.problems import problems
from orchestration.service import CentralOrchestrationService
from orchestration.states import DistributionState, JobKind, JobState, ScheduleState
from tests.factories import DistributionFactory, JobFactory, ScheduleFactory

pytestmark = pytest.mark.django_db
FOUND = "abcDEF12345"


def in_doubt(kind=JobKind.STAGE, **values):
    """Make a job in doubt that no publication waits for, as a pipeline triggered by hand leaves it."""
    distribution = DistributionFactory(**{"state": DistributionState.NEEDS_REVIEW} | values)
    return JobFactory(
        kind=kind,
        channel=distribution.channel,
        video=distribution.video,
        distribution=distribution,
        state=JobState.NEEDS_REVIEW,
    )


def review(job, outcome, **values):
    return CentralOrchestrationService().review_job(job_id=job.pk, outcome=outcome, **values)


@pytest.mark.parametrize(
    ("outcome", "values", "distribution_state", "job_state"),
    [
        ("staged", {"youtube_video_id": FOUND}, DistributionState.STAGED, JobState.SUCCEEDED),
        ("planned", {}, DistributionState.ASSIGNED, JobState.FAILED),
        ("failed", {}, DistributionState.FAILED, JobState.FAILED),
        ("cancelled", {}, DistributionState.CANCELLED, JobState.FAILED),
    ],
)
def test_an_upload_in_doubt_becomes_what_a_person_found(outcome, values, distribution_state, job_state):
    job = in_doubt()
    review(job, outcome, reason="looked at the channel", **values)
    job.refresh_from_db()
    job.distribution.refresh_from_db()
    assert (job.distribution.state, job.state) == (distribution_state, job_state)
    assert Activity.objects.filter(verb="distribution_reviewed", reason="looked at the channel").exists()


@pytest.mark.parametrize(
    ("outcome", "state"),
    [("recalled", DistributionState.RECALLED), ("published", DistributionState.PUBLISHED)],
)
def test_a_recall_in_doubt_is_private_or_still_public(outcome, state):
    job = in_doubt(JobKind.RECALL, youtube_video_id=FOUND)
    review(job, outcome)
    job.distribution.refresh_from_db()
    assert job.distribution.state == state


def test_a_publication_that_waits_for_the_job_is_settled_with_it():
    distribution = DistributionFactory(state=DistributionState.NEEDS_REVIEW)
    schedule = ScheduleFactory(
        channel=distribution.channel, distribution=distribution, state=ScheduleState.NEEDS_REVIEW
    )
    job = JobFactory(
        kind=JobKind.STAGE,
        channel=distribution.channel,
        distribution=distribution,
        state=JobState.NEEDS_REVIEW,
    )
    review(job, "staged", youtube_video_id=FOUND)
    schedule.refresh_from_db()
    assert schedule.state == ScheduleState.STAGED


def test_what_does_not_fit_is_refused_by_name_and_changes_nothing():
    job = in_doubt()
    with pytest.raises(InvalidRequest, match="recalled") as refused:
        review(job, "recalled")
    assert refused.value.field == "outcome"
    with pytest.raises(InvalidRequest, match="needs the video's id"):
        review(job, "staged")
    with pytest.raises(InvalidRequest, match="is not the id of a YouTube video"):
        review(job, "staged", youtube_video_id="<script>")
    taken = DistributionFactory(staged=True)
    with pytest.raises(InvalidRequest, match="is the upload of video"):
        review(job, "staged", youtube_video_id=taken.youtube_video_id)
    with pytest.raises(NotFound):
        CentralOrchestrationService().review_job(job_id=job.pk + 99, outcome="failed")
    job.refresh_from_db()
    assert job.state == JobState.NEEDS_REVIEW


def test_only_what_is_in_doubt_can_be_reviewed():
    job = JobFactory(state=JobState.FAILED)
    with pytest.raises(IllegalTransition, match="needs no review"):
        review(job, "failed")


def test_the_button_on_the_jobs_page_settles_it(admin_client):
    job = in_doubt()
    page = admin_client.get(reverse("dashboard:job", args=[job.pk])).content.decode()
    assert reverse("dashboard:job_review", args=[job.pk]) in page
    answer = admin_client.post(
        reverse("dashboard:job_review", args=[job.pk]),
        {"outcome": "staged", "youtube_video_id": FOUND},
        follow=True,
    )
    assert "is settled" in answer.content.decode()
    job.refresh_from_db()
    assert job.state == JobState.SUCCEEDED


def test_an_orphan_that_was_deleted_at_youtube_is_noted_once_and_is_no_problem_any_more(admin_client):
    orphan = OrphanUpload.objects.create(
        distribution=DistributionFactory(staged=True), youtube_video_id="lostTheRace", reason="recorded later"
    )
    assert "orphan_upload" in {problem["code"] for problem in problems()}
    admin_client.post(
        reverse("admin:orchestration_orphanupload_changelist"),
        {"action": "note_deleted", "_selected_action": [orphan.pk]},
    )
    orphan.refresh_from_db()
    assert orphan.deleted_at is not None
    assert "orphan_upload" not in {problem["code"] for problem in problems()}
    assert Activity.objects.get(verb="orphan_deleted").trigger == "admin"
    with pytest.raises(IllegalTransition, match="already"):
        CentralOrchestrationService().note_orphan_deleted(orphan_id=orphan.pk)
