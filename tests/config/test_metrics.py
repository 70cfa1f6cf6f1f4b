"""The figures for Prometheus: ours only, for those who may see them."""

import pytest

from tests.factories import JobFactory, UserFactory

pytestmark = pytest.mark.django_db


def test_nobody_reads_them_without_logging_in(client):
    assert client.get("/metrics").status_code == 401


def test_the_configured_token_opens_them_and_another_does_not(client, settings):
    settings.HEADEND_METRICS_TOKEN = "scrape-me"
    assert client.get("/metrics", headers={"Authorization": "Bearer scrape-me"}).status_code == 200
    assert client.get("/metrics", headers={"Authorization": "Bearer other"}).status_code == 401


@pytest.mark.parametrize("staff", [True, False])
def test_being_logged_in_is_not_enough(client, staff):
    client.force_login(UserFactory(is_staff=staff))
    answer = client.get("/metrics")
    assert (answer.status_code, b"headend_" in answer.content) == (403, False)


def test_they_count_jobs_by_kind_and_state(admin_client):
    JobFactory()
    text = admin_client.get("/metrics").content.decode()
    assert "headend_running 0.0" in text
    assert 'state="queued"} 1.0' in text
