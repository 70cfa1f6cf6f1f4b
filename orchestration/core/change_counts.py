"""Count every change by topic, in the change's transaction, so that one statement tells a page that nothing changed.

Triggers count, not the code that writes: no writer can forget it, and a change by hand in the database counts, too. Which
table belongs to which topic is a rule over the models; one that it does not name counts as `rest`. `install()` puts up
what the rule says after every `migrate`, `missing()` says what is not there, and `manage.py count_changes` mends it.

On PostgreSQL a transaction takes any row of its topic that nobody holds and adds one to it once, or adds a row: no writer
ever waits here, so none can deadlock. A page's version is the sum over its topics (docs/decisions/0007-change-counts.md).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from django.apps import apps
from django.db import connection, models

from orchestration.core.schema_version import unknown_migrations
from orchestration.core.triggers import Trigger, TriggerSet
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
        "orchestration.SecondFactor",
        "orchestration.ExternalIdentity",
        "orchestration.RecoveryCode",
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
    "system": (
        "orchestration.SystemState",
        "orchestration.ApiToken",
        "orchestration.Proposal",
        "django_celery_beat.PeriodicTask",
    ),
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
    "webhooks": (
        "orchestration.WebhookEndpoint",
        "orchestration.WebhookEndpoint_groups",
        "orchestration.WebhookDelivery",
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
    "orchestration.ExternalIdentity": ("last_used_at",),
    "orchestration.Job": ("heartbeat_at", "lease_expires_at", "rank"),
    "orchestration.Lease": ("heartbeat_at", "expires_at"),
    "orchestration.Profile": ("updated_at",),
    "orchestration.RepositoryRecord": ("checked_at",),
    "orchestration.SecondFactor": ("last_used_at", "last_step", "sign_count"),
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
        if event == "UPDATE":
            # By row, since only there a trigger can compare; nothing is queued for what is the same.
            changed = " OR ".join(
                f'OLD."{column}" IS DISTINCT FROM NEW."{column}"' for column in _heard_columns(label, model)
            )
            how = f"FOR EACH ROW WHEN ({changed})"
        else:
            how = f"REFERENCING {'NEW' if event == 'INSERT' else 'OLD'} TABLE AS touched FOR EACH STATEMENT"
        yield Trigger(
            PREFIX, table, event, f"AFTER {event} ON \"{table}\" {how} EXECUTE FUNCTION {FUNCTION}('{topic}')"
        )


def _for_sqlite(label: str, model: type[models.Model], topic: str) -> Iterator[Trigger]:
    table = model._meta.db_table
    for event in _events(label):
        changed = " OR ".join(
            f'OLD."{column}" IS NOT NEW."{column}"' for column in _heard_columns(label, model)
        )
        when = f"WHEN {changed} " if event == "UPDATE" else ""
        yield Trigger(
            PREFIX,
            table,
            event,
            f'AFTER {event} ON "{table}" FOR EACH ROW {when}BEGIN '  # noqa: S608 (names come from the models)
            f"INSERT INTO {_COUNTS} (topic, count) SELECT '{topic}', 0 "
            f"WHERE NOT EXISTS (SELECT 1 FROM {_COUNTS} WHERE topic = '{topic}'); "
            f"UPDATE {_COUNTS} SET count = count + 1 WHERE topic = '{topic}'; END",
        )


# ---------------------------------------------------------------------------------------------------------- the database


_TRIGGERS = TriggerSet(
    prefix=PREFIX, doing="counts", function=FUNCTION, body=_BODY, lock=7_310_001, rule=triggers
)


def install(**_signal: Any) -> list[str]:
    """Put up every trigger that the rule wants and take down what it does not; return what was mended, by name.

    Before the counts have their table there is nothing to count into. Receives `post_migrate`, too.
    """
    there = connection.introspection.table_names()
    return _TRIGGERS.install(there) if _COUNTS in there else []


def missing() -> list[tuple[str, str]]:
    """Return each table and what keeps its changes from being counted; empty if all is as the rule says.

    While a newer version takes over, what stands there is by its rule, which names columns that this version does not know.
    """
    return [] if unknown_migrations() else _TRIGGERS.faults()


# ------------------------------------------------------------------------------------------------------------- the count


def counts() -> dict[str, int]:
    """Return how often each topic has changed so far; one statement.

    Whoever asks amid a transaction of its own has its later writes counted anew.
    """
    # Asked for every second of an idle installation: putting the statement together took longer than to run it.
    forget, topics = _forgetting()
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT topic, SUM(count) FROM {_COUNTS} {forget} GROUP BY topic",  # noqa: S608 (our table's name)
            topics,
        )
        return {topic: int(count) for topic, count in cursor.fetchall()}


def _forgetting() -> tuple[str, list[list[str]]]:
    """Return what a statement over the counts ends with, so that it lets later writes of this transaction count anew.

    On PostgreSQL a transaction counts a topic once: amid one, its later writes would hide behind the earlier ones.
    """
    if not (connection.in_atomic_block and connection.vendor == "postgresql"):
        return "WHERE true", []
    forgets = "SELECT count(set_config('headend.counted_' || one, '', true)) FROM unnest(%s::text[]) AS one"
    return f"WHERE ({forgets}) > 0", [[*TOPICS, REST]]


def total(counted: Mapping[str, int], topics: Iterable[str]) -> int:
    """Return the version of what shows these topics: it is another one after any change of theirs."""
    return sum(counted.get(topic, 0) for topic in topics)


def total_now(topics: Iterable[str]) -> int:
    """Return the version that what shows these topics would have now; one statement.

    Whoever asks amid a transaction of its own has its later writes counted anew, as with `counts`.
    """
    names = list(topics)
    forget, forgotten = _forgetting()
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT COALESCE(SUM(count), 0) FROM {_COUNTS} {forget} "  # noqa: S608 (names are parameters)
            f"AND topic IN ({', '.join(['%s'] * len(names))})",
            [*forgotten, *names],
        )
        return int(cursor.fetchone()[0])
