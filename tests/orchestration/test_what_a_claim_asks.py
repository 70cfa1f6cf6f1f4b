"""A claim asks nothing of what it need not know."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from orchestration.queue import jobs as queue
from tests.orchestration.engine import running, stage_job

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def system():
    running()


def test_what_was_never_tried_has_reserved_nothing_and_is_not_asked_for_it():
    def asked_for_reservations():
        with CaptureQueriesContext(connection) as asked:
            [taken] = queue.claim(fast=False, limit=1)
        named = "upload_session_sealed"
        return taken, any(named in one["sql"] and "budgetentry" in one["sql"] for one in asked)

    stage_job()
    job, fresh = asked_for_reservations()
    queue.try_again(job, at=timezone.now(), error_code="x", error_message="the line dropped")
    _, again = asked_for_reservations()
    assert (fresh, again) == (False, True)
