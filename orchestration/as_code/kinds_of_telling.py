"""Who is told: addresses, rules and webhooks. Addresses are secrets, which a file refers to and never holds."""

from __future__ import annotations

from typing import Any

from auditlog.context import disable_auditlog
from django.db import transaction

from orchestration.as_code import schemas
from orchestration.as_code.kinds import (
    REASON,
    Kind,
    Values,
    Work,
    clock,
    ids_of_channels,
    read_clock,
    secret_names,
    secret_of,
)
from orchestration.core import audit
from orchestration.errors import InvalidRequest
from orchestration.models import NotificationAddress, NotificationRule, WebhookEndpoint
from orchestration.models.notify import HEARTBEAT
from orchestration.notify import addresses, apprise_calls, rules
from orchestration.notify.names import usable_name
from orchestration.notify.rules import RuleValues
from orchestration.webhooks import calls, endpoints

MISSING = (
    "{name} is switched off: its address is not here. Set {secret} and apply the file again, or enter it."
)


class Addresses(Kind):
    """Where messages go."""

    section, thing, secret = "notification_addresses", schemas.AddressThing, "url"

    def export(self) -> dict[str, Values]:
        """Return every address by its name."""
        rows = list(NotificationAddress.objects.order_by("name"))
        names = secret_names(self.section, [row.name for row in rows])
        return {
            row.name: {
                "heartbeat": row.kind == HEARTBEAT,
                "enabled": row.enabled,
                "url": {"secret": names[row.name]},
            }
            for row in rows
        }

    def has_secret(self, key: str) -> bool:
        """Return whether the address itself is stored."""
        return NotificationAddress.objects.filter(name=key).exclude(url_sealed="").exists()

    def look_outside(self, work: Work, key: str, wanted: Values) -> None:
        """Check the address that the environment gives."""
        if url := secret_of(wanted.get("url")):
            work.checked[self.section, key] = apprise_calls.check(url, heartbeat=wanted["heartbeat"])

    def make(self, work: Work, key: str, wanted: Values, given: set[str]) -> None:
        """Enter an address; without its secret it is switched off."""
        if url := secret_of(wanted.get("url")):
            addresses.add_address(
                name=key,
                url=url,
                heartbeat=wanted["heartbeat"],
                enabled=wanted["enabled"],
                checked=work.checked[self.section, key],
            )
            return
        name = usable_name(NotificationAddress, key)
        with transaction.atomic(), disable_auditlog():
            kind = HEARTBEAT if wanted["heartbeat"] else "unknown"
            row = NotificationAddress.objects.create(
                name=name, kind=kind, shown="not known yet", enabled=False
            )
            audit.record(
                "notification_address_added", row, after={"name": name, "enabled": False}, reason=REASON
            )
        work.notes.append(_missing(key, wanted))

    def change(self, work: Work, key: str, wanted: Values, changed: set[str]) -> None:
        """Switch an address on or off, or give it the address that it lacks."""
        row = NotificationAddress.objects.get(name=key)
        if "heartbeat" in changed:
            raise InvalidRequest("it is what the address is; enter another one", field="heartbeat")
        if "url" in changed:
            checked = work.checked[self.section, key]
            addresses.change_address(row.pk, url=secret_of(wanted["url"]), checked=checked)
        if "enabled" in changed:
            addresses.change_address(row.pk, enabled=wanted["enabled"])

    def remove(self, key: str) -> None:
        """Remove an address."""
        addresses.remove_address(NotificationAddress.objects.get(name=key).pk, REASON)


class Rules(Kind):
    """Who is told what."""

    section, thing = "notification_rules", schemas.RuleThing
    sets = ("addresses", "channels", "groups", "labels")
    _plain = (
        *(
            "min_severity",
            "kinds",
            "zone",
            "critical_breaks_quiet",
            "reminder_hours",
            "send_recovery",
            "enabled",
        ),
    )
    _times = ("quiet_from", "quiet_until", "digest_at")

    def export(self) -> dict[str, Values]:
        """Return every rule by its name."""
        rows = NotificationRule.objects.order_by("name").prefetch_related(
            "addresses", "channels", "groups", "labels"
        )
        return {
            row.name: {
                "addresses": sorted(address.name for address in row.addresses.all()),
                **{name: getattr(row, name) for name in self._plain},
                "channels": sorted(channel.slug for channel in row.channels.all()),
                "groups": sorted(group.slug for group in row.groups.all()),
                "labels": sorted(label.name for label in row.labels.all()),
                **{name: clock(getattr(row, name)) for name in self._times},
            }
            for row in rows
        }

    def normal(self, given: Values) -> Values:
        """Return times as they are written, each kind once."""
        found = super().normal(given)
        for name in self._times:
            if name in found:
                found[name] = clock(read_clock(found[name], name))
        if "kinds" in found:
            found["kinds"] = list(dict.fromkeys(found["kinds"]))
        return found

    def _values(self, key: str, wanted: Values) -> RuleValues:
        known = dict(NotificationAddress.objects.values_list("name", "pk"))
        if absent := [name for name in wanted["addresses"] if name not in known]:
            raise InvalidRequest(f"there is no address {absent[0][:60]}", field="addresses")
        times: dict[str, Any] = {name: read_clock(wanted[name], name) for name in self._times}
        return RuleValues(
            name=key,
            address_ids=[known[name] for name in wanted["addresses"]],
            channel_ids=ids_of_channels(wanted["channels"], "channels"),
            groups=wanted["groups"],
            labels=wanted["labels"],
            **times,
            **{name: wanted[name] for name in self._plain},
        )

    def make(self, work: Work, key: str, wanted: Values, given: set[str]) -> None:
        """Enter a rule."""
        rules.add_rule(self._values(key, wanted))

    def change(self, work: Work, key: str, wanted: Values, changed: set[str]) -> None:
        """Give a rule all its values anew."""
        rules.change_rule(NotificationRule.objects.get(name=key).pk, self._values(key, wanted))

    def remove(self, key: str) -> None:
        """Remove a rule."""
        rules.remove_rule(NotificationRule.objects.get(name=key).pk, REASON)


class Webhooks(Kind):
    """Where events are sent; what signs them is made anew, and never in a file."""

    section, thing, secret = "webhooks", schemas.WebhookThing, "url"
    sets = ("groups",)

    def export(self) -> dict[str, Values]:
        """Return every endpoint by its name."""
        every = WebhookEndpoint.objects.order_by("name").prefetch_related("groups")
        rows = [row for row in every if row.groups.all() or not row.is_limited]
        names = secret_names(self.section, [row.name for row in rows])
        return {
            row.name: {
                "events": list(row.events),
                "groups": sorted(group.slug for group in row.groups.all()),
                "enabled": row.enabled,
                "url": {"secret": names[row.name]},
            }
            for row in rows
        }

    def removable(self, key: str) -> bool:
        """Return whether a file could name it: one whose groups are all gone hears nothing, and is left alone."""
        row = WebhookEndpoint.objects.get(name=key)
        return not row.is_limited or row.groups.exists()

    def has_secret(self, key: str) -> bool:
        """Return whether the address itself is stored."""
        return WebhookEndpoint.objects.filter(name=key).exclude(url_sealed="").exists()

    def look_outside(self, work: Work, key: str, wanted: Values) -> None:
        """Check the address that the environment gives."""
        if url := secret_of(wanted.get("url")):
            work.checked[self.section, key] = calls.check(url)

    def make(self, work: Work, key: str, wanted: Values, given: set[str]) -> None:
        """Enter an endpoint, if its address is here: without one there is nothing to send to, nor a place in the stream."""
        url = secret_of(wanted.get("url"))
        if not url:
            secret = (wanted.get("url") or {}).get("secret", "its variable")
            work.notes.append(
                f"{key} is not made: its address is not here. Set {secret} and apply the file again."
            )
            return
        endpoints.add(
            name=key,
            url=url,
            events=wanted["events"],
            groups=wanted["groups"],
            enabled=wanted["enabled"],
            shown=work.checked[self.section, key],
        )
        work.notes.append(f"{key} signs with a secret of its own: rotate it to be shown one.")

    def change(self, work: Work, key: str, wanted: Values, changed: set[str]) -> None:
        """Change what an endpoint hears."""
        row = WebhookEndpoint.objects.get(name=key)
        given: dict[str, Any] = {
            name: wanted[name] for name in ("events", "groups", "enabled") if name in changed
        }
        if "url" in changed:
            given["url"] = secret_of(wanted["url"])
        endpoints.change(row.pk, **given)

    def remove(self, key: str) -> None:
        """Remove an endpoint."""
        endpoints.remove(WebhookEndpoint.objects.get(name=key).pk, REASON)


def _missing(key: str, wanted: Values) -> str:
    secret = (wanted.get("url") or {}).get("secret", "its variable")
    return MISSING.format(name=key, secret=secret)
