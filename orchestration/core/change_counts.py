"""Count every change by topic, in the change's transaction, so that one statement tells a page that nothing changed.

Triggers count, not the code that writes: no writer can forget it, and a change by hand in the database counts, too. Which
table belongs to which topic is a rule over the models; one that it does not name counts as `rest`. `install()` puts up
what the rule says after every `migrate`, `missing()` says what is not there, and `manage.py count_changes` mends it.

On PostgreSQL a transaction takes any row of its topic that nobody holds and adds one to it once, or adds a row: no writer
ever waits here, so none can deadlock. A page's version is the sum over its topics (docs/decisions/0007-change-counts.md).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.db import connection, models, transaction
from django.db.models import Sum

from orchestration.models import ChangeCount

PEOPLE = "people"
REST = "rest"
FOLLOWED = ("auth", "sessions", "channels", "orchestration", "django_celery_beat")
"""The applications whose tables are counted."""

TOPICS: dict[str, tuple[str, ...]] = {
    PEOPLE: (
        "auth.User",
        "auth.User_groups",
        "auth.User_user_permissions",
        "auth.Group",
        "auth.Group_permissions",
        "sessions.Session",
        "orchestration.Restriction",
        "orchestration.Restriction_groups",
    ),
    "channels": (
        "channels.Channel",
        "channels.ChannelGroup",
        "channels.Label",
        "channels.Channel_groups",
        "channels.Channel_labels",
        "channels.PostingSlot",
        "channels.Blackout",
        "channels.Credential",
        "channels.ConfigRevision",
        "orchestration.RepositoryRecord",
    ),
    "plans": (
        "orchestration.Wave",
        "orchestration.Distribution",
        "orchestration.Schedule",
        "orchestration.Conflict",
        "orchestration.Approval",
    ),
    "jobs": (
        "orchestration.Job",
        "orchestration.WorkflowRun",
        "orchestration.OrphanUpload",
        "orchestration.Blocker",
        "orchestration.Rollout",
        "orchestration.RolloutMember",
    ),
    "calls": ("orchestration.Call",),
    "library": (
        "orchestration.Source",
        "orchestration.Video",
        "orchestration.Attachment",
        "orchestration.Rendition",
        "orchestration.Profile",
        "orchestration.Upload",
        "orchestration.StandingRule",
        "orchestration.StandingRule_channels",
        "orchestration.StandingRule_groups",
        "orchestration.StandingRule_labels",
        "orchestration.StandingRule_skipped",
    ),
    "pools": ("orchestration.Pool", "orchestration.Lease", "orchestration.BudgetEntry"),
    "system": ("orchestration.SystemState", "orchestration.ApiToken", "django_celery_beat.PeriodicTask"),
    "record": ("orchestration.Activity",),
    "seals": ("orchestration.SealBlock",),
    "notifications": (
        "orchestration.NotificationAddress",
        "orchestration.NotificationRule",
        "orchestration.NotificationRule_addresses",
        "orchestration.NotificationRule_channels",
        "orchestration.NotificationRule_groups",
        "orchestration.NotificationRule_labels",
        "orchestration.Silence",
        "orchestration.Incident",
        "orchestration.Notification",
    ),
    "statistics": ("channels.ChannelStatistics", "orchestration.VideoStatistics"),
    "reports": ("orchestration.KeptReport",),
}

NOT_COUNTED: dict[str, str] = {
    "orchestration.ChangeCount": "it is the count",
    "orchestration.Heartbeat": "it changes every few seconds, and what it says is the age that a page shows by the clock",
    "orchestration.IdempotencyRecord": "no page shows it",
    "orchestration.Refusal": "no page shows it until it is an entry of the record",
    "orchestration.RateCount": "each request of the API may write it, and no page shows it",
    "orchestration.Seal": "its block is counted, which is written with it",
    "auth.Permission": "migrations write it",
    "django_celery_beat.PeriodicTasks": "it only says that another table has changed",
}
"""Models without triggers, each with its reason."""

QUIET: dict[str, tuple[str, ...]] = {
    "auth.User": ("last_login",),
    "channels.Channel": ("health_checked_at", "updated_at"),
    "channels.Credential": ("checked_at",),
    "django_celery_beat.PeriodicTask": ("last_run_at", "total_run_count", "date_changed"),
    "orchestration.ApiToken": ("last_used_at",),
    "orchestration.CalendarAddress": ("last_read_at",),
    "orchestration.Distribution": ("looked_at", "look_at"),
    "orchestration.Job": ("heartbeat_at", "lease_expires_at", "rank"),
    "orchestration.Lease": ("heartbeat_at", "expires_at"),
    "orchestration.Profile": ("updated_at",),
    "orchestration.RepositoryRecord": ("checked_at",),
    "orchestration.Source": ("looked_at", "updated_at"),
    "orchestration.SystemState": ("outward_writes",),
    "orchestration.Upload": ("last_received_at",),
    "orchestration.WorkflowRun": ("looks", "next_look_at"),
}
"""Columns that change all the time without anything happening: a change of them alone does not count."""

ONLY_DELETED = frozenset({"sessions.Session"})
"""Tables of which only what goes counts: a session that ends must be noticed, one that begins shows nowhere."""

PREFIX = "headend_counts_"
FUNCTION = "headend_count_change"
_INSTALLING = 7_310_001  # an advisory lock: two `migrate` at once wait for each other

# What was marked is forgotten with a savepoint that is rolled back, as the count itself is.
_COUNTS = ChangeCount._meta.db_table
_BODY = """
DECLARE
  which CONSTANT text := TG_ARGV[0];
  mark CONSTANT text := 'headend.counted_' || TG_ARGV[0];
  free bigint;
BEGIN
  IF current_setting(mark, true) = 'yes' THEN
    RETURN NULL;
  END IF;
  IF TG_LEVEL = 'STATEMENT' THEN
    IF NOT EXISTS (SELECT FROM touched) THEN
      RETURN NULL;
    END IF;
  END IF;
  SELECT id INTO free FROM COUNTS WHERE topic = which
    LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED;
  IF free IS NULL THEN
    INSERT INTO COUNTS (topic, count) VALUES (which, 1);
  ELSE
    UPDATE COUNTS SET count = count + 1 WHERE id = free;
  END IF;
  PERFORM set_config(mark, 'yes', true);
  RETURN NULL;
END
""".replace("COUNTS", _COUNTS)


@dataclass(frozen=True, slots=True)
class Trigger:
    """One trigger as the rule wants it; its name says what it does, so that one of an older rule is seen as such."""

    table: str
    event: str
    statement: str

    @property
    def name(self) -> str:
        """Return the trigger's name, which no other table or version of it has."""
        told = hashlib.sha256(f"{self.table} {self.statement}".encode()).hexdigest()[:12]
        return f"{PREFIX}{self.event.lower()}_{told}"


# ------------------------------------------------------------------------------------------------------------- the rule


def _labels() -> Iterator[tuple[str, type[models.Model]]]:
    for model in apps.get_models(include_auto_created=True):
        if model._meta.app_label in FOLLOWED and model._meta.managed and not model._meta.proxy:
            yield model._meta.label, model


def topics_by_table() -> dict[str, str]:
    """Return the topic of every table that is counted."""
    named = {label: topic for topic, labels in TOPICS.items() for label in labels}
    return {
        model._meta.db_table: named.get(label, REST) for label, model in _labels() if label not in NOT_COUNTED
    }


def triggers(vendor: str) -> list[Trigger]:
    """Return every trigger that the rule wants on this kind of database."""
    topics = topics_by_table()
    made = _for_postgresql if vendor == "postgresql" else _for_sqlite
    return [
        trigger
        for label, model in _labels()
        if label not in NOT_COUNTED
        for trigger in made(label, model, topics[model._meta.db_table])
    ]


def _events(label: str) -> tuple[str, ...]:
    return ("DELETE",) if label in ONLY_DELETED else ("INSERT", "UPDATE", "DELETE")


def _heard_columns(label: str, model: type[models.Model]) -> list[str]:
    quiet = QUIET.get(label, ())
    columns = (field.column for field in model._meta.concrete_fields)
    return [column for column in columns if column is not None and column not in quiet]


def _for_postgresql(label: str, model: type[models.Model], topic: str) -> Iterator[Trigger]:
    table = model._meta.db_table
    for event in _events(label):
        if (
            event == "UPDATE"
        ):  # by row, since only there a trigger can compare; nothing is queued for what is the same
            changed = " OR ".join(
                f'OLD."{column}" IS DISTINCT FROM NEW."{column}"' for column in _heard_columns(label, model)
            )
            how = f"FOR EACH ROW WHEN ({changed})"
        else:
            how = f"REFERENCING {'NEW' if event == 'INSERT' else 'OLD'} TABLE AS touched FOR EACH STATEMENT"
        yield Trigger(
            table, event, f"AFTER {event} ON \"{table}\" {how} EXECUTE FUNCTION {FUNCTION}('{topic}')"
        )


def _for_sqlite(label: str, model: type[models.Model], topic: str) -> Iterator[Trigger]:
    table = model._meta.db_table
    for event in _events(label):
        changed = " OR ".join(
            f'OLD."{column}" IS NOT NEW."{column}"' for column in _heard_columns(label, model)
        )
        when = f"WHEN {changed} " if event == "UPDATE" else ""
        yield Trigger(
            table,
            event,
            f'AFTER {event} ON "{table}" FOR EACH ROW {when}BEGIN '  # noqa: S608 (names come from the models)
            f"INSERT INTO {_COUNTS} (topic, count) SELECT '{topic}', 0 "
            f"WHERE NOT EXISTS (SELECT 1 FROM {_COUNTS} WHERE topic = '{topic}'); "
            f"UPDATE {_COUNTS} SET count = count + 1 WHERE topic = '{topic}'; END",
        )


# ---------------------------------------------------------------------------------------------------------- the database


def install(**_signal: Any) -> list[str]:
    """Put up every trigger that the rule wants and take down what it does not; return what was mended, by name.

    Of tables that are not there (a migration stopped before them) nothing is said. Receives `post_migrate`, too.
    """
    there = set(connection.introspection.table_names())
    if ChangeCount._meta.db_table not in there:
        return []
    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_INSTALLING])
        wanted = {trigger.name: trigger for trigger in triggers(connection.vendor) if trigger.table in there}
        stands = _standing(cursor)
        mended = _mend_function(cursor)
        for name, table in stands.items():
            if name not in wanted:
                cursor.execute(
                    f'DROP TRIGGER "{name}"' + (f' ON "{table}"' if connection.vendor == "postgresql" else "")
                )
                mended.append(f"{table}: {name} taken down")
        for name, trigger in wanted.items():
            if name not in stands:
                cursor.execute(f'CREATE TRIGGER "{name}" {trigger.statement}')
                mended.append(f"{trigger.table}: {name} put up")
    return mended


def missing() -> list[tuple[str, str]]:
    """Return each table and what keeps its changes from being counted; empty if all is as the rule says."""
    with connection.cursor() as cursor:
        stands = _standing(cursor)
        found = (
            [] if _function_stands(cursor) else [("", f"the function {FUNCTION} is missing or another one")]
        )
    wanted = {trigger.name: trigger for trigger in triggers(connection.vendor)}
    found += [
        (trigger.table, f"has no trigger that counts {trigger.event}")
        for name, trigger in wanted.items()
        if name not in stands
    ]
    return found + [
        (table, f"has a trigger that no rule wants: {name}")
        for name, table in stands.items()
        if name not in wanted
    ]


def _standing(cursor: Any) -> dict[str, str]:
    """Return the table of each trigger of ours that is up and not disabled, by the trigger's name."""
    if connection.vendor == "postgresql":
        cursor.execute(
            "SELECT t.tgname, c.relname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid "
            "WHERE NOT t.tgisinternal AND t.tgenabled <> 'D' AND t.tgname LIKE %s AND pg_table_is_visible(c.oid)",
            [f"{PREFIX}%"],
        )
    else:
        cursor.execute(
            "SELECT name, tbl_name FROM sqlite_master WHERE type = 'trigger' AND name LIKE %s", [f"{PREFIX}%"]
        )
    return dict(cursor.fetchall())


def _function_stands(cursor: Any) -> bool:
    if connection.vendor != "postgresql":
        return True
    cursor.execute("SELECT prosrc FROM pg_proc WHERE proname = %s", [FUNCTION])
    return [row[0] for row in cursor.fetchall()] == [_BODY]


def _mend_function(cursor: Any) -> list[str]:
    if _function_stands(cursor):
        return []
    cursor.execute(
        f"CREATE OR REPLACE FUNCTION {FUNCTION}() RETURNS trigger LANGUAGE plpgsql AS $headend${_BODY}$headend$"
    )
    return [f"the function {FUNCTION} put up"]


# ------------------------------------------------------------------------------------------------------------- the count


def counts() -> dict[str, int]:
    """Return how often each topic has changed so far; one statement.

    Whoever asks amid a transaction of its own has its later writes counted anew: they would hide behind the earlier ones.
    """
    if connection.in_atomic_block and connection.vendor == "postgresql":
        _forget_what_was_counted()
    return dict(ChangeCount.objects.order_by().values_list("topic").annotate(Sum("count")))


def _forget_what_was_counted() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('headend.counted_' || topic, '', true) FROM unnest(%s::text[]) AS topic",
            [[*TOPICS, REST]],
        )


def total(counted: Mapping[str, int], topics: Iterable[str]) -> int:
    """Return the version of what shows these topics: it is another one after any change of theirs."""
    return sum(counted.get(topic, 0) for topic in topics)


def total_now(topics: Iterable[str]) -> int:
    """Return the version that what shows these topics would have now; one statement, and nothing around it."""
    names = list(topics)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT COALESCE(SUM(count), 0) FROM {_COUNTS} "  # noqa: S608 (names are parameters)
            f"WHERE topic IN ({', '.join(['%s'] * len(names))})",
            names,
        )
        return int(cursor.fetchone()[0])
