"""Save a list with its filters under a name: own, or shared with everyone."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode

from auditlog.context import disable_auditlog
from django.contrib.auth import get_user_model
from django.db import IntegrityError, transaction
from django.db.models import Q

from channels.querysets import Lockable
from orchestration.core import audit, lookup
from orchestration.errors import InvalidRequest, NotFound, NotPermitted
from orchestration.models import SavedView

PAGES = (
    *("channels", "schedule", "jobs", "waves", "videos", "sources", "conflicts", "activity", "words"),
    *("notification_log", "calendar"),
)
"""The lists that can be saved, by the names of their pages."""
LONGEST_NAME, LONGEST_QUERY, MOST_OWN = 80, 2000, 200
NOT_KEPT = frozenset({"page", "version", "csrfmiddlewaretoken"})


def seen_by(user_id: int | None, page: str = "") -> list[SavedView]:
    """Return the views that somebody has or that are shared, by name; of one page, or of all."""
    rows = SavedView.objects.filter(Q(shared=True) | Q(owner=user_id)).select_related("owner")
    return list(rows.filter(page=page) if page else rows.order_by("page", "name"))


def tidy(query: str) -> str:
    """Return filters as they are kept: without an empty one, the page of the list, or what a form sends beside them."""
    pairs = [
        (name, value)
        for name, value in parse_qsl(query.lstrip("?"), keep_blank_values=False)
        if name not in NOT_KEPT and "\x00" not in name + value
    ]
    return urlencode(pairs)


def add(user_id: int | None, page: str, name: str, query: str, shared: bool) -> SavedView:
    """Save a view for somebody. Raises: InvalidRequest, naming the field."""
    if user_id is None:
        raise InvalidRequest("Only a person has views of their own; log in.", field="owner")
    if page not in PAGES:
        raise InvalidRequest(f"{page!r} is not one of {', '.join(PAGES)}.", field="page")
    if SavedView.objects.filter(owner=user_id).count() >= MOST_OWN:
        raise InvalidRequest(f"Nobody has more than {MOST_OWN} views; remove one first.", field="name")
    row = SavedView(owner_id=user_id, page=page, query=_query(query), shared=shared)
    return _write(row, name, "view_saved")


def change(
    user_id: int | None,
    view_id: int,
    *,
    name: str | None = None,
    query: str | None = None,
    shared: bool | None = None,
) -> SavedView:
    """Give one's own view another name or other filters, share it or keep it; None leaves it.

    Raises: NotFound, NotPermitted, InvalidRequest.
    """
    with transaction.atomic():
        row = _own(user_id, view_id)
        row.shared = row.shared if shared is None else shared
        row.query = row.query if query is None else _query(query)
        return _write(row, row.name if name is None else name, "view_changed")


def remove(user_id: int | None, view_id: int) -> None:
    """Remove one's own view. Raises: NotFound, NotPermitted."""
    with transaction.atomic(), disable_auditlog():
        row = _own(user_id, view_id)
        audit.record("view_removed", row, before=_document(row), after={})
        row.delete()


def owner_named(username: str) -> int:
    """Return the id of the person with a user name. Raises: NotFound, naming `owner`."""
    found = get_user_model().objects.filter(username=username).values_list("pk", flat=True).first()
    if found is None:
        raise NotFound(f"There is no user {username[:150]}.", field="owner")
    return int(found)


def owner_of(view_id: int) -> int:
    """Return whose a view is. Raises: NotFound."""
    return int(lookup.one(SavedView, view_id, field="view_id").owner_id)


def _own(user_id: int | None, view_id: int) -> SavedView:
    row: SavedView = lookup.one(
        Lockable(SavedView).locked().select_related("owner"), view_id, field="view_id"
    )
    if row.owner_id != user_id:
        raise NotPermitted(f"{row.name} belongs to {row.owner}; only they change it.")
    return row


def _query(query: str) -> str:
    kept = tidy(query)
    if len(kept) > LONGEST_QUERY:
        raise InvalidRequest(f"These filters are longer than {LONGEST_QUERY} characters.", field="query")
    return kept


def _write(row: SavedView, name: str, verb: str) -> SavedView:
    row.name = " ".join(name.split())
    if not row.name or len(row.name) > LONGEST_NAME:
        raise InvalidRequest(f"A view's name has 1 to {LONGEST_NAME} characters.", field="name")
    try:
        with transaction.atomic(), disable_auditlog():
            row.save()
            audit.record(verb, row, after=_document(row))
    except IntegrityError as error:
        raise InvalidRequest(f"You have a view named {row.name} there already.", field="name") from error
    return row


def _document(row: SavedView) -> dict[str, str | bool]:
    return {"name": row.name, "page": row.page, "query": row.query, "shared": row.shared}
