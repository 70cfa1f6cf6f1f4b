"""One table says what an answer means; our gateways and the channel's script read it alike, row by row."""

import itertools
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from channels import quota
from channels.gateways import readings
from channels.gateways.errors import by_code, of_code

NOW = datetime(2026, 11, 26, 16, 30, tzinfo=UTC)
CLASSES = {"again", "again_at", "blocked", "never", "unknown", "go_on", "gone", "renew_token"}
SERVICES = ("youtube", "google_token", "github")


def each(value):
    return value if isinstance(value, list) else [value]


def body_of(service: str, reason: str, message: str):
    """Return an answer's body as this service words it; None for a page that is no JSON."""
    if reason == "not_json":
        return None
    reason = reason.rstrip("*")
    if service == "google_token":
        return {"error": reason, "error_description": message} if reason else {"detail": message}
    if service == "github":
        return {"message": message or "Something"}
    return {"error": {"message": message, "errors": [{"reason": reason}] if reason else []}}


def example(row):
    """Return an answer that a row describes: where, status, body, headers and whether the call writes."""
    where = each(row["where"])[0]
    writes = where == "write"
    where = {"any": "videos.list", "write": "videos.update", "read": "videos.list"}.get(where, where)
    status = each(row["status"])[0]
    status = {"any": 400}.get(status, status)
    status = int(str(status).partition("-")[0])
    reason, message = each(row.get("reason", ""))[0], each(row.get("message_contains", ""))[0]
    headers = (
        {"Retry-After": "17"} if reason == "limit_in_headers" or row.get("wait") == "retry_after" else {}
    )
    return where, status, body_of(row["service"], reason, message), headers, writes


def both(script, service, where, status, body, headers, writes, now=NOW):
    """Return what both readers say of one answer: class, code, seconds to wait and instant."""
    ours = readings.read(service, where, status, body, headers, writes=writes, now=now)
    theirs = script.read(service, where, status, body, headers, writes=writes, now=now)
    return (
        (ours.kind, ours.code, ours.wait_seconds, ours.resets_at, ours.bucket),
        (theirs.kind, theirs.code, theirs.wait_seconds, theirs.resets_at, theirs.bucket),
    )


@pytest.mark.parametrize("row", readings.rows(), ids=lambda row: f"{row['service']}-{row['why'][:40]}")
def test_both_readers_read_every_row_alike(script, row):
    where, status, body, headers, writes = example(row)
    ours, theirs = both(script, row["service"], where, status, body, headers, writes)
    assert ours == theirs
    assert ours[:2] == (row["class"], row["code"]), "an earlier row hides this one"


def test_both_readers_read_alike_whatever_is_answered(script):
    """Every place, status, reason, message and header that the table speaks of, and some of which it does not."""
    rows = readings.rows()
    wheres = {w for row in rows for w in each(row["where"])} - {"any", "write", "read"} | {
        "videos.list",
        "videos.update",
    }
    statuses = [
        None,
        200,
        302,
        308,
        400,
        401,
        403,
        404,
        408,
        409,
        410,
        412,
        418,
        422,
        429,
        451,
        499,
        500,
        503,
        599,
    ]
    reasons = {r for row in rows for r in each(row.get("reason", ""))} | {"brandNew"}
    messages = {m for row in rows for m in each(row.get("message_contains", ""))} | {"Whatever PER DAY it is"}
    headers = [{}, {"retry-after": "5"}, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1795800000"}]
    headers += [{"Retry-After": "Fri, 27 Nov 2026 07:28:00 GMT"}]
    compared = 0
    for service, where, status in itertools.product(SERVICES, sorted(wheres), statuses):
        for reason, message in [(r, "") for r in sorted(reasons)] + [("", m) for m in sorted(messages)]:
            body = body_of(service, reason, message)
            told = headers[compared % len(headers)]
            ours, theirs = both(script, service, where, status, body, told, compared % 2 == 0)
            assert ours == theirs, (service, where, status, reason, message, told)
            compared += 1
    assert compared > 20_000


@pytest.mark.parametrize(
    "body",
    [{}, {"error": []}, {"error": {"errors": "x"}}, {"error": {"errors": [7], "status": 3}}, {"error": None}],
)
@pytest.mark.parametrize("service", SERVICES)
def test_a_body_of_another_shape_breaks_neither_reader(script, service, body):
    ours, theirs = both(script, service, "videos.list", 400, body, {}, False)
    assert ours == theirs
    assert ours[0] != "never"


@pytest.mark.parametrize(
    "now",
    [
        datetime(2026, 3, 8, 7, 59, tzinfo=UTC),  # the night in which California's clocks go forward
        datetime(2026, 3, 8, 8, 1, tzinfo=UTC),
        datetime(2026, 11, 1, 7, 30, tzinfo=UTC),  # and back
        datetime(2026, 11, 1, 9, 30, tzinfo=UTC),
        datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC),
    ],
)
def test_a_spent_budget_is_refilled_at_midnight_in_california(script, now):
    body = body_of("youtube", "quotaExceeded", "")
    ours, theirs = both(script, "youtube", "videos.list", 403, body, {}, False, now)
    assert ours == theirs
    assert ours[3] == quota.next_reset(now)


def test_every_service_has_a_default_that_is_not_final():
    for service in SERVICES:
        *_, last = [row for row in readings.rows() if row["service"] == service]
        assert (last["where"], last["status"], "reason" in last, "message_contains" in last) == (
            "any",
            "any",
            False,
            False,
        )
        assert last["class"] == "again"


def test_what_is_final_is_named_by_a_reason_a_message_or_a_known_status():
    for row in readings.rows():
        if row["class"] == "never":
            assert row["status"] != "any" or "reason" in row or "message_contains" in row, row


@pytest.mark.parametrize("row", readings.rows(), ids=lambda row: f"{row['service']}-{row['why'][:40]}")
def test_a_row_says_of_its_code_what_the_class_of_that_code_says(row):
    known = by_code(row["code"])
    assert row["class"] in CLASSES
    assert known is not None, row["code"]
    answer = {"again_at": "again", "go_on": "again", "gone": "again", "renew_token": known.again}
    assert known.again == answer.get(row["class"], row["class"])
    where, status, body, headers, writes = example(row)
    error = readings.read(row["service"], where, status, body, headers, writes=writes).error("text")
    assert (error.code, error.again) == (row["code"], known.again)


def test_without_its_table_the_script_takes_nothing_for_final(script, tmp_path, monkeypatch):
    monkeypatch.setattr(script, "__file__", str(tmp_path / "stage.py"))
    assert script.read("youtube", "videos.list", 404, {}, {}).kind == "again"


def test_a_reported_code_is_the_error_that_a_worker_would_have_met():
    assert of_code("brand_new", "text") is None
    assert of_code("client_refused", "text").scope == "installation"
    until = NOW + timedelta(hours=3)
    spent = of_code("quota_exhausted", "text", resets_at=until, bucket=quota.UPLOADS)
    assert (spent.resets_at, spent.holds_for) == (until, "installation")
    assert of_code("quota_exhausted", "text", bucket=quota.CHANNEL_UPLOADS).holds_for == "channel"
    assert of_code("rate_limited", "text", resets_at=until, now=NOW).retry_after_seconds == 3 * 3600


def test_the_table_in_the_guide_is_the_table():
    guide = (Path(__file__).parents[2] / "docs" / "system-guide.md").read_text(encoding="utf-8")
    rows = [line for line in guide.splitlines() if line.startswith("| ") and line.count("|") == 8]
    assert [cells(line) for line in rows if cells(line)[0] in SERVICES] == [
        shown(row) for row in readings.rows()
    ]


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def shown(row) -> list[str]:
    """Return a row as the guide shows it."""
    said = [*each(row.get("reason", [])), *(f"“{words}”" for words in each(row.get("message_contains", [])))]
    until = f", {row['wait']}" if "wait" in row else ""
    return [
        row["service"],
        ", ".join(each(row["where"])),
        ", ".join(map(str, each(row["status"]))),
        ", ".join(said),
        row["class"] + until,
        row["code"],
        row["why"],
    ]


def test_the_file_is_written_one_row_a_line():
    text = readings.TABLE.read_text(encoding="utf-8")
    assert sum(line.startswith('    {"service"') for line in text.splitlines()) == len(readings.rows())
    assert json.loads(text)["format"] == 1
