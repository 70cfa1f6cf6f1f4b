"""List the commands about events and webhook endpoints; an address may be read, so that it stays out of the history."""

import argparse
import sys
from typing import Any

from orchestration.api.schemas import webhooks
from orchestration.cli import arguments
from orchestration.cli.command import Command, Options, Service, given, reason
from orchestration.cli.layout import table
from orchestration.lists import DeliveryFilters
from orchestration.models import WebhookDelivery, WebhookEndpoint
from orchestration.models.webhooks import DeliveryOutcome
from orchestration.webhooks.stream import Page

SHOWN = 50
Made = dict[str, Any]


def _endpoints(rows: list[WebhookEndpoint]) -> list[str]:
    return table(
        ["id", "name", "address", "events", "groups", "on", "failures", "error"],
        [
            [
                row.pk,
                row.name,
                row.shown,
                ", ".join(row.events) or "all",
                ", ".join(group.slug for group in row.groups.all()),
                row.enabled,
                row.failures,
                row.disabled_because or row.last_error,
            ]
            for row in rows
        ],
        empty="no event is sent anywhere",
    )


def _made(made: Made) -> list[str]:
    return [made["secret"], "It is shown this once: keep it where the endpoint verifies signatures."]


def _deliveries(rows: list[WebhookDelivery]) -> list[str]:
    return table(
        ["id", "written", "to", "type", "outcome", "tries", "status", "ms", "error"],
        [
            [
                row.pk,
                row.created_at,
                row.endpoint.name,
                row.type,
                row.outcome,
                row.attempts,
                row.status,
                row.duration_ms,
                row.error,
            ]
            for row in rows
        ],
        empty="nothing was sent",
    )


def _events(page: Page) -> list[str]:
    return table(
        ["event", "at", "type", "about", "by"],
        [
            [
                event["data"]["id"],
                event["timestamp"],
                event["type"],
                event["data"]["subject"]["name"],
                event["data"]["actor"]["name"],
            ]
            for event in page.events
        ],
        empty="no event",
    )


def _url(text: str) -> str:
    return sys.stdin.readline().strip() if text == "-" else text


def _id(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", type=arguments.row_id, help="id of the endpoint")


def _wanted(parser: argparse.ArgumentParser, default: Any) -> None:
    parser.add_argument(
        "--events", nargs="*", default=default, metavar="TYPE", help="types or patterns, such as 'schedule.*'"
    )
    parser.add_argument(
        "--groups", nargs="*", default=default, metavar="SLUG", help="what concerns channels of these only"
    )


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name")
    parser.add_argument("url", help="https://…; - reads it from the standard input")
    _wanted(parser, [])


def _add(service: Service, options: Options) -> Made:
    body = webhooks.NewEndpoint(url=_url(options.url), **given(options, "name", "events", "groups"))
    row, secret = service.add_webhook_endpoint(**body.model_dump())
    return {"endpoint": row, "secret": secret}


def _change_options(parser: argparse.ArgumentParser) -> None:
    _id(parser)
    parser.add_argument("--name")
    parser.add_argument("--url", help="https://…; - reads it from the standard input")
    parser.add_argument("--enabled", choices=["yes", "no"])
    _wanted(parser, None)


def _change(service: Service, options: Options) -> WebhookEndpoint:
    body = webhooks.ChangedEndpoint(
        url=_url(options.url) if options.url else None,
        enabled=None if options.enabled is None else options.enabled == "yes",
        **given(options, "name", "events", "groups"),
    )
    return service.change_webhook_endpoint(endpoint_id=options.id, **body.model_dump())


def _remove_options(parser: argparse.ArgumentParser) -> None:
    _id(parser)
    arguments.add_reason(parser)


def _rotate_options(parser: argparse.ArgumentParser) -> None:
    _id(parser)
    parser.add_argument(
        "--overlap-hours", type=float, default=24, metavar="N", help="both secrets sign so long"
    )
    arguments.add_reason(parser)


def _rotate(service: Service, options: Options) -> Made:
    body = webhooks.SecretRotation(overlap_hours=options.overlap_hours)
    row, secret = service.rotate_webhook_secret(
        endpoint_id=options.id, overlap_hours=body.overlap_hours, reason=reason(options)
    )
    return {"endpoint": row, "secret": secret}


def _resend_options(parser: argparse.ArgumentParser) -> None:
    _id(parser)
    parser.add_argument("since", type=arguments.instant, metavar="INSTANT", help="ISO 8601 with an offset")


def _deliveries_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--endpoint", dest="endpoint_id", nargs="+", type=arguments.row_id, metavar="ID")
    parser.add_argument("--outcome", nargs="+", choices=DeliveryOutcome.values)
    parser.add_argument("--type", help="such as schedule.published")
    parser.add_argument("--q", help="part of the type, the error or the answer, or how the event's id begins")
    parser.add_argument("--limit", type=arguments.whole, default=SHOWN, metavar="N", help="newest so many")


def _log(service: Service, options: Options) -> list[WebhookDelivery]:
    filters = DeliveryFilters(**given(options, "endpoint_id", "outcome", "type", "q"))
    return list(filters.filter(service.get_webhook_deliveries())[: options.limit])


def _delivery_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", type=arguments.row_id, help="id of the delivery")


def _events_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--after", default="", metavar="EVENT", help="those after this one")
    parser.add_argument("--since", type=arguments.instant, metavar="INSTANT", help="those since an instant")
    parser.add_argument("--types", nargs="*", default=[], metavar="TYPE", help="types or patterns")
    parser.add_argument("--limit", type=arguments.whole, default=100, metavar="N")


WEBHOOKS = (
    Command(
        "events",
        "read the stream of events, oldest first",
        lambda s, o: s.get_events(**given(o, "after", "since", "types", "limit")),
        webhooks.EventPageOut,
        _events,
        _events_options,
    ),
    Command(
        "webhooks",
        "show where events are sent",
        lambda s, o: s.get_webhook_endpoints(),
        list[webhooks.EndpointOut],
        _endpoints,
    ),
    Command(
        "webhook-add",
        "enter an endpoint and show its secret this once",
        _add,
        webhooks.EndpointMadeOut,
        _made,
        _add_options,
    ),
    Command(
        "webhook-change",
        "change an endpoint, or switch it on or off",
        _change,
        webhooks.EndpointOut,
        lambda row: _endpoints([row]),
        _change_options,
    ),
    Command(
        "webhook-rotate",
        "give an endpoint another secret and show it this once",
        _rotate,
        webhooks.EndpointMadeOut,
        _made,
        _rotate_options,
    ),
    Command(
        "webhook-test",
        "send a test to an endpoint",
        lambda s, o: s.test_webhook_endpoint(endpoint_id=o.id),
        webhooks.DeliveryOut,
        lambda row: _deliveries([row]),
        _id,
    ),
    Command(
        "webhook-resend",
        "send everything anew since an instant",
        lambda s, o: s.resend_webhook_events(endpoint_id=o.id, since=o.since),
        webhooks.EndpointOut,
        lambda row: _endpoints([row]),
        _resend_options,
    ),
    Command(
        "webhook-remove",
        "remove an endpoint with its log",
        lambda s, o: s.remove_webhook_endpoint(endpoint_id=o.id, reason=reason(o)),
        None,
        lambda _: ["The endpoint is removed."],
        _remove_options,
    ),
    Command(
        "webhook-deliveries",
        "list what was sent to endpoints, and what waits",
        _log,
        list[webhooks.DeliveryOut],
        _deliveries,
        _deliveries_options,
    ),
    Command(
        "webhook-delivery-resend",
        "send one event once more",
        lambda s, o: s.resend_webhook_delivery(delivery_id=o.id),
        webhooks.DeliveryOut,
        lambda row: _deliveries([row]),
        _delivery_options,
    ),
)
