"""Show settings, the clock's entries, the installation and its logs; administrators only."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_POST

from dashboard.actions import act, page, reason_of, service
from dashboard.addresses import reverse
from dashboard.listing import id_of, whole_number
from dashboard.live_pages import show
from dashboard.wording import plural
from orchestration.monitoring.settings_shown import ORIGINS, SettingShown

LINES = (100, 200, 500, 2_000)


@page
def settings(request: HttpRequest) -> HttpResponse:
    """List every setting with what it is for, its value and its origin; and how often the clock's entries come."""
    asked = service(request)
    report = asked.get_settings()
    changed = request.GET.get("show") == "set"
    rows = [row for row in report.settings if not changed or row.origin != "default" or row.warnings]
    return show(
        request,
        "settings.html",
        {
            "report": report,
            "groups": [_group(name, list(group)) for name, group in groupby(rows, key=lambda row: row.group)],
            "cadences": asked.get_cadences(),
            "origins": ORIGINS,
            "changed": changed,
        },
    )


def _group(name: str, rows: list[SettingShown]) -> dict[str, Any]:
    """Return a group of settings with what its folded line says."""
    return {
        "name": name,
        "rows": rows,
        "given": sum(row.origin != "default" for row in rows),
        "warnings": sum(len(row.warnings) for row in rows),
    }


@require_POST
def cadence_set(request: HttpRequest) -> HttpResponse:
    """Let one of the clock's entries come more or less often."""
    typed = request.POST.get("seconds", "").strip()
    seconds = id_of(typed)
    by_default = request.POST.get("default") == "1"
    return act(
        request,
        lambda: service(request).set_cadence(
            name=request.POST.get("name", "").replace("\x00", ""),
            seconds=None if by_default else (0 if seconds is None else seconds),
            reason=reason_of(request),
        ),
        lambda row: f"{row.name} comes every {row.seconds} s from now on.",
        to=reverse("dashboard:settings"),
    )


@page
def system(request: HttpRequest) -> HttpResponse:
    """Show what this installation is made of, and how each of its parts is."""
    asked = service(request)
    report = asked.get_installation()
    # "system" is what every page calls the switch in its head.
    values = {
        "installation": report,
        "disk": asked.get_disk(),
        "runs_of_the_record": (
            (report.verification, "The last check"),
            (report.pruning, "What was last taken away"),
        ),
        "busy": any(
            run.is_open for run in (report.backup, report.invariants, report.verification, report.pruning)
        ),
    }
    return show(request, "installation.html", values)


@require_POST
def system_make_backup(request: HttpRequest) -> HttpResponse:
    """Have a worker make a backup."""
    keys, media = (request.POST.get(name) == "on" for name in ("keys", "media"))
    return act(
        request,
        lambda: service(request).make_backup(keys=keys, media=media, reason=reason_of(request)),
        "A worker makes it; this page says when it is done.",
        to=reverse("dashboard:system"),
    )


@require_POST
def system_check_invariants(request: HttpRequest) -> HttpResponse:
    """Have a worker check what Headend promises."""
    everything = request.POST.get("everything") == "on"
    return act(
        request,
        lambda: service(request).check_invariants(everything=everything, reason=reason_of(request)),
        "A worker checks them; this page says what it found.",
        to=reverse("dashboard:system"),
    )


@require_POST
def system_check_record(request: HttpRequest) -> HttpResponse:
    """Have a worker read the record against its chain."""
    return act(
        request,
        lambda: service(request).check_record(reason=reason_of(request)),
        "A worker reads it; this page says what it found.",
        to=reverse("dashboard:system"),
    )


@require_POST
def system_prune_record(request: HttpRequest) -> HttpResponse:
    """Say what of the record is that old, or have a worker export it and take it away."""
    days = id_of(request.POST.get("days", "").strip()) or 0
    if request.POST.get("way") == "prune":
        return act(
            request,
            lambda: service(request).order_pruning(days=days, reason=reason_of(request)),
            "A worker does it; this page says where they lie.",
            to=reverse("dashboard:system"),
        )
    return act(
        request,
        lambda: service(request).prune_record(days=days, dry_run=True),
        lambda would: (
            f"{plural(would.entries, 'entry,entries')} of blocks {would.first_block} to {would.last_block} would go; "
            "nothing was taken away."
            if would.entries
            else "Nothing is that old."
        ),
        to=reverse("dashboard:system"),
    )


@page
def log(request: HttpRequest, name: str) -> HttpResponse:
    """Show the end of a log, and follow it."""
    lines = whole_number(request, "lines", 200, LINES)
    asked = service(request)
    return show(
        request,
        "log.html",
        {
            "tail": asked.get_log(name=name, lines=lines),
            "files": asked.get_logs(),
            "lines": lines,
            "choices": LINES,
        },
    )


@page
def log_download(request: HttpRequest, name: str) -> HttpResponse:
    """Give the end of a log as a file, with the same things hidden."""
    tail = service(request).get_log(name=name, lines=LINES[-1])
    return HttpResponse(
        "\n".join(tail.lines) + "\n",
        content_type="text/plain; charset=utf-8",
        headers={
            "Content-Disposition": f'attachment; filename="{tail.name}.txt"',
            "Cache-Control": "no-store",
        },
    )
