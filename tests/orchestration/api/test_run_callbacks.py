"""What a GitHub run calls: permit, media, result; only its own token opens them."""

import hashlib

import pytest

from orchestration.models import WorkflowRun
from orchestration.states import JobState, RunProof
from tests.factories import DistributionFactory, JobFactory, WorkflowRunFactory

pytestmark = pytest.mark.django_db
SECRET = "a-run's-own-secret"
CONTENT = bytes(range(256)) * 4


@pytest.fixture
def run(settings):
    """Give a dispatched run whose video's file is prepared."""
    distribution = DistributionFactory()
    job = JobFactory(running=True, distribution=distribution, channel=distribution.channel)
    file = settings.MEDIA_ROOT / distribution.video.prepared_file
    file.parent.mkdir(parents=True)
    file.write_bytes(CONTENT)
    return WorkflowRunFactory(
        job=job, proof=RunProof.SECRET, callback_hash=hashlib.sha256(SECRET.encode()).hexdigest()
    )


@pytest.fixture
def caller(stranger):
    """Give a caller with the run's token."""
    stranger.headers = {"Authorization": f"Bearer {SECRET}"}
    return stranger


def permitted(caller, run):
    """Take the permit, and call with the secret that comes with it from then on."""
    answer = caller.post(f"runs/{run.correlation_id}/permit", me(run))
    caller.headers = {"Authorization": f"Bearer {answer.json()['token']}"}


def me(run, **change):
    return {"run_id": run.run_id, "run_attempt": 1} | change


def test_one_run_gets_the_permit_and_may_ask_again(caller, run):
    first = caller.post(f"runs/{run.correlation_id}/permit", me(run))
    again = caller.post(f"runs/{run.correlation_id}/permit", me(run))

    assert first.status_code == again.status_code == 200
    assert first.json()["permitted"] is True
    assert WorkflowRun.objects.get().permit_run_id == run.run_id


@pytest.mark.parametrize("change", [{"run_attempt": 2}, {"run_id": 1}])
def test_another_run_or_attempt_is_told_to_leave(caller, run, change):
    caller.post(f"runs/{run.correlation_id}/permit", me(run))

    answer = caller.post(f"runs/{run.correlation_id}/permit", me(run, **change))

    assert (answer.status_code, answer.json()["code"]) == (409, "permit_refused")


@pytest.mark.parametrize(("method", "path"), [("post", "permit"), ("post", "result"), ("get", "media")])
def test_without_the_runs_token_nothing_opens(stranger, api, run, method, path):
    address = f"runs/{run.correlation_id}/{path}"
    body = () if method == "get" else (me(run, **({"outcome": "failed"} if path == "result" else {})),)

    nobody = getattr(stranger, method)(address, *body)
    operator = getattr(api, method)(address, *body)

    assert nobody.status_code == 401
    assert operator.status_code == 403
    assert WorkflowRun.objects.get().permit_run_id is None


def test_a_run_that_does_not_exist_looks_like_a_wrong_token(caller, run):
    assert caller.post("runs/nothing/permit", me(run)).status_code == 403
    assert caller.post(f"runs/{'x' * 65}/permit", me(run)).status_code == 422


def test_a_result_is_kept_for_the_permitted_run_only(caller, run):
    permitted(caller, run)

    other = caller.post(f"runs/{run.correlation_id}/result", me(run, run_attempt=2, outcome="failed"))
    mine = caller.post(
        f"runs/{run.correlation_id}/result",
        me(run, outcome="failed", error={"code": "ffmpeg", "message": "no such codec"}),
    )

    assert other.status_code == 409
    assert mine.status_code == 200
    assert WorkflowRun.objects.get().result["error_code"] == "ffmpeg"


@pytest.mark.parametrize("body", [{"outcome": "perfect"}, {"outcome": "staged", "extra": 1}, {}])
def test_a_result_that_does_not_fit_is_refused(caller, run, body):
    assert caller.post(f"runs/{run.correlation_id}/result", me(run, **body)).status_code == 422


@pytest.fixture
def media(caller, run):
    """Fetch the file with the permit in hand."""
    permitted(caller, run)

    def fetch(**headers):
        return caller.client.get(
            f"/api/runs/{run.correlation_id}/media", headers={**caller.headers, **headers}
        )

    return fetch


def body_of(answer):
    return b"".join(answer.streaming_content) if answer.streaming else answer.content


def test_the_file_is_handed_out_whole(media):
    answer = media()

    assert (answer.status_code, answer["Content-Type"]) == (200, "video/mp4")
    assert answer["Accept-Ranges"] == "bytes"
    assert int(answer["Content-Length"]) == len(CONTENT)
    assert body_of(answer) == CONTENT


@pytest.mark.parametrize(
    ("wanted", "first", "last"),
    [
        ("bytes=0-9", 0, 9),
        ("bytes=1000-", 1000, 1023),
        ("bytes=-24", 1000, 1023),
        ("bytes=1000-9999", 1000, 1023),
        ("bytes=-5000", 0, 1023),
    ],
)
def test_a_broken_download_goes_on_where_it_stopped(media, wanted, first, last):
    answer = media(Range=wanted)

    assert answer.status_code == 206
    assert answer["Content-Range"] == f"bytes {first}-{last}/1024"
    assert int(answer["Content-Length"]) == last - first + 1
    assert body_of(answer) == CONTENT[first : last + 1]


@pytest.mark.parametrize("wanted", ["bytes=1024-", "bytes=5-4", "bytes=-0"])
def test_a_part_outside_the_file_is_refused(media, wanted):
    answer = media(Range=wanted)

    assert answer.status_code == 416
    assert answer["Content-Range"] == "bytes */1024"


@pytest.mark.parametrize("wanted", ["bytes=0-1,5-6", "lines=0-1", "bytes=-", "bytes=x-y"])
def test_a_range_that_is_not_understood_gives_the_whole_file(media, wanted):
    answer = media(Range=wanted)

    assert (answer.status_code, body_of(answer)) == (200, CONTENT)


def test_a_range_of_another_version_gives_the_whole_file(media):
    whole = media()
    same = media(Range="bytes=0-9", **{"If-Range": whole["ETag"]})
    older = media(Range="bytes=0-9", **{"If-Range": '"older"'})

    assert [len(body_of(answer)) for answer in (whole, same, older)] == [1024, 10, 1024]


def test_the_file_is_not_handed_out_without_the_permit(caller, run):
    assert caller.get(f"runs/{run.correlation_id}/media").status_code == 409


def test_the_files_size_can_be_asked_for(caller, run, media):
    answer = caller.client.head(f"/api/runs/{run.correlation_id}/media", headers=caller.headers)

    assert (answer.status_code, answer["Content-Length"]) == (200, "1024")


def test_a_job_that_is_not_wanted_any_more_gets_no_permit(caller, run):
    type(run.job).objects.update(state=JobState.CANCELLED)

    assert caller.post(f"runs/{run.correlation_id}/permit", me(run)).status_code == 409
