"""Show what one verb would do to many rows, do it, and take an action back."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_POST

from dashboard.actions import done, reason_of, refuse, service, where_from
from dashboard.addresses import reverse
from dashboard.bulk import NAMES, PAGES, filters_of_text, label_of
from dashboard.listing import ids_of
from dashboard.live_pages import show
from orchestration.engine.bulk import BulkResult
from orchestration.engine.undoing import UndoResult
from orchestration.errors import OrchestrationError
from orchestration.planning.conflicts import format_count

MOST_IDS = 10_000


@require_POST
def bulk(request: HttpRequest, kind: str) -> HttpResponse:
    """Show what a verb would do to the rows that are chosen; with `confirm`, do it to exactly these."""
    if kind not in PAGES:
        raise Http404("There is no such list.")
    back = where_from(request, request.POST.get("back", "") or reverse(f"dashboard:{PAGES[kind]}"))
    if not back.startswith("/") or back.startswith("//"):
        back = reverse(f"dashboard:{PAGES[kind]}")
    verb, values = request.POST.get("verb", ""), _values(request)
    everything = request.POST.get("all") == "1"
    given: dict[str, Any] = {"kind": kind, "verb": verb, "values": values}
    if everything:
        given["filters"] = filters_of_text(request.POST.get("filters", ""))
    else:
        given["ids"] = _ids(request)
    try:
        if "confirm" in request.POST:
            door = service(request)
            result = door.do_bulk(**given, reason=reason_of(request))
            return done(
                request, _said(result), to=back, leave=True, undo=door.correlation_id if result.done else ""
            )
        result = service(request).preview_bulk(**given)
    except OrchestrationError as error:
        return refuse(request, error, back)
    return show(
        request,
        "bulk.html",
        {
            "result": result,
            "label": label_of(verb),
            "name": NAMES[kind],
            "ids": ",".join(map(str, [*result.done, *(pk for each in result.refused for pk in each.ids)])),
            "values": values,
            "raw": {name: request.POST.get(name, "") for name in ("minutes", "group_id", "labels")},
            "back": back,
        },
    )


def _ids(request: HttpRequest) -> list[int]:
    texts = [word for text in request.POST.getlist("picked") for word in text.split(",")]
    return ids_of(texts[:MOST_IDS])


def _values(request: HttpRequest) -> dict[str, Any]:
    """Return what a verb may need: minutes, a group, labels."""
    minutes = request.POST.get("minutes", "").strip()
    sign, digits = ("-" if minutes[:1] in "-−" and minutes else ""), minutes.lstrip("-−+")
    numbers = ids_of([digits])
    group = ids_of([request.POST.get("group_id", "")])
    labels = request.POST.get("labels", "").replace(",", " ").replace("\x00", "").split()
    return {
        "minutes": (-numbers[0] if sign else numbers[0]) if numbers else None,
        "group_id": group[0] if group else None,
        "labels": labels,
    }


def _said(result: BulkResult) -> str:
    name = NAMES[result.kind]
    text = f"{label_of(result.verb)}: {format_count(len(result.done), name)} done"
    if result.refused_count:
        causes = "; ".join(f"{refusal.count}: {refusal.cause}" for refusal in result.refused[:3])
        text += f", {result.refused_count} refused ({causes})"
    return f"{text}.".replace("..", ".").replace(".).", ".)")


@require_POST
def undo(request: HttpRequest, cid: str) -> HttpResponse:
    """Take an action back, as far as it can be."""
    back = where_from(request, reverse("dashboard:activity"))
    door = service(request)
    try:
        result = door.undo(correlation_id=cid, reason=reason_of(request))
    except OrchestrationError as error:
        return refuse(request, error, back)
    return done(request, _undone(result), to=back, undo=door.correlation_id)


def _undone(result: UndoResult) -> str:
    text = f"Undone: {result.done[0]}" if len(result.done) == 1 else f"Undone: {len(result.done)} changes"
    if result.refused:
        text += f"; {len(result.refused)} could not be: {' '.join(result.refused[:3])}"
    return text if text.endswith(".") else f"{text}."
