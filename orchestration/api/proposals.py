"""`/api/proposals`: what assistants would change, and a person's word on it."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import FilterSchema, Path, Query, Router, Status
from ninja.pagination import paginate

from orchestration.api import operations, orders
from orchestration.api.auth import service
from orchestration.api.operations import Operation
from orchestration.api.pagination import Pages, WorkedOut
from orchestration.api.schemas.proposals import NewProposal, ProposalDetail, ProposalOut
from orchestration.api.schemas.requests import NO_REASON, Because
from orchestration.errors import InvalidRequest, OrchestrationError, PlanOutdated, PlanRefused
from orchestration.fields import Id
from orchestration.models import Proposal
from orchestration.register.proposals import Outcome, Wanted, seal_of
from orchestration.states import ProposalState

router = Router(tags=["proposals"])


class AnsweredOtherwise(OrchestrationError):
    """What was proposed was refused as it was tried; its own problem is the answer."""

    def __init__(self, problem: dict[str, Any]) -> None:
        details = {
            key: value
            for key, value in problem.items()
            if key not in ("type", "title", "status", "detail", "code", "field", "again")
        }
        super().__init__(problem.get("detail", ""), field=problem.get("field", ""), **details)
        self.code = problem.get("code", "orchestration_error")  # type: ignore[misc]
        self.status = problem.get("status", 400)  # type: ignore[misc]
        self.again = problem.get("again", "never")  # type: ignore[misc]


class ProposalFilters(FilterSchema):
    """Which proposals are listed."""

    state: ProposalState | None = None


def shown(row: Proposal, *, whole: bool = False) -> dict[str, Any]:
    """Return a proposal as the API shows it."""
    names = ProposalDetail.model_fields if whole else ProposalOut.model_fields
    return {name: row.token.name if name == "token" else getattr(row, name) for name in names}


@router.get("", response=list[ProposalOut], operation_id="proposals_list", summary="List proposals")
@paginate(Pages, item=ProposalOut, order=orders.PROPOSALS)
def proposals_list(request: HttpRequest, filters: Query[ProposalFilters]):
    """The newest first; an assistant sees its own."""
    rows = service(request).get_proposals(state=filters.state or "")
    return WorkedOut(rows, lambda part: [shown(row) for row in part])


@router.get(
    "/{proposal_id}", response=ProposalDetail, operation_id="proposals_show", summary="Show a proposal"
)
def proposals_show(request: HttpRequest, proposal_id: Path[Id]):
    """With what it would do, and what became of it."""
    return shown(service(request).get_proposal(proposal_id=proposal_id), whole=True)


@router.post("", response={201: ProposalDetail}, operation_id="proposals_create", summary="Propose a change")
def proposals_create(request: HttpRequest, body: NewProposal, response: HttpResponse):
    """For an assistant's token. What can be tried is tried, and shown as `preview`; nothing is changed."""
    operation = operations.one(body.operation)
    if operation.reads or operation.closed:
        why = operation.closed or "it changes nothing: call it"
        raise InvalidRequest(f"{operation.id} cannot be proposed: {why}.", field="operation")
    arguments = {name: value for name, value in body.arguments.items() if name != "dry_run"}
    operations.require_holdable(arguments)
    operation.split(arguments)
    # Before it is shown: what changes between the two is not made.
    arguments = _with_version(request, operation, arguments)
    preview = preview_of(request, operation, arguments)
    wanted = Wanted(
        operation.id,
        operation.summary,
        operation.needs,
        _as_shown(operation, arguments, preview),
        preview,
        "" if operation.has_fingerprint or operation.id in operations.SHOWN_ONLY else _seal(preview),
    )
    row = service(request).make_proposal(wanted=wanted, reason=body.reason)
    response["Location"] = f"/api/proposals/{row.pk}"
    return Status(201, shown(row, whole=True))


@router.post(
    "/{proposal_id}/confirm",
    response=ProposalOut,
    operation_id="proposals_confirm",
    summary="Confirm a proposal",
)
def proposals_confirm(request: HttpRequest, proposal_id: Path[Id], body: Because = NO_REASON):
    """By whoever may do what it asks for, and never by an assistant. It is made when the assistant commits it."""
    return shown(service(request).confirm_proposal(proposal_id=proposal_id, reason=body.reason))


@router.post(
    "/{proposal_id}/refuse",
    response=ProposalOut,
    operation_id="proposals_refuse",
    summary="Refuse a proposal",
)
def proposals_refuse(request: HttpRequest, proposal_id: Path[Id], body: Because = NO_REASON):
    """It is never made; an assistant takes its own back by it."""
    return shown(service(request).refuse_proposal(proposal_id=proposal_id, reason=body.reason))


@router.post(
    "/{proposal_id}/commit",
    response=ProposalDetail,
    operation_id="proposals_commit",
    summary="Commit a proposal",
)
def proposals_commit(request: HttpRequest, proposal_id: Path[Id]):
    """By the assistant that made it, once a person has confirmed it: what was shown is made, or `plan_outdated`."""

    def run(row: Proposal) -> Outcome:
        operation = operations.one(row.operation)
        if row.seal and seal_of(preview_of(request, operation, row.arguments)) != row.seal:
            raise PlanOutdated("What it would do is not what was shown and confirmed; propose it again.")
        answer = operations.ask(request, operation, row.arguments)
        said = operations.answer_of(answer)
        facts = said if answer.status_code >= 400 and isinstance(said, dict) else {}
        return Outcome(answer.status_code, said, facts.get("code", ""), facts.get("again", ""))

    def tried(row: Proposal) -> Outcome:
        try:
            return run(row)
        except PlanOutdated as error:
            return Outcome(
                error.status, {"detail": error.message, "code": error.code}, error.code, error.again
            )

    row, outcome = service(request).commit_proposal(proposal_id=proposal_id, run=tried)
    if outcome.status >= 400:
        raise AnsweredOtherwise({"status": outcome.status, **(outcome.body or {})})
    return shown(row, whole=True)


def preview_of(request: HttpRequest, operation: Operation, arguments: dict[str, Any]) -> Any:
    """Return what an operation would do; None if that cannot be asked. Raises: AnsweredOtherwise, as it would be refused."""
    if operation.has_dry_run:
        asked, given = operation, {**arguments, "dry_run": True}
        given.pop("fingerprint", None)
    elif operation.id in operations.PREVIEWED_BY:
        asked = operations.one(operations.PREVIEWED_BY[operation.id])
        known = set(asked.parameters) | set(asked.fields)
        given = {name: value for name, value in arguments.items() if name in known}
    else:
        return None
    answer = operations.ask(request, asked, given)
    said = operations.answer_of(answer)
    if answer.status_code >= 400:
        raise AnsweredOtherwise(said)
    plan = said.get("plan") if isinstance(said, dict) else None
    if isinstance(plan, dict) and plan.get("refused"):
        raise PlanRefused(plan["summary"], plan=plan)
    return said


def _with_version(request: HttpRequest, operation: Operation, arguments: dict[str, Any]) -> dict[str, Any]:
    """Return what will be asked, with the version of the row where that is held to. Raises: AnsweredOtherwise."""
    if operation.id not in operations.AS_SEEN or arguments.get("version") is not None:
        return arguments
    asked = operations.one(operations.AS_SEEN[operation.id])
    answer = operations.ask(request, asked, {name: arguments[name] for name in asked.in_path})
    said = operations.answer_of(answer)
    if answer.status_code >= 400:
        raise AnsweredOtherwise(said)
    return {**arguments, "version": said.get("wave", said)["version"]}


def _as_shown(operation: Operation, arguments: dict[str, Any], preview: Any) -> dict[str, Any]:
    """Return what will be asked: with the fingerprint of the plan that was shown, where there is one."""
    if not operation.has_fingerprint:
        return arguments
    return {**arguments, "fingerprint": preview["plan"]["fingerprint"]}


def _seal(preview: Any) -> str:
    return "" if preview is None else seal_of(preview)
