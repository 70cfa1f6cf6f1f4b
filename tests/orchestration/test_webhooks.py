"""GitHub's webhooks: a signed one means "look again", a forged one writes nothing."""

import hashlib
import hmac
import json
from datetime import timedelta
from urllib.parse import urlencode

import pytest
from django.utils import timezone

from orchestration.models import WorkflowRun
from orchestration.states import RunState
from tests.factories import WorkflowRunFactory

pytestmark = pytest.mark.django_db
SECRET = "a-webhook-secret"


@pytest.fixture(autouse=True)
def secret(settings):
    settings.GITHUB_WEBHOOK_SECRET = SECRET


def _send(client, document, *, secret=SECRET, event="workflow_run"):
    body = json.dumps(document).encode()
    signature = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return client.post(
        "/webhooks/github",
        body,
        content_type="application/json",
        headers={"X-Hub-Signature-256": signature, "X-GitHub-Event": event},
    )


def _event(run: WorkflowRun, **changes):
    return {
        "action": "completed",
        "workflow_run": {"id": run.run_id, "display_title": f"headend {run.correlation_id}", **changes},
        "repository": {"full_name": run.repository},
    }


def _later_run(**values) -> WorkflowRun:
    return WorkflowRunFactory(
        state=RunState.DISPATCHED,
        next_look_at=timezone.now() + timedelta(hours=1),
        **{"run_id": 4711, **values},
    )


def test_a_signed_event_has_its_run_looked_at_now(client):
    run = _later_run()
    assert _send(client, _event(run)).status_code == 204
    run.refresh_from_db()
    assert run.next_look_at <= timezone.now()


def test_a_run_whose_receipt_was_lost_is_found_by_its_title(client):
    run = _later_run(run_id=None)
    assert _send(client, _event(run, id=99)).status_code == 204
    run.refresh_from_db()
    assert run.next_look_at <= timezone.now()
    assert run.run_id is None, "an event is no proof; only looking adopts a run"


@pytest.mark.parametrize("signature", ["", "sha256=", "sha256=" + "0" * 64, "sha1=abc", "sha256=ä"])
def test_a_forged_event_writes_nothing(client, signature):
    run = _later_run()
    answer = client.post(
        "/webhooks/github",
        json.dumps(_event(run)),
        content_type="application/json",
        headers={"X-Hub-Signature-256": signature, "X-GitHub-Event": "workflow_run"},
    )
    assert answer.status_code == 401
    run.refresh_from_db()
    assert run.next_look_at > timezone.now()


def test_a_signed_event_that_cannot_be_read_is_taken_and_changes_nothing(client):
    run = _later_run()
    for document in ({}, [], {"workflow_run": {"id": "x"}}, {"workflow_run": None, "repository": None}):
        assert _send(client, document).status_code == 204
    run.refresh_from_db()
    assert run.next_look_at > timezone.now()


def test_a_form_encoded_event_is_refused_and_told_what_to_set(client):
    run = _later_run()
    body = urlencode({"payload": json.dumps(_event(run))})
    answer = client.post(
        "/webhooks/github",
        body,
        content_type="application/x-www-form-urlencoded",
        headers={
            "X-GitHub-Event": "workflow_run",
            "X-Hub-Signature-256": "sha256=" + hmac.new(SECRET.encode(), body.encode(), "sha256").hexdigest(),
        },
    )
    assert answer.status_code == 415
    assert "content type to application/json" in answer.content.decode()
    run.refresh_from_db()
    assert run.next_look_at > timezone.now()


def test_a_former_secret_is_taken_while_it_is_kept_and_said(client, settings, caplog):
    run = _later_run()
    settings.GITHUB_WEBHOOK_SECRET, settings.GITHUB_WEBHOOK_SECRET_FALLBACKS = "the-new-secret", [SECRET]
    assert _send(client, _event(run)).status_code == 204
    assert "former secret" in caplog.text and SECRET not in caplog.text
    settings.GITHUB_WEBHOOK_SECRET_FALLBACKS = []
    assert _send(client, _event(run)).status_code == 401


def test_without_a_secret_no_webhook_is_taken(client, settings):
    settings.GITHUB_WEBHOOK_SECRET = ""
    assert _send(client, {}).status_code == 503


def test_an_event_under_a_repositorys_new_name_finds_its_run_by_the_repositorys_id(client):
    """It was renamed while a run was open: the run's row keeps the old name."""
    run, other = _later_run(repository_id=700), _later_run(run_id=4712, repository_id=701)
    for found, number in ((run, 700), (other, 700)):
        event = {**_event(found), "repository": {"full_name": "headend/dawn", "id": number}}
        assert _send(client, event).status_code == 204
        found.refresh_from_db()
    assert run.next_look_at <= timezone.now() < other.next_look_at
