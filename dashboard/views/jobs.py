"""Show jobs, and retry, review, cancel or bump them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db.models import Case, Count, IntegerField, Max, Value, When
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.http import require_POST

from dashboard import bulk
from dashboard.actions import act, page, reason_of, refuse, service, version_of
from dashboard.addresses import reverse
from dashboard.filters import filters_of, first
from dashboard.forms import ReviewJobForm, sentence_of
from dashboard.listing import page_of
from dashboard.live_pages import show
from dashboard.picking import filter_picker
from orchestration.engine.jobs import given_away
from orchestration.errors import InvalidRequest
from orchestration.lists import JOB_GROUPS, JobFilters, JobGroup, routine
from orchestration.models import Activity, Job
from orchestration.states import (
    OPEN_JOBS,
    ROUTINE_JOBS,
    JobKind,
    JobState,
)

RECENT = timedelta(hours=24)


@page
def jobs(request: HttpRequest) -> HttpResponse:
    """List the jobs, what needs a look first, then those at work; routine that went well is folded."""
    filters = filters_of(
        request, JobFilters, ("state", "kind", "channel_id", "q", "channels", "group", "label")
    )
    rows = filters.filter(Job.objects.select_related("channel", "video", "source", "schedule__wave"))
    with_routine = request.GET.get("routine") == "1" or first(filters.kind) in ROUTINE_JOBS
    every = Job.objects.order_by()
    if not with_routine:
        rows, every = rows.exclude(routine()), every.exclude(routine())
    attention = JOB_GROUPS[JobGroup.ATTENTION]
    now = timezone.now()
    first_of_all = Case(
        When(state__in=attention, state_changed_at__gte=now - RECENT, then=Value(0)),
        When(state=JobState.RUNNING, then=Value(1)),
        When(state__in=OPEN_JOBS, then=Value(2)),
        default=Value(3),
        output_field=IntegerField(),
    )
    counts = dict(every.values_list("state").annotate(many=Count("*")))
    here = page_of(request, rows.order_by(first_of_all, "-id"))
    unasked = {} if with_routine else {"routine": False}
    return show(
        request,
        "jobs.html",
        {
            "page": here,
            "with_routine": with_routine,
            "folded": [] if with_routine else _folded(now),
            "bulk": bulk.bar(request, "job", filters, here.paginator.count, **unasked),
            "kind": first(filters.kind),
            "kinds": JobKind.choices,
            "state": first(filters.state),
            "tabs": [
                ("", "All", sum(counts.values())),
                (JobGroup.OPEN, "Waiting or running", sum(counts.get(s, 0) for s in OPEN_JOBS)),
                (JobState.RUNNING, "Running", counts.get(JobState.RUNNING, 0)),
                (JobGroup.ATTENTION, "Needs a look", sum(counts.get(s, 0) for s in attention)),
                (JobState.SUCCEEDED, "Succeeded", counts.get(JobState.SUCCEEDED, 0)),
                (JobState.CANCELLED, "Cancelled", counts.get(JobState.CANCELLED, 0)),
            ],
            "picker": filter_picker(request, filters),
            "narrowed": bool(filters.model_fields_set),
            "q": filters.q or "",
            "busy": any(counts.get(s) for s in OPEN_JOBS),
        },
    )


def _folded(now: datetime) -> list[dict[str, Any]]:
    """Return what is left out of the list: how many of each kind went well in the last day, and when the last one did."""
    done = Job.objects.filter(routine(), finished_at__gte=now - RECENT).order_by("kind")
    names = dict(JobKind.choices)
    return [
        {"kind": kind, "name": names[JobKind(kind)], "count": count, "last_at": last_at}
        for kind, count, last_at in done.values_list("kind").annotate(
            many=Count("*"), last_at=Max("finished_at")
        )
    ]


@page
def job(request: HttpRequest, pk: int) -> HttpResponse:
    """Show one job: attempts, who holds it, what it waits for, its error, its runs."""
    row = get_object_or_404(
        Job.objects.select_related("channel", "video", "source", "schedule__wave", "distribution__channel"),
        pk=pk,
    )
    return show(
        request,
        "job.html",
        {
            "job": row,
            "review_page": reverse("dashboard:publication", args=[row.schedule_id])
            if row.schedule_id
            else "",
            "review_form": _review_form(row),
            "given_away": given_away(row) if "retry" in row.actions else None,
            "runs": row.runs.all(),
            "history": service(request).get_job_history(job_id=pk),
            "leases": row.leases.select_related("pool"),
            "activity": Activity.objects.filter(cid=row.correlation_id).select_related("content_type")[:30],
            "busy": row.state in OPEN_JOBS,
        },
    )


def _review_form(row: Job) -> ReviewJobForm | None:
    """Return the form that settles a job, unless its publication is where it is settled."""
    if row.schedule_id or row.state != JobState.NEEDS_REVIEW:
        return None
    known = row.distribution.youtube_video_id if row.distribution else ""
    return ReviewJobForm(initial={"youtube_video_id": known or ""}, job=row)


def _change_job(request: HttpRequest, pk: int, method: str, message: str) -> HttpResponse:
    call = getattr(service(request), method)
    return act(
        request,
        lambda: call(job_id=pk, reason=reason_of(request), version=version_of(request)),
        message.format(pk=pk),
        to=reverse("dashboard:job", args=[pk]),
        undo=True,
    )


@require_POST
def job_review(request: HttpRequest, pk: int) -> HttpResponse:
    """Settle what needs review, where no publication waits for it."""
    row, to = get_object_or_404(Job, pk=pk), reverse("dashboard:job", args=[pk])
    form = ReviewJobForm(request.POST, job=row)
    if not form.is_valid():
        return refuse(request, InvalidRequest(sentence_of(form)), to)
    return act(
        request,
        lambda: service(request).review_job(job_id=pk, **form.cleaned_data, version=version_of(request)),
        f"Job {pk} is settled.",
        to=to,
    )


@require_POST
def job_retry(request: HttpRequest, pk: int) -> HttpResponse:
    """Queue a job once more, at its publication's own time or, if that was chosen, at the next free one."""
    next_free = "next_free" in request.POST
    return act(
        request,
        lambda: service(request).retry_job(
            job_id=pk, next_free=next_free, reason=reason_of(request), version=version_of(request)
        ),
        f"Job {pk} is queued once more.",
        to=reverse("dashboard:job", args=[pk]),
    )


@require_POST
def job_cancel(request: HttpRequest, pk: int) -> HttpResponse:
    """Cancel a job, or ask it to stop."""
    return _change_job(request, pk, "cancel_job", "Job {pk} is cancelled, or asked to stop if it runs.")


@require_POST
def job_bump(request: HttpRequest, pk: int) -> HttpResponse:
    """Move a job to the front."""
    return _change_job(request, pk, "bump_job", "Job {pk} goes first.")
