"""The sandbox's GitHub Actions API: workflows, dispatch, runs, jobs, cancel, re-run, logs."""

from __future__ import annotations

import base64
import json
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from channels.sandbox import github_state as state
from channels.sandbox import github_views as views
from channels.sandbox import runs
from channels.sandbox.github import Call, github, refusal
from channels.sandbox.store import iso
from channels.sandbox.wire import Request, Response, route
from channels.sandbox.workflow_file import WorkflowError, fill_in

if TYPE_CHECKING:
    from channels.sandbox.server import Sandbox

MAX_INPUTS = 25
MAX_INPUT_CHARACTERS = 65_535


def _workflow(call: Call) -> str:
    path = state.workflow_path(call.repository, call.params["workflow"])
    if path is None:
        raise refusal(404, "Not Found")
    return path


def _described_workflow(call: Call, path: str) -> dict[str, Any]:
    return views.workflow(call.sandbox, call.repository, path)


@github("GET", "/repos/{owner}/{repo}/actions/workflows", needs="actions:read")
def list_workflows(call: Call) -> Response:
    found = [_described_workflow(call, path) for path in call.repository["workflow_ids"]]
    return Response.json({"total_count": len(found), "workflows": found})


@github("GET", "/repos/{owner}/{repo}/actions/workflows/{workflow}", needs="actions:read")
def get_workflow(call: Call) -> Response:
    return Response.json(_described_workflow(call, _workflow(call)))


@github("POST", "/repos/{owner}/{repo}/actions/workflows/{workflow}/dispatches", needs="actions:write")
def dispatch(call: Call) -> Response:
    path, body = _workflow(call), call.object()
    if not isinstance(body.get("ref"), str) or not body["ref"]:
        raise refusal(422, 'Invalid request.\n\n"ref" wasn\'t supplied.')
    branch = state.branch_of(call.repository, body["ref"])
    if branch is None:
        raise refusal(422, f"No ref found for: {body['ref']}")
    try:
        workflow = state.workflow_at(call.repository, branch, path)
    except WorkflowError as error:
        raise refusal(422, f"Workflow does not run: {error}") from None
    if not workflow.dispatchable:
        raise refusal(422, "Workflow does not have 'workflow_dispatch' trigger")
    inputs = _inputs(workflow.inputs, body.get("inputs") or {})
    run = _new_run(call, path, branch, workflow.name, workflow.run_name, inputs)
    runs.launch(call.sandbox, run["id"], run["run_attempt"])
    if not body.get("return_run_details"):
        return Response(204)
    described = _described_run(call, run)
    return Response.json(
        {"workflow_run_id": run["id"], "run_url": described["url"], "html_url": described["html_url"]}
    )


def _inputs(declared: dict[str, Any], given: Any) -> dict[str, str]:
    """Check the inputs of a dispatch as GitHub does and return them with the defaults filled in."""
    if not isinstance(given, dict):
        raise refusal(422, "inputs must be an object")
    unknown = sorted(set(given) - set(declared))
    if unknown:
        raise refusal(422, f"Unexpected inputs provided: {json.dumps(unknown)}")
    if len(given) > MAX_INPUTS or sum(len(str(v)) for v in given.values()) > MAX_INPUT_CHARACTERS:
        raise refusal(422, "inputs are too large.")
    values = {}
    for name, rule in declared.items():
        rule = rule or {}
        value = given.get(name, rule.get("default"))
        if rule.get("required") and value in (None, ""):
            raise refusal(422, f"Required input '{name}' not provided")
        if value is not None and not isinstance(value, str | bool | int):
            raise refusal(422, f"Input '{name}' must be a string")
        values[name] = "" if value is None else str(value)
    return values


def _new_run(
    call: Call, path: str, branch: str, name: str, title: str, inputs: dict[str, str]
) -> dict[str, Any]:
    store = call.sandbox.store
    now = iso(store.now())
    number = store.next_id("run", 9_000_000_001)
    run = {
        "id": number,
        "repository_id": call.repository["id"],
        "path": path,
        "name": name,
        "display_title": fill_in(title, {"inputs": inputs}),
        "event": "workflow_dispatch",
        "status": "queued",
        "conclusion": None,
        "head_branch": branch,
        "head_sha": call.repository["heads"][branch],
        "run_number": 1 + len(state.runs_of(call.github, call.repository["id"])),
        "run_attempt": 1,
        "job_id": store.next_id("job", 50_000_000_001),
        "inputs": inputs,
        "cancel_requested": False,
        "steps": [],
        "created_at": now,
        "updated_at": now,
        "run_started_at": now,
        "actor": call.token["login"],
        "born": store.now().timestamp(),
    }
    call.github.setdefault("runs", {})[str(number)] = run
    state.note_run(call.github, run, "run", store.now())
    return run


JOB_CONCLUSIONS = (
    "success",
    "failure",
    "neutral",
    "cancelled",
    "skipped",
    "timed_out",
    "action_required",
)
"""What a job may end as; a run knows more words."""


# -- runs ------------------------------------------------------------------------------------------------------


def _described_run(call: Call, run: dict[str, Any]) -> dict[str, Any]:
    return views.run(call.sandbox, call.repository, run)


def _run(call: Call) -> dict[str, Any]:
    run = call.github.get("runs", {}).get(call.params["run_id"])
    if run is None or run["repository_id"] != call.repository["id"]:
        raise refusal(404, "Not Found")
    return run


def _created_filter(expression: str) -> Any:
    """Return a test for ?created=, which takes >=, >, <=, < and from..to."""
    earliest, latest = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    found = re.fullmatch(r"(>=|>|<=|<)?(.+?)(?:\.\.(.+))?", expression.strip())
    try:
        sign, first, last = found.groups()
        at = _moment(first)
        if last:
            return lambda moment: at <= moment <= _moment(last)
    except (AttributeError, ValueError):
        return lambda moment: earliest <= moment <= latest  # GitHub leaves a filter that it cannot read out
    tests = {
        ">=": lambda moment: moment >= at,
        ">": lambda moment: moment > at,
        "<=": lambda moment: moment <= at,
        "<": lambda moment: moment < at,
    }
    return tests.get(sign, lambda moment: moment.date() == at.date())


def _moment(text: str) -> datetime:
    value = datetime.fromisoformat(text)
    return value if value.tzinfo else value.replace(tzinfo=UTC)


def _listed(call: Call, path: str | None) -> Response:
    query = call.request.query
    visible_before = call.sandbox.store.now().timestamp() - call.sandbox.list_lag_seconds
    found = [
        run for run in state.runs_of(call.github, call.repository["id"]) if run["born"] <= visible_before
    ]
    if path:
        found = [run for run in found if run["path"] == path]
    for name, field in (("event", "event"), ("branch", "head_branch"), ("head_sha", "head_sha")):
        if query.get(name):
            found = [run for run in found if run[field] == query[name]]
    if query.get("status"):
        found = [run for run in found if query["status"] in (run["status"], run["conclusion"])]
    if query.get("created"):
        accepted = _created_filter(query["created"])
        found = [run for run in found if accepted(_moment(run["created_at"]))]
    per_page = min(100, max(1, _number(query.get("per_page"), 30)))
    page = max(1, _number(query.get("page"), 1))
    shown = found[(page - 1) * per_page : page * per_page]
    headers = {}
    if page * per_page < len(found):
        others = {key: value for key, value in query.items() if key != "page"}
        joined = "&".join(f"{key}={value.replace('+', '%2B')}" for key, value in others.items())
        address = f"{call.sandbox.url}{call.request.path}?{joined + '&' if joined else ''}page={page + 1}"
        headers["Link"] = f'<{address}>; rel="next"'
    listing = [_described_run(call, run) for run in shown]
    return Response.json({"total_count": len(found), "workflow_runs": listing}, headers=headers)


def _number(text: str | None, default: int) -> int:
    return int(text) if text and text.isdigit() else default


@github("GET", "/repos/{owner}/{repo}/actions/runs", needs="actions:read")
def list_runs(call: Call) -> Response:
    return _listed(call, None)


@github("GET", "/repos/{owner}/{repo}/actions/workflows/{workflow}/runs", needs="actions:read")
def list_workflow_runs(call: Call) -> Response:
    return _listed(call, _workflow(call))


@github("GET", "/repos/{owner}/{repo}/actions/runs/{run_id}", needs="actions:read")
def get_run(call: Call) -> Response:
    return Response.json(_described_run(call, _run(call)))


@github("GET", "/repos/{owner}/{repo}/actions/runs/{run_id}/jobs", needs="actions:read")
def list_jobs(call: Call) -> Response:
    run = _run(call)
    ended = run["conclusion"]
    job = {
        **views.job(call.sandbox, call.repository, run, run.get("job_name", "job")),
        "status": run["status"],
        "conclusion": ended if ended in (None, *JOB_CONCLUSIONS) else "failure",
        "created_at": run["run_started_at"],
        "started_at": run["run_started_at"],
        "completed_at": run["updated_at"] if run["status"] == "completed" else None,
        "steps": run["steps"],
    }
    never_began = run["status"] in ("queued", "pending") or ended == "startup_failure"
    jobs = [] if never_began else [job]
    return Response.json({"total_count": len(jobs), "jobs": jobs})


@github("GET", "/repos/{owner}/{repo}/actions/jobs/{job_id}/logs", needs="actions:read")
def job_log(call: Call) -> Response:
    for run in state.runs_of(call.github, call.repository["id"]):
        if str(run["job_id"]) == call.params["job_id"]:
            return Response.text(runs.read_log(call.sandbox, run["id"], run["run_attempt"]))
    raise refusal(404, "Not Found")


@github("POST", "/repos/{owner}/{repo}/actions/runs/{run_id}/cancel", needs="actions:write")
def cancel(call: Call) -> Response:
    run = _run(call)
    if run["status"] == "completed":
        raise refusal(409, "Cannot cancel a workflow run that is completed.")
    run["cancel_requested"] = not run.get("deaf", False)
    return Response.json({}, 202)


@github("POST", "/repos/{owner}/{repo}/actions/runs/{run_id}/force-cancel", needs="actions:write")
def force_cancel(call: Call) -> Response:
    """Cancel also a run that takes no notice of `cancel`, as one does whose steps run `always()`."""
    run = _run(call)
    if run["status"] == "completed":
        raise refusal(409, "Cannot cancel a workflow run that is completed.")
    run["cancel_requested"] = True
    return Response.json({}, 202)


@github("POST", "/repos/{owner}/{repo}/actions/runs/{run_id}/rerun", needs="actions:write")
def rerun(call: Call) -> Response:
    run = _run(call)
    if run["status"] != "completed":
        raise refusal(403, "This workflow is already running")
    now = iso(call.sandbox.store.now())
    run.update(
        run_attempt=run["run_attempt"] + 1,
        job_id=call.sandbox.store.next_id("job", 50_000_000_001),
        status="queued",
        conclusion=None,
        cancel_requested=False,
        steps=[],
        updated_at=now,
        run_started_at=now,
    )
    state.note_run(call.github, run, "run", call.sandbox.store.now())
    runs.launch(call.sandbox, run["id"], run["run_attempt"])
    return Response.json({}, 201)


# -- artifacts -------------------------------------------------------------------------------------------------


@github("GET", "/repos/{owner}/{repo}/actions/runs/{run_id}/artifacts", needs="actions:read")
def list_artifacts(call: Call) -> Response:
    name = call.request.query.get("name")
    kept = [one for one in _run(call).get("artifacts", []) if name in (None, one["name"])]
    listing = [views.artifact(call.sandbox, call.repository, one) for one in kept]
    return Response.json({"total_count": len(listing), "artifacts": listing})


@github("GET", "/repos/{owner}/{repo}/actions/artifacts/{artifact_id}/zip", needs="actions:read")
def download_artifact(call: Call) -> Response:
    """Lead to where the archive lies; that address needs no token, as it carries its own right."""
    for run in state.runs_of(call.github, call.repository["id"]):
        for one in run.get("artifacts", []):
            if str(one["id"]) == call.params["artifact_id"]:
                store = f"{call.sandbox.url}/artifact-store/{run['id']}/{one['id']}"
                return Response(302, headers={"Location": store})
    raise refusal(404, "Not Found")


@route("GET", "/artifact-store/{run_id}/{artifact_id}")
def stored_artifact(sandbox: Sandbox, request: Request) -> Response:
    if request.headers.get("Authorization"):
        return Response.text("this store takes no token", 400)
    with sandbox.store.read("github") as held:
        run = held.get("runs", {}).get(request.params["run_id"], {})
        for one in run.get("artifacts", []):
            if str(one["id"]) == request.params["artifact_id"]:
                return Response(200, base64.b64decode(one["content"]), {"Content-Type": "application/zip"})
    return Response.text("not found", 404)
