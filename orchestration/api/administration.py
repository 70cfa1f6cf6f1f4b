"""`/api/orchestration/system` and its neighbours: what an administrator looks after."""

from typing import Annotated

from django.http import HttpRequest
from ninja import Path, Query, Router, Status
from pydantic import Field

from orchestration.api.auth import service
from orchestration.api.schemas.administration import (
    BackgroundRunOut,
    CadenceBody,
    CadenceOut,
    CheckInvariants,
    CheckRecord,
    InstallationOut,
    LogTailOut,
    MakeBackup,
    PrunedOut,
    PruneRecord,
    SettingsOut,
)
from orchestration.monitoring.log_files import MOST_LINES

router = Router(tags=["administration"])
AS_USUAL_BACKUP = MakeBackup()
AS_USUAL_CHECK = CheckInvariants()
AS_USUAL_LOOK = CheckRecord()


@router.get(
    "/system", response=InstallationOut, operation_id="orchestration_system", summary="Show the installation"
)
def orchestration_system(request: HttpRequest):
    """Versions, processes, broker, database, backups, logs. Administrators only."""
    return service(request).get_installation()


@router.get("/settings", response=SettingsOut, operation_id="orchestration_settings", summary="List settings")
def orchestration_settings(request: HttpRequest):
    """Each with its value and where that comes from; of a secret whether it is set. Administrators only."""
    return service(request).get_settings()


@router.get(
    "/cadences",
    response=list[CadenceOut],
    operation_id="orchestration_cadences",
    summary="List the clock's entries",
)
def orchestration_cadences(request: HttpRequest):
    """How often each comes, and what it may have. Administrators only."""
    return service(request).get_cadences()


@router.post(
    "/set-cadence", response=CadenceOut, operation_id="orchestration_set_cadence", summary="Change the clock"
)
def orchestration_set_cadence(request: HttpRequest, body: CadenceBody):
    """What would break a promise is refused with the reason. Administrators only."""
    return service(request).set_cadence(**body.model_dump())


@router.get(
    "/logs/{name}", response=LogTailOut, operation_id="orchestration_log", summary="Show the end of a log"
)
def orchestration_log(
    request: HttpRequest,
    name: Path[Annotated[str, Field(max_length=80)]],
    lines: Query[Annotated[int, Field(ge=1, le=MOST_LINES)]] = 200,
):
    """What looks like a secret is hidden. Administrators only."""
    return service(request).get_log(name=name, lines=lines)


@router.post(
    "/make-backup",
    response={202: BackgroundRunOut},
    operation_id="orchestration_make_backup",
    summary="Have a backup made",
)
def orchestration_make_backup(request: HttpRequest, body: MakeBackup = AS_USUAL_BACKUP):
    """A worker makes it in the data folder; `system` says how it stands. Administrators only."""
    return Status(202, service(request).make_backup(**body.model_dump()))


@router.post(
    "/check-invariants",
    response={202: BackgroundRunOut},
    operation_id="orchestration_check_invariants",
    summary="Have the invariants checked",
)
def orchestration_check_invariants(request: HttpRequest, body: CheckInvariants = AS_USUAL_CHECK):
    """A worker checks them; `system` says what it found. Administrators only."""
    return Status(202, service(request).check_invariants(**body.model_dump()))


@router.post(
    "/check-record",
    response={202: BackgroundRunOut},
    operation_id="orchestration_check_record",
    summary="Have the record checked",
)
def orchestration_check_record(request: HttpRequest, body: CheckRecord = AS_USUAL_LOOK):
    """A worker reads it against its chain and its anchors; `system` says what it found. Administrators only."""
    return Status(202, service(request).check_record(**body.model_dump()))


@router.post(
    "/prune-record",
    response={200: PrunedOut, 202: BackgroundRunOut},
    operation_id="orchestration_prune_record",
    summary="Export old entries of the record and take them away",
)
def orchestration_prune_record(request: HttpRequest, body: PruneRecord):
    """A worker does it; `system` says where they lie. 200 with how much it would be for a dry run. Administrators only."""
    if body.dry_run:
        return Status(200, service(request).prune_record(days=body.days, dry_run=True))
    return Status(202, service(request).order_pruning(days=body.days, reason=body.reason))
