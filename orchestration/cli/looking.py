"""List the command that looks at anything: it asks the API in this process; what can be read there can be read here."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from typing import Any

from django.http import HttpResponse

from orchestration.api import operations
from orchestration.cli import arguments
from orchestration.cli.command import Command, Options, Service
from orchestration.cli.layout import table
from orchestration.errors import InvalidRequest

MOST_COLUMNS, LONGEST_CELL = 9, 48


class Refused(Exception):
    """What the API answered instead of what was asked for: a problem."""

    def __init__(self, document: dict[str, Any]) -> None:
        super().__init__(document["detail"])
        self.document = document


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "path",
        metavar="WHAT",
        help="what stands behind /api/ in its address: videos, jobs/7, webhooks/deliveries",
    )
    parser.add_argument(
        "filters",
        nargs="*",
        type=_pair,
        metavar="NAME=VALUE",
        help="the list's own filters, and sort, fields, limit, page, cursor, count",
    )


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name, value


def look(service: Service, options: Options) -> Any:
    """Return what the API answers to a GET. Raises: Refused, InvalidRequest."""
    response = operations.look(arguments.whoever_sits_here(), options.path, options.filters)
    if not isinstance(response, HttpResponse):
        response.close()
        raise InvalidRequest(f"{options.path} does not end; ask it over HTTP.", field="WHAT")
    kind = response.headers.get("Content-Type", "")
    if "json" not in kind:
        return response.content.decode(errors="replace")
    answer = json.loads(response.content)
    if response.status_code >= 400:
        raise Refused(answer)
    return answer


def shown(answer: Any) -> list[str]:
    """Lay out an answer: a list as a table, anything else as its fields."""
    if isinstance(answer, str):
        return answer.splitlines()
    if isinstance(answer, Mapping) and isinstance(answer.get("items"), list):
        return [*_rows(answer["items"]), "", _where(answer)]
    if isinstance(answer, list):
        return _rows(answer)
    if not isinstance(answer, Mapping):
        return [json.dumps(answer)]
    width = max((len(name) for name in answer), default=0)
    return [f"{name.ljust(width)}  {_said(value)}".rstrip() for name, value in answer.items()]


def _rows(items: Sequence[Any]) -> list[str]:
    rows = [item if isinstance(item, Mapping) else {"": item} for item in items]
    names = [name for name in dict.fromkeys(name for row in rows for name in row) if _is_column(name, rows)]
    names = names[:MOST_COLUMNS]
    return table(names, [[row.get(name) for name in names] for row in rows], empty="none")


def _is_column(name: str, rows: Sequence[Mapping[str, Any]]) -> bool:
    """Return whether a field says something in a table: it is short, no list, and somewhere not empty."""
    values = [row.get(name) for row in rows]
    return all(
        not isinstance(value, dict | list) and len(str(value)) <= LONGEST_CELL for value in values
    ) and any(value not in (None, "") for value in values)


def _where(page: Mapping[str, Any]) -> str:
    many = len(page["items"])
    total = page.get("total")
    said = f"{many} shown" if total is None else f"{many} of {total}"
    if not page.get("cursor"):
        return said
    onward = f"cursor={page['cursor']}" if page.get("page") is None else f"page={page['page'] + 1}"
    return f"{said}; go on with {onward}"


def _said(value: Any) -> str:
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False) if value else "-"
    return "-" if value in (None, "") else str(value)


LOOKING = (
    Command(
        "get",
        "look at anything that the API shows: get videos state=ready sort=-id fields=id,title",
        look,
        Any,
        shown,
        _options,
    ),
)
