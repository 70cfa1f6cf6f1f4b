"""Name in which ways each list can be sorted: one table for the parameter `sort`, its document and its cursors."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Column:
    """What is compared: the path to a column of the database, or to an attribute, and in which direction."""

    path: str
    falling: bool


@dataclass(frozen=True, slots=True)
class Order:
    """The words that `sort` takes, each with what is compared, and what tells two items apart where that is the same.

    A word is turned round by a `-` before it; a column with one is turned round against the others.
    """

    default: str
    keys: Mapping[str, tuple[str, ...]]
    identity: tuple[str, ...] = ("id",)

    @property
    def words(self) -> tuple[str, ...]:
        """Return what `sort` takes."""
        return tuple(word for key in self.keys for word in (key, f"-{key}"))

    @property
    def description(self) -> str:
        """Return how the parameter is described."""
        return f"what it is sorted by, `-` before it turns it round; left out: `{self.default}`"

    def columns(self, word: str) -> list[Column]:
        """Return what is compared for a word, what tells two items apart at the end."""
        turned, key = word.startswith("-"), word.removeprefix("-")
        paths = [*self.keys[key], *(path for path in self.identity if path not in self.keys[key])]
        return [Column(path.removeprefix("-"), turned is not path.startswith("-")) for path in paths]


def _order(default: str, *plain: str, identity: tuple[str, ...] = ("id",), **keys: tuple[str, ...]) -> Order:
    """Return an order whose plain words are columns of the same name."""
    return Order(default, keys | {word: (word,) for word in plain}, identity)


ACTIVITY = _order("-at", "id", at=("timestamp",))
ADDRESSES = _order("name", "name", "created_at", "id")
ATTACHMENTS = _order("kind", "created_at", "id", kind=("kind", "language"))
BLACKOUTS = _order(
    "channel", "first_date", "last_date", "id", channel=("channel__name", "channel_id", "first_date")
)
BLOCKERS = _order("-waiting", "since", "id", waiting=("waiting", "-since"))
CAUSES = _order("-failed", "code", "last_at", failed=("failed", "-code"), identity=("code",))
CHANNELS = _order("name", "name", "slug", "priority", "created_at", "updated_at", "id")
CONFLICTS = _order("-created_at", "created_at", "id")
DELIVERIES = _order("-id", "created_at", "id")
DISTRIBUTIONS = _order("-created_at", "created_at", "published_at", "id")
ENDPOINTS = _order("name", "name", "created_at", "id")
GROUPS = _order("name", "name", "slug", "id")
JOBS = _order("-id", "id", "created_at", "priority", "run_at", "finished_at")
LABELS = _order("name", "name", "id")
LOCKOUTS = _order("-since", "since", "username", "address", "failures", identity=("username", "address"))
NOTIFICATIONS = _order("-id", "created_at", "sent_at", "id")
ORPHANS = _order("-deleted_at", "found_at", "id", deleted_at=("deleted_at", "found_at"))
POOLS = _order("name", "name", "kind", "waiting", "id")
PROFILES = _order("-built_in", "name", built_in=("built_in", "-name"), identity=("key",))
PROPOSALS = _order("-id", "id", "created_at", "expires_at")
REVIEWS = _order("publish_at", "publish_at", "schedule_id", identity=("schedule_id",))
ROLLOUTS = _order("-id", "created_at", "id")
RULES = _order("name", "name", "created_at", "id")
RUNS = _order("-id", "id", "created_at", "completed_at")
SCHEDULES = _order(
    "publish_at", "publish_at", "created_at", "priority", "id", published_at=("distribution__published_at",)
)
SILENCES = _order("-until", "until", "created_at", "id")
SLOTS = _order(
    "channel",
    "id",
    channel=("channel__name", "channel_id", "weekday", "local_time"),
    weekday=("weekday", "local_time"),
)
SOURCES = _order("name", "name", "priority", "created_at", "last_scraped_at", "next_scrape_at", "id")
STANDING = _order("name", "name", "next_run_at", "last_run_at", "id")
TOKENS = _order("name", "name", "created_at", "expires_at", "last_used_at", "id")
UPLOADS = _order("-id", "id", "created_at", "name", "size_bytes")
USERS = _order("username", "username", "joined_at", "last_login_at", "id")
VIDEOS = _order(
    "-created_at", "created_at", "source_published_at", "ready_at", "title", "duration_seconds", "id"
)
VIEWS = _order("page", "name", "created_at", "id", page=("page", "name"))
WAVES = _order("-created_at", "created_at", "scheduled_at", "name", "priority", "id")
WORDS = _order("-distribution_id", distribution_id=("id",), publish_at=("schedule__publish_at",))
