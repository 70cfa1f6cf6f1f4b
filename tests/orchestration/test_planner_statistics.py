"""PostgreSQL's planner hears of what was written in bulk from the tick, also where no autovacuum comes by."""

import pytest
from django.db import connection
from django.utils import timezone

from orchestration.core import planner_statistics
from orchestration.engine import tick
from orchestration.models import Heartbeat

TABLE = Heartbeat._meta.db_table


def _write(count: int) -> None:
    Heartbeat.objects.bulk_create(
        [Heartbeat(component=f"c{number}", beat_at=timezone.now()) for number in range(count)]
    )
    _have_counted()


def _have_counted() -> None:
    """Let what this connection has written stand in the server's statistics now."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_force_next_flush()")
        cursor.execute("SELECT 1")


def _known_rows() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT reltuples FROM pg_class WHERE oid = to_regclass(%s)", [TABLE])
        return int(cursor.fetchone()[0])


@pytest.mark.postgres_only
@pytest.mark.django_db(transaction=True)
def test_a_table_that_was_written_in_bulk_is_looked_at_anew_once():
    _write(planner_statistics.ROWS * 2)
    assert TABLE in planner_statistics.behind()
    tick.tick()
    assert _known_rows() == planner_statistics.ROWS * 2
    assert TABLE not in planner_statistics.behind()


@pytest.mark.postgres_only
@pytest.mark.django_db(transaction=True)
def test_a_few_rows_that_change_all_the_time_are_left_alone():
    _write(10)
    for _ in range(planner_statistics.ROWS // 10 + 20):
        Heartbeat.objects.update(beat_at=timezone.now())
    _have_counted()
    assert TABLE not in planner_statistics.refresh()


@pytest.mark.django_db
def test_asking_costs_one_statement_on_postgresql_and_none_on_sqlite(django_assert_num_queries):
    with django_assert_num_queries(int(connection.vendor == "postgresql")):
        planner_statistics.behind()
