"""Pools and sources are edited by rules of the service; a refusal names the field."""

import pytest

from orchestration.core.permissions import Actor
from orchestration.errors import IllegalTransition, InvalidRequest, NotPermitted, StaleVersion
from orchestration.models import Activity, Job, Source
from orchestration.service import CentralOrchestrationService
from orchestration.states import JobKind, PoolKind, SourceKind
from tests import factories

pytestmark = pytest.mark.django_db


def door(scope: str = "admin") -> CentralOrchestrationService:
    """Return the service as somebody who may do that much."""
    return CentralOrchestrationService(actor=Actor("ada", scope))


def test_a_pool_holds_what_it_is_given_and_the_log_says_so():
    pool = factories.PoolFactory(kind=PoolKind.SLOTS, capacity=2)
    assert door().change_pool(pool_id=pool.pk, capacity=5, reason="new disk").capacity == 5
    entry = Activity.objects.get(verb="pool_changed")
    assert (entry.before["capacity"], entry.after["capacity"], entry.reason) == (2, 5, "new disk")
    door().change_pool(pool_id=pool.pk, capacity=5)
    assert Activity.objects.filter(verb="pool_changed").count() == 1, "what changes nothing is not logged"
    with pytest.raises(NotPermitted):
        door("operate").change_pool(pool_id=pool.pk, capacity=9)


@pytest.mark.parametrize(
    ("kind", "values", "field"),
    [
        (PoolKind.SLOTS, {"capacity": -1}, "capacity"),
        (PoolKind.SLOTS, {"capacity": 2**40}, "capacity"),
        (PoolKind.SLOTS, {"label": "  "}, "label"),
        (PoolKind.SLOTS, {"window_seconds": 60}, "window_seconds"),
        (PoolKind.SLOTS, {"reserve": 1}, "reserve"),
        (PoolKind.RATE, {"window_seconds": 0}, "window_seconds"),
        (PoolKind.BUDGET, {"reserve": 101}, "reserve"),
    ],
)
def test_what_no_pool_can_hold_is_refused_by_field(kind, values, field):
    window = 60 if kind == PoolKind.RATE else 0
    pool = factories.PoolFactory(kind=kind, capacity=100, window_seconds=window)
    with pytest.raises(InvalidRequest) as refused:
        door().change_pool(pool_id=pool.pk, **values)
    assert refused.value.field == field


def test_a_source_is_changed_and_what_is_left_out_stays():
    source = factories.SourceFactory(name="News", priority=5)
    row = door("operate").change_source(source_id=source.pk, priority=8, scrape_interval_minutes=15)
    assert (row.name, row.priority, row.scrape_interval_minutes) == ("News", 8, 15)
    assert Activity.objects.get(verb="source_changed").after["priority"] == 8
    with pytest.raises(StaleVersion):
        door().change_source(source_id=source.pk, priority=1, version=source.version + 9)


def test_another_address_is_read_at_once_from_its_beginning(settings, monkeypatch):
    from orchestration import media

    monkeypatch.setattr(media, "check_fetchable", lambda url, **_: None)
    source = factories.SourceFactory(url="https://old.example/feed.xml", reading={"etag": "x"})
    Job.objects.all().delete()
    row = door().change_source(source_id=source.pk, url="https://new.example/feed.xml")
    row.refresh_from_db()
    assert (row.canonical_url, row.reading) == ("https://new.example/feed.xml", {})
    assert Job.objects.filter(kind=JobKind.SCRAPE, source=source).exists()
    other = factories.SourceFactory(name="Other", url="https://other.example/")
    with pytest.raises(InvalidRequest, match="as source Other") as refused:
        door().change_source(source_id=source.pk, url=other.url)
    assert refused.value.field == "url"


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"name": ""}, "name"),
        ({"priority": 11}, "priority"),
        ({"item_limit": 501}, "item_limit"),
        ({"scrape_interval_minutes": 0}, "scrape_interval_minutes"),
        ({"scrape_interval_minutes": 10**7}, "scrape_interval_minutes"),
        ({"url": "ftp://files.example/"}, "url"),
        ({"url": "http://127.0.0.1/"}, "url"),
        ({"language": "x" * 21}, "language"),
    ],
)
def test_what_no_source_can_be_is_refused_by_field(values, field):
    source = factories.SourceFactory()
    with pytest.raises(InvalidRequest) as refused:
        door().change_source(source_id=source.pk, **values)
    assert refused.value.field == field


def test_a_source_without_an_address_gets_none(monkeypatch):
    from orchestration import media

    monkeypatch.setattr(media, "check_fetchable", lambda url, **_: None)
    source = factories.SourceFactory(kind=SourceKind.UPLOADS, url="", canonical_url="headend:uploads/1")
    with pytest.raises(InvalidRequest) as refused:
        door().change_source(source_id=source.pk, url="https://new.example/feed.xml")
    assert refused.value.field == "url"


def test_a_source_is_removed_only_where_nothing_came_of_it():
    empty, full = factories.SourceFactory(), factories.SourceFactory(name="News")
    factories.VideoFactory(source=full)
    door().remove_source(source_id=empty.pk)
    with pytest.raises(IllegalTransition, match="1 video came from News"):
        door().remove_source(source_id=full.pk)
    assert list(Source.objects.values_list("name", flat=True)) == ["News"]
    with pytest.raises(NotPermitted):
        door("operate").remove_source(source_id=full.pk)


def test_the_pages_lead_through_the_service(client):
    client.force_login(factories.UserFactory(admin=True))
    pool = factories.PoolFactory(kind=PoolKind.SLOTS, capacity=2)
    source, orphan = factories.SourceFactory(), factories.OrphanUploadFactory()
    client.post(f"/pools/{pool.pk}/change/", {"label": pool.label, "capacity": "7"})
    form = {
        "name": "Renamed",
        "url": source.url,
        "scrape_interval_minutes": "30",
        "item_limit": "9",
        "priority": "4",
    }
    client.post(f"/sources/{source.pk}/change/", form)
    client.post(f"/sources/{source.pk}/set-rights/", {"rights_basis": "owned", "rights_note": "contract"})
    client.post(f"/sources/{source.pk}/set-retention/", {"keep_originals": "30"})
    client.post(f"/orphans/{orphan.pk}/note-deleted/")
    for row in (pool, source, orphan):
        row.refresh_from_db()
    assert pool.capacity == 7
    assert (source.name, source.item_limit, source.rights_basis, source.keep_originals) == (
        "Renamed",
        9,
        "owned",
        "30",
    )
    assert orphan.deleted_at is not None
    for address in (f"/pools/{pool.pk}/", f"/sources/{source.pk}/edit/", "/orphans/"):
        assert client.get(address).status_code == 200
