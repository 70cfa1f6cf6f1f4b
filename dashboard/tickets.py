"""Give an open page a ticket to ask with whether anything changed, and answer it with one statement.

The ticket says what the page shows (a hash), of which topics that was made and how often they had changed, and until when
it holds: to the end of the minute, since what is overdue or old is so by the clock. It is signed together with the page's
address and the browser's session, so it is of use to nobody else; and as users and sessions are a topic of every ticket
(`orchestration/core/change_counts.py`), whoever is logged out or deactivated is asked to log in at the next look. It never
opens anything: all that it may spare is being told that nothing changed.
"""

from __future__ import annotations

import time

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.db import DatabaseError, connection
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare, salted_hmac

from orchestration.core import change_counts
from orchestration.core.readings import Reading

PARAMETER = "version"
HEADER = "Headend-Version"
MINUTE = 60


def write(shown: str, noted: Reading | None, *, session: str, address: str) -> str:
    """Return the ticket of a part that shows this; only its hash where nobody noted what was read."""
    if noted is None or not session:
        return shown
    until = (int(time.time()) // MINUTE + 1) * MINUTE
    text = f"{shown}.{until}.{noted.total}.{'-'.join(sorted(noted.topics))}"
    return f"{text}.{_seal(text, session, address)}"


def shown_by(ticket: str) -> str:
    """Return the hash of what the page that asks shows."""
    return ticket.partition(".")[0]


def holds(request: HttpRequest) -> bool:
    """Return whether a page asks with a ticket of ours, and nothing that it shows has changed since."""
    if request.method != "GET":
        return False
    query, asks, ticket = request.META.get("QUERY_STRING", "").rpartition(f"{PARAMETER}=")
    if not asks or ticket.count(".") != 4:
        return False
    text, _, seal = ticket.rpartition(".")
    query = query.rstrip("&")
    address = f"{request.path}?{query}" if query else request.path
    session = request.COOKIES.get(settings.SESSION_COOKIE_NAME, "")
    if not session or not constant_time_compare(seal, _seal(text, session, address)):
        return False
    _shown, until, total, topics = text.split(".")
    return time.time() < int(until) and _is_known_host(request) and _total(topics.split("-")) == int(total)


def _seal(text: str, session: str, address: str) -> str:
    value = f"{text}|{session}|{address}"
    return salted_hmac("headend.dashboard.tickets", value, algorithm="sha256").hexdigest()[:32]


def _is_known_host(request: HttpRequest) -> bool:
    try:
        return bool(request.get_host())
    except DisallowedHost:
        return False  # refused further in, as for every other address


def _total(topics: list[str]) -> int | None:
    """Return the version of the topics now; none if the database does not answer, which the page itself then finds."""
    # The one statement is its own check.
    connection.health_check_done = True  # type: ignore[attr-defined]
    try:
        return change_counts.total_now(topics)
    except DatabaseError:
        if not connection.in_atomic_block:
            connection.close()
        return None
