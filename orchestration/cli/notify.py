"""List the commands about notifications."""

import argparse
import sys
from typing import Any

from orchestration.api.schemas import notify
from orchestration.cli import arguments
from orchestration.cli.command import Command, Options, Service, given, reason
from orchestration.cli.layout import table, when
from orchestration.lists import NotificationFilters
from orchestration.models import Notification, NotificationAddress, NotificationRule, Silence
from orchestration.models.notify import NotificationKind, NotificationOutcome, Severity
from orchestration.notify.board import NotificationBoard

SHOWN = 50

# ----------------------------------------------------------------------------------------------------------------- text


def board(found: NotificationBoard) -> list[str]:
    """Describe who is told what."""
    return [
        "Addresses:",
        *table(
            ["id", "name", "kind", "address", "on", "last try", "error"],
            [
                [row.pk, row.name, row.kind, row.shown, row.enabled, row.last_tried_at, row.last_error]
                for row in found.addresses
            ],
            empty="nobody can be told anything",
        ),
        "",
        "Rules:",
        *table(
            ["id", "name", "from", "kinds", "to", "digest", "on"],
            [
                [
                    row.pk,
                    row.name,
                    row.min_severity,
                    ", ".join(row.kinds) or "all",
                    ", ".join(address.name for address in row.addresses.all()),
                    f"{row.digest_at:%H:%M} {row.zone}" if row.digest_at else "",
                    row.enabled,
                ]
                for row in found.rules
            ],
            empty="nobody is told anything",
        ),
        "",
        "Silences:",
        *table(
            ["id", "kind", "channel", "cause", "until", "by", "why"],
            [
                [row.pk, row.kind, row.channel, row.cause, row.until, row.who, row.reason]
                for row in found.silences
            ],
        ),
        "",
        "What stands:",
        *table(
            ["severity", "since", "cause", "what"],
            [[row.severity, row.opened_at, row.key, row.sentence] for row in found.incidents],
            empty="nothing needs a person",
        ),
    ]


def log(rows: list[Notification]) -> list[str]:
    """Describe what was sent."""
    return table(
        ["id", "written", "kind", "to", "title", "outcome", "tries", "error"],
        [
            [
                row.pk,
                row.created_at,
                row.kind,
                row.address_name,
                row.title,
                row.outcome,
                row.attempts,
                row.error,
            ]
            for row in rows
        ],
        empty="nothing was sent",
    )


def tested(row: Notification) -> list[str]:
    """Describe the outcome of a test."""
    if row.outcome == NotificationOutcome.SENT:
        return [f"The test went to {row.address_name} at {when(row.sent_at)}."]
    return [f"The test did not reach {row.address_name}: {row.error}"]


def address(row: NotificationAddress) -> list[str]:
    """Describe an address."""
    return [f"Address {row.pk}, {row.name}: {row.shown}{'' if row.enabled else ', switched off'}."]


def rule(row: NotificationRule) -> list[str]:
    """Describe a rule."""
    names = ", ".join(address.name for address in row.addresses.all())
    return [f"Rule {row.pk}, {row.name}: {row.min_severity} and worse to {names}."]


def silence(row: Silence) -> list[str]:
    """Describe a silence."""
    return [f"Silence {row.pk}: {row}."]


# ------------------------------------------------------------------------------------------------------------- commands


def _log_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--kind", nargs="+", choices=NotificationKind.values)
    parser.add_argument("--outcome", nargs="+", choices=NotificationOutcome.values)
    parser.add_argument("--q", help="part of the title, the text, the address's name or the error")
    parser.add_argument("--limit", type=arguments.whole, default=SHOWN, metavar="N", help="newest so many")


def _log(service: Service, options: Options) -> list[Notification]:
    service.get_notification_board()  # may this actor look?
    filters = NotificationFilters(**given(options, "kind", "outcome", "q"))
    return list(filters.filter(Notification.objects.order_by("-id"))[: options.limit])


def _address_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name")
    parser.add_argument("url", help="an Apprise address; - reads it from the standard input")
    parser.add_argument(
        "--heartbeat", action="store_true", help="call it once a minute as long as Headend works"
    )


def _address_add(service: Service, options: Options) -> NotificationAddress:
    body = notify.NewAddress(url=_url(options.url), **given(options, "name", "heartbeat"))
    return service.add_notification_address(**body.model_dump())


def _url(text: str) -> str:
    return sys.stdin.readline().strip() if text == "-" else text


def _address_change_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", type=arguments.row_id, help="id of the address")
    parser.add_argument("--name")
    parser.add_argument("--url", help="an Apprise address; - reads it from the standard input")
    parser.add_argument("--enabled", choices=["yes", "no"])


def _address_change(service: Service, options: Options) -> NotificationAddress:
    enabled = None if options.enabled is None else options.enabled == "yes"
    body = notify.ChangedAddress(
        name=options.name, url=_url(options.url) if options.url else None, enabled=enabled
    )
    return service.change_notification_address(address_id=options.id, **body.model_dump())


def _rule_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name")
    parser.add_argument(
        "--address", dest="addresses", nargs="+", type=arguments.row_id, required=True, metavar="ID"
    )
    parser.add_argument("--min-severity", choices=Severity.values, default=Severity.WARNING.value)
    parser.add_argument(
        "--kind", dest="kinds", nargs="+", default=[], help="categories or codes; without it all"
    )
    arguments.add_channels(parser)
    parser.add_argument("--quiet", nargs=2, metavar=("HH:MM", "HH:MM"), help="from and until, in the zone")
    parser.add_argument("--zone", default="UTC", help="such as Europe/Berlin")
    parser.add_argument("--reminder-hours", type=arguments.whole, default=24, metavar="N", help="0: none")
    parser.add_argument("--no-recovery", action="store_true", help="do not tell when something is over")
    parser.add_argument("--digest-at", metavar="HH:MM", help="a digest every day, in the zone")


def _rule_add(service: Service, options: Options) -> NotificationRule:
    begins, ends = options.quiet or (None, None)
    body = notify.RuleBody(
        address_ids=options.addresses,
        channels=options.channels or [],
        quiet_from=begins,
        quiet_until=ends,
        send_recovery=not options.no_recovery,
        **given(options, "name", "min_severity", "kinds", "zone", "reminder_hours", "digest_at"),
    )
    return service.add_notification_rule(values=body.values())


def _silence_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("until", type=arguments.instant, metavar="INSTANT", help="ISO 8601 with an offset")
    parser.add_argument("--kind", default="", help="category or code of a problem")
    parser.add_argument("--channel", metavar="SLUG", help="channel by slug or id")
    parser.add_argument("--group", default="", metavar="SLUG", help="the channels that are in a group then")
    parser.add_argument("--cause", default="", help="one cause by its key, as `notifications` shows it")
    arguments.add_reason(parser)


def _silence_add(service: Service, options: Options) -> Silence:
    body = notify.NewSilence(
        channel_id=arguments.channel(options.channel) if options.channel else None,
        **given(options, "until", "kind", "group", "cause", "reason"),
    )
    return service.add_silence(**body.model_dump())


def _on(name: str) -> Any:
    def add(parser: argparse.ArgumentParser) -> None:
        parser.add_argument("id", type=arguments.row_id, help=f"id of the {name}")
        arguments.add_reason(parser)

    return add


def _test_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", type=arguments.row_id, help="id of the address")


NOTIFY = (
    Command(
        "notifications",
        "show who is told what, and what stands",
        lambda s, o: s.get_notification_board(),
        notify.NotificationBoardOut,
        board,
    ),
    Command("notification-log", "list what was sent", _log, list[notify.NotificationOut], log, _log_options),
    Command(
        "notification-test",
        "send a test to an address",
        lambda s, o: s.test_notification_address(address_id=o.id),
        notify.NotificationOut,
        tested,
        _test_options,
    ),
    Command(
        "notification-address-add",
        "enter an address to which messages go",
        _address_add,
        notify.AddressOut,
        address,
        _address_options,
    ),
    Command(
        "notification-address-change",
        "change an address",
        _address_change,
        notify.AddressOut,
        address,
        _address_change_options,
    ),
    Command(
        "notification-address-remove",
        "remove an address",
        lambda s, o: s.remove_notification_address(address_id=o.id, reason=reason(o)),
        None,
        lambda _: ["The address is removed."],
        _on("address"),
    ),
    Command(
        "notification-rule-add",
        "say what is told to which addresses",
        _rule_add,
        notify.RuleOut,
        rule,
        _rule_options,
    ),
    Command(
        "notification-rule-remove",
        "remove a rule",
        lambda s, o: s.remove_notification_rule(rule_id=o.id, reason=reason(o)),
        None,
        lambda _: ["The rule is removed."],
        _on("rule"),
    ),
    Command(
        "silence-add",
        "tell nobody of something until an end",
        _silence_add,
        notify.SilenceOut,
        silence,
        _silence_options,
    ),
    Command(
        "silence-end",
        "end a silence now",
        lambda s, o: s.end_silence(silence_id=o.id, reason=reason(o)),
        notify.SilenceOut,
        silence,
        _on("silence"),
    ),
)
