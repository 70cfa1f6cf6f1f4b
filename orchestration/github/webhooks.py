"""Take GitHub's webhooks: each only means "look again", so order, doubles and losses do not matter."""

import hashlib
import hmac
import json
import logging

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import transaction
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from orchestration.core.wakeups import wake_watch
from orchestration.models import WorkflowRun

logger = logging.getLogger(__name__)
MAX_BYTES = 2 * 1024 * 1024


@csrf_exempt  # GitHub has no cookie of ours; the signature over the raw body takes the token's place
@login_not_required
@require_POST
def github(request: HttpRequest) -> HttpResponse:
    """Verify the signature, then have the named run looked at. A forged or unknown event writes nothing."""
    if not settings.GITHUB_WEBHOOK_SECRET:
        return HttpResponse(
            "GITHUB_WEBHOOK_SECRET is not set, so no webhook is taken.", status=503, content_type="text/plain"
        )
    if int(request.headers.get("Content-Length") or 0) > MAX_BYTES:
        return HttpResponse("too large", status=413, content_type="text/plain")
    if not _is_signed(request):
        return HttpResponse("the signature does not fit", status=401, content_type="text/plain")
    if request.content_type != "application/json":
        return HttpResponse(
            f"This webhook is sent as {request.content_type or 'nothing'}: set its content type to application/json "
            "in the repository's settings.",
            status=415,
            content_type="text/plain",
        )
    if request.headers.get("X-GitHub-Event") == "workflow_run":
        _look_again(request.body)
    return HttpResponse(status=204)


def _is_signed(request: HttpRequest) -> bool:
    """Return whether GitHub signed with our secret, or with a former one that is still taken."""
    given = request.headers.get("X-Hub-Signature-256", "").encode(errors="replace")
    for secret in (settings.GITHUB_WEBHOOK_SECRET, *settings.GITHUB_WEBHOOK_SECRET_FALLBACKS):
        expected = hmac.new(secret.encode(), request.body, hashlib.sha256).hexdigest()
        if hmac.compare_digest(f"sha256={expected}".encode(), given):
            if secret != settings.GITHUB_WEBHOOK_SECRET:
                logger.warning("GitHub still signs its events with a former secret; set the new one there")
            return True
    return False


def _look_again(body: bytes) -> None:
    try:
        document = json.loads(body)
        run_id = int(document["workflow_run"]["id"])
        title = str(document["workflow_run"].get("display_title") or "")
        repository = str(document["repository"]["full_name"])
        repository_id = int(document["repository"].get("id") or 0)
    except (ValueError, KeyError, TypeError, AttributeError):
        logger.info("a signed workflow_run event could not be read")
        return
    with transaction.atomic():
        # By its id where we know it: after a rename its events carry the new name, and runs keep the old one.
        runs = WorkflowRun.objects.open().filter(
            Q(repository_id=repository_id) | Q(repository_id=None, repository__iexact=repository)
        )
        found = runs.filter(run_id=run_id).update(next_look_at=timezone.now())
        if not found:
            # The receipt of the dispatch may have been lost; the title carries our correlation id.
            found = runs.filter(run_id=None, correlation_id__in=title.split()).update(
                next_look_at=timezone.now()
            )
        if found:
            wake_watch()
