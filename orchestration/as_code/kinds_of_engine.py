"""What belongs to no channel: profiles, pools, the clock, groups, standing rules."""

from __future__ import annotations

from typing import Any

from django_celery_beat.models import PeriodicTask

from channels.models import ChannelGroup
from orchestration.as_code import schemas
from orchestration.as_code.kinds import (
    REASON,
    Kind,
    Values,
    Work,
    clock,
    ids_of_channels,
    ids_of_sources,
    read_clock,
)
from orchestration.engine import cadence_reports, cadences
from orchestration.errors import InvalidRequest
from orchestration.fields import parse_instant
from orchestration.models import Pool, Profile, StandingRule
from orchestration.queue import pool_actions, pools
from orchestration.register import groups, profiles
from orchestration.scheduling import standing
from orchestration.scheduling.standing import StandingValues, read_times, write_times


class Profiles(Kind):
    """Profiles of one's own; those that are built in are not written."""

    section, thing = "profiles", schemas.ProfileThing

    def export(self) -> dict[str, Values]:
        """Return every profile by its key."""
        rows = Profile.objects.order_by("key")
        return {row.key: {name: getattr(row, name) for name in profiles.FIELDS} for row in rows}

    def make(self, work: Work, key: str, wanted: Values, given: set[str]) -> None:
        """Make a profile."""
        profiles.save(key, wanted, REASON)

    def change(self, work: Work, key: str, wanted: Values, changed: set[str]) -> None:
        """Give a profile all its values anew."""
        profiles.save(key, wanted, REASON)

    def remove(self, key: str) -> None:
        """Remove a profile that nobody names."""
        profiles.remove(key, REASON)


class Pools(Kind):
    """What pools hold; which there are is not for a file to say."""

    section, thing = "pools", schemas.PoolThing

    def export(self) -> dict[str, Values]:
        """Return every pool by its name."""
        names = ("label", "capacity", "window_seconds", "reserve")
        return {
            row.name: {name: getattr(row, name) for name in names} for row in Pool.objects.order_by("name")
        }

    def make(self, work: Work, key: str, wanted: Values, given: set[str]) -> None:
        """Change a pool that is made when the engine first starts."""
        pools.ensure_defaults()
        if not Pool.objects.filter(name=key).exists():
            raise InvalidRequest(f"there is no pool {key[:60]}")
        self.change(work, key, wanted, given)

    def change(self, work: Work, key: str, wanted: Values, changed: set[str]) -> None:
        """Set what a pool holds."""
        given: dict[str, Any] = {name: wanted[name] for name in changed}
        pool_actions.change(Pool.objects.get(name=key).pk, **given, reason=REASON)

    def removable(self, key: str) -> bool:
        """Return that no pool is ever taken away."""
        return False


class Clock(Kind):
    """How often the clock's entries come: what is kept of settings in the database."""

    section, thing = "clock", schemas.ClockThing

    def export(self) -> dict[str, Values]:
        """Return every entry by its name."""
        rows = PeriodicTask.objects.filter(name__in=cadences.BY_NAME).select_related("interval")
        kept = {row.name: cadences.seconds_of(row) for row in rows}
        return {
            name: {"seconds": int(kept.get(name) or cadences.BY_NAME[name].default_seconds)}
            for name in sorted(cadences.BY_NAME)
        }

    def make(self, work: Work, key: str, wanted: Values, given: set[str]) -> None:
        """Refuse: which entries there are is not for a file to say."""
        raise InvalidRequest(f"there is no entry {key[:60]} of the clock")

    def change(self, work: Work, key: str, wanted: Values, changed: set[str]) -> None:
        """Let an entry come every so many seconds."""
        if not PeriodicTask.objects.filter(name=key).exists():
            cadences.keep()
        cadence_reports.set_seconds(key, wanted["seconds"], REASON)

    def removable(self, key: str) -> bool:
        """Return that no entry is ever taken away."""
        return False


class Groups(Kind):
    """Groups; who is in them stands at the channels."""

    section, thing = "groups", schemas.GroupThing

    def export(self) -> dict[str, Values]:
        """Return every group by its slug."""
        rows = ChannelGroup.objects.order_by("slug")
        return {row.slug: {"name": row.name, "description": row.description} for row in rows}

    def make(self, work: Work, key: str, wanted: Values, given: set[str]) -> None:
        """Make a group."""
        groups.add(wanted["name"] or key, key, wanted["description"])

    def change(self, work: Work, key: str, wanted: Values, changed: set[str]) -> None:
        """Change a group's name or description."""
        given: dict[str, Any] = {name: wanted[name] for name in changed}
        groups.change(ChannelGroup.objects.get(slug=key).pk, **given)

    def remove(self, key: str) -> None:
        """Remove a group that no rule names."""
        groups.remove(ChannelGroup.objects.get(slug=key).pk, REASON)


class StandingRules(Kind):
    """Standing rules; the episodes that a person passed over are not configuration."""

    section, thing = "standing_rules", schemas.StandingRuleThing
    sets = ("channels", "groups", "labels")
    _plain = ("kind", "enabled", "every_minutes", "zone", "horizon_days", "backlog_floor", "priority")

    def export(self) -> dict[str, Values]:
        """Return every rule by its name."""
        return {
            rule.name: self._of(rule) for rule in sorted(standing.list_rules(), key=lambda rule: rule.name)
        }

    def _of(self, rule: StandingRule) -> Values:
        return {
            **{name: getattr(rule, name) for name in self._plain},
            "channels": sorted(channel.slug for channel in rule.channels.all()),
            "groups": sorted(group.slug for group in rule.groups.all()),
            "labels": sorted(label.name for label in rule.labels.all()),
            "source": rule.source.canonical_url if rule.source else "",
            "daily_at": clock(rule.daily_at),
            "times": write_times(rule.times),
            "since": rule.since.isoformat() if rule.since else "",
        }

    def normal(self, given: Values) -> Values:
        """Return times and instants as they are written."""
        found = super().normal(given)
        if found.get("times"):
            found["times"] = write_times(
                [(day, f"{at:%H:%M}") for day, at in sorted(set(read_times(found["times"])))]
            )
        if "daily_at" in found:
            found["daily_at"] = clock(read_clock(found["daily_at"], "daily_at"))
        if found.get("since"):
            try:
                found["since"] = parse_instant(found["since"]).isoformat()
            except ValueError as error:
                raise InvalidRequest(f"{found['since'][:40]!r} {error}", field="since") from error
        return found

    def _values(self, key: str, wanted: Values) -> StandingValues:
        return StandingValues(
            name=key,
            channel_ids=ids_of_channels(wanted["channels"], "channels"),
            groups=wanted["groups"],
            labels=wanted["labels"],
            source_id=ids_of_sources([wanted["source"]], "source")[0] if wanted["source"] else None,
            daily_at=read_clock(wanted["daily_at"], "daily_at"),
            times=read_times(wanted["times"]),
            since=parse_instant(wanted["since"]) if wanted["since"] else None,
            **{name: wanted[name] for name in self._plain},
        )

    def make(self, work: Work, key: str, wanted: Values, given: set[str]) -> None:
        """Enter a rule."""
        standing.add(self._values(key, wanted))

    def change(self, work: Work, key: str, wanted: Values, changed: set[str]) -> None:
        """Give a rule all its values anew."""
        standing.change(StandingRule.objects.get(name=key).pk, self._values(key, wanted))

    def remove(self, key: str) -> None:
        """Remove a rule."""
        standing.remove(StandingRule.objects.get(name=key).pk, REASON)
