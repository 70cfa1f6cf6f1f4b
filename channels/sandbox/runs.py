"""Carry out the sandbox's GitHub Actions runs: queued -> in_progress -> completed, for real.

A run executes the repository's own headend/stage.py as a process of its own, with the environment that the
repository's workflow file gives it. Any other command in a workflow fails its step, and so does a stage.py that
differs from the template's: whoever can reach this port must not be able to run code of his own on this machine
(tests that change the script set `Sandbox.trust_scripts`).
"""

from __future__ import annotations

import base64
import io
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from channels.sandbox import github_hooks, github_oidc
from channels.sandbox import github_state as state
from channels.sandbox.store import iso
from channels.sandbox.wire import on_start
from channels.sandbox.workflow_file import Workflow, WorkflowError, fill_in

if TYPE_CHECKING:
    from channels.sandbox.server import Sandbox

SCRIPT = "headend/stage.py"
COMMAND = f"python3 {SCRIPT}"
AT_WORK = "downloaded "  # what the script says first when it had its permit, or needed none
LOOK_SECONDS = 0.05
PASSED_ON = ("PATH", "LANG", "LC_ALL", "TMPDIR", "TEMP", "TMP", "SYSTEMROOT", "LD_LIBRARY_PATH")


class Interrupted(Exception):
    """The run must end now: `conclusion` says how."""

    def __init__(self, conclusion: str, remark: str) -> None:
        super().__init__(remark)
        self.conclusion = conclusion


@dataclass(slots=True)
class Work:
    """One attempt of one run, with what was true when it was queued."""

    sandbox: Sandbox
    run_id: int
    attempt: int
    workflow: Workflow
    repository: str
    repository_id: int
    files: dict[str, bytes]
    contexts: dict[str, dict[str, str]]
    secrets: dict[str, str]
    environment: dict[str, str]


def launch(sandbox: Sandbox, run_id: int, attempt: int) -> None:
    """Begin an attempt in the background. The caller may hold the lock."""
    with sandbox.store.read("github") as github:
        github_hooks.announce(sandbox, github["runs"][str(run_id)], "requested")
    sandbox.spawn(_carry_out, sandbox, run_id, attempt)


@on_start
def take_up_again(sandbox: Sandbox) -> None:
    """After a restart, queue again what was waiting and conclude what was running: its runner is gone."""
    with sandbox.store.change("github") as github:
        unfinished = [run for run in github.get("runs", {}).values() if run["status"] != "completed"]
        for run in unfinished:
            if run["status"] == "in_progress":
                _conclude(sandbox, run, "failure", "The runner has lost communication with the server.")
        waiting = [run for run in unfinished if run["status"] != "completed"]
    for run in waiting:
        launch(sandbox, run["id"], run["run_attempt"])


def read_log(sandbox: Sandbox, run_id: int, attempt: int) -> str:
    path = _log_path(sandbox, run_id, attempt)
    return path.read_text("utf-8", "replace") if path.exists() else ""


def _log_path(sandbox: Sandbox, run_id: int, attempt: int) -> Path:
    return sandbox.store.folder("run-logs") / f"{run_id}-{attempt}.log"


# -- one attempt -----------------------------------------------------------------------------------------------


def _carry_out(sandbox: Sandbox, run_id: int, attempt: int) -> None:
    conclusion, remark = "failure", ""
    try:
        try:
            work = _prepare(sandbox, run_id, attempt)
            _wait_in_queue(work)
            conclusion = _run_steps(work)
        except WorkflowError as error:
            conclusion, remark = "startup_failure", str(error)
        except Interrupted as error:
            conclusion, remark = error.conclusion, str(error)
            if not conclusion:  # still waiting when the sandbox stopped: it stays queued
                return
        except Exception as error:
            remark = f"the sandbox's runner failed: {type(error).__name__}: {error}"
            raise
    finally:
        if conclusion:
            with sandbox.store.change("github") as github:
                run = github["runs"][str(run_id)]
                if run["run_attempt"] == attempt and run["status"] != "completed":
                    _conclude(sandbox, run, conclusion, remark)
        sandbox.store.save()


def _conclude(sandbox: Sandbox, run: dict[str, Any], conclusion: str, remark: str = "") -> None:
    now = iso(sandbox.store.now())
    run.update(status="completed", conclusion=conclusion, updated_at=now)
    for step in run["steps"]:
        if step["status"] != "completed":
            ended = conclusion if conclusion != "success" else "skipped"
            step.update(status="completed", conclusion=ended, completed_at=now)
    if conclusion != "startup_failure":
        github_hooks.announce(sandbox, run, "completed")
    if remark:
        with _log_path(sandbox, run["id"], run["run_attempt"]).open("a", encoding="utf-8") as log:
            log.write(f"##[error]{remark}\n")


def _prepare(sandbox: Sandbox, run_id: int, attempt: int) -> Work:
    """Read what the run needs, secrets as they are now: GitHub reads them when a run is queued."""
    with sandbox.store.change("github") as github:
        run = github["runs"][str(run_id)]
        repository = github["repositories"][str(run["repository_id"])]
        branch = run["head_branch"]
        workflow = state.workflow_at(repository, branch, run["path"])
        run["job_name"] = workflow.job_name
        secrets = {name: held["value"] for name, held in repository["secrets"].items()}
        if workflow.environment:
            environment = state.environment(sandbox.store, repository, workflow.environment)
            if not state.may_use(environment, branch):
                why = f'Branch "{branch}" is not allowed to deploy to {workflow.environment}'
                raise Interrupted("failure", f"{why} due to environment protection rules.")
            secrets |= {name: held["value"] for name, held in environment["secrets"].items()}
        own_addresses = {"YOUTUBE_API_URL": sandbox.youtube_url, "GOOGLE_TOKEN_URL": sandbox.token_url}
        variables = {**own_addresses, "HEADEND_BACKOFF_SECONDS": "0.2", **repository["variables"]}
        full_name = state.full_name_of(repository)
        return Work(
            sandbox,
            run_id,
            attempt,
            workflow,
            full_name,
            repository["id"],
            {path: state.read_file(repository, branch, path) or b"" for path in repository["files"][branch]},
            {"inputs": dict(run["inputs"]), "secrets": secrets, "vars": variables},
            secrets,
            {
                "CI": "true",
                "GITHUB_ACTIONS": "true",
                "GITHUB_RUN_ID": str(run_id),
                "GITHUB_RUN_ATTEMPT": str(attempt),
                "GITHUB_RUN_NUMBER": str(run["run_number"]),
                "GITHUB_REPOSITORY": full_name,
                "GITHUB_REPOSITORY_ID": str(repository["id"]),
                "GITHUB_WORKFLOW": workflow.name,
                "GITHUB_EVENT_NAME": run["event"],
                "GITHUB_REF_NAME": branch,
                "GITHUB_SHA": run["head_sha"],
                "GITHUB_API_URL": sandbox.github_url,
                "GITHUB_SERVER_URL": f"{sandbox.url}/github-web",
                **(github_oidc.access_for(sandbox, run_id, attempt) if workflow.vouched_for else {}),
            },
        )


def _wait_in_queue(work: Work) -> None:
    """Wait for a runner, then for the concurrency group, oldest run first; then become in_progress."""
    queued_at = time.monotonic()
    while (left := queued_at + work.sandbox.run_queue_seconds - time.monotonic()) > 0:
        _look(work, started=False)
        work.sandbox.stopping.wait(min(LOOK_SECONDS, left))
    while True:
        _look(work, started=False)
        with work.sandbox.store.change("github") as github:
            run = github["runs"][str(work.run_id)]
            if not (work.workflow.concurrency_group and _held_by_another(github, run)):
                now = iso(work.sandbox.store.now())
                names = [
                    str(step.get("name") or step.get("uses") or step.get("run"))
                    for step in work.workflow.steps
                ]
                run.update(status="in_progress", run_started_at=now, updated_at=now)
                run["steps"] = [
                    _new_step(number, name) for number, name in enumerate(["Set up job", *names], 1)
                ]
                github_hooks.announce(work.sandbox, run, "in_progress")
                break
            run["status"] = "pending"
        work.sandbox.stopping.wait(LOOK_SECONDS)
    work.sandbox.store.save()


def _held_by_another(github: dict[str, Any], run: dict[str, Any]) -> bool:
    """Return whether another run of this workflow goes first: one in progress, or one that was queued before it."""
    return any(
        other["path"] == run["path"]
        and other["id"] != run["id"]
        and other["status"] != "completed"
        and (other["status"] == "in_progress" or other["id"] < run["id"])
        for other in state.runs_of(github, run["repository_id"])
    )


def _new_step(number: int, name: str) -> dict[str, Any]:
    return {
        "name": name,
        "number": number,
        "status": "queued",
        "conclusion": None,
        "started_at": None,
        "completed_at": None,
    }


def _look(work: Work, started: bool) -> None:
    """Raise `Interrupted` when the run was cancelled or the sandbox stops."""
    if work.sandbox.stopping.is_set():
        raise Interrupted("failure" if started else "", "The runner has received a shutdown signal.")
    with work.sandbox.store.read("github") as github:
        if github["runs"][str(work.run_id)]["cancel_requested"]:
            raise Interrupted("cancelled", "The operation was canceled.")


def _run_steps(work: Work) -> str:
    """Go through the steps and return the conclusion."""
    workspace = work.sandbox.store.folder("workspaces") / f"{work.run_id}-{work.attempt}"
    shutil.rmtree(workspace, ignore_errors=True)
    workspace.mkdir()
    conclusion = "success"
    try:
        _mark_step(work, 0, "success")
        for number, step in enumerate(work.workflow.steps, 1):
            _look(work, started=True)
            _mark_step(work, number, None)
            wanted = conclusion == "success" or str(step.get("if") or "") == "always()"
            passed = _run_step(work, step, workspace) if wanted else None
            _mark_step(work, number, {True: "success", False: "failure", None: "skipped"}[passed])
            if passed is False:
                conclusion = "failure"
        return conclusion
    finally:
        shutil.rmtree(workspace, ignore_errors=True)


def _mark_step(work: Work, index: int, conclusion: str | None) -> None:
    with work.sandbox.store.change("github") as github:
        run = github["runs"][str(work.run_id)]
        now = iso(work.sandbox.store.now())
        step = run["steps"][index]
        step["started_at"] = step["started_at"] or now
        step["status"] = "completed" if conclusion else "in_progress"
        if conclusion:
            step.update(conclusion=conclusion, completed_at=now)
        run["updated_at"] = now


def _run_step(work: Work, step: dict[str, Any], workspace: Path) -> bool:
    if str(step.get("uses") or "").startswith("actions/checkout@"):
        for path, content in work.files.items():
            target = workspace / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        return True
    if str(step.get("uses") or "").startswith("actions/upload-artifact@"):
        _keep_artifact(work, step.get("with") or {}, workspace)
        return True
    if str(step.get("run") or "").strip() != COMMAND:
        _say(
            work, f"##[error]the sandbox runs only '{COMMAND}', actions/checkout and actions/upload-artifact"
        )
        return False
    script = work.files.get(SCRIPT)
    if not work.sandbox.trust_scripts and script != (state.TEMPLATE / SCRIPT).read_bytes():
        _say(work, f"##[error]{SCRIPT} is not the channel template's, so the sandbox does not run it")
        return False
    if not (workspace / SCRIPT).exists():
        _say(work, f"python3: can't open file '{SCRIPT}': No such file or directory")
        return False
    return _run_script(work, step, workspace)


def _keep_artifact(work: Work, given: dict[str, Any], workspace: Path) -> None:
    """Keep one file of the workspace as an artifact; without the file nothing is kept."""
    file = workspace / Path(str(given.get("path") or "")).name
    if not file.is_file():
        return
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(file.name, file.read_bytes())
    artifact = {
        "id": work.sandbox.store.next_id("artifact", 60_000_000_001),
        "name": str(given.get("name") or "artifact"),
        "created_at": iso(work.sandbox.store.now()),
        "content": base64.b64encode(packed.getvalue()).decode(),
    }
    with work.sandbox.store.change("github") as github:
        run = github["runs"][str(work.run_id)]
        others = [one for one in run.get("artifacts", []) if one["name"] != artifact["name"]]
        run["artifacts"] = [*others, artifact]


def _run_script(work: Work, step: dict[str, Any], workspace: Path) -> bool:
    given = {name: fill_in(str(value), work.contexts) for name, value in (step.get("env") or {}).items()}
    passed_on = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    output: list[str] = []
    process = subprocess.Popen(
        [sys.executable, SCRIPT],
        cwd=workspace,
        env={**passed_on, **work.environment, **given, "GITHUB_WORKSPACE": str(workspace)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,  # a group of its own, so that it can be ended with its children
    )
    reader = threading.Thread(target=output.extend, args=(process.stdout,), daemon=True)
    reader.start()
    deadline = time.monotonic() + work.workflow.timeout_seconds
    try:
        while process.poll() is None:
            _look(work, started=True)
            if time.monotonic() > deadline:
                raise Interrupted("timed_out", "The job has exceeded its maximum execution time.")
            try:
                process.wait(LOOK_SECONDS)
            except subprocess.TimeoutExpired:
                continue
    finally:
        if process.poll() is None:
            _kill(process)
            process.wait()
        reader.join(1)
        process.stdout.close()
        _say(work, "".join(output))
        if any(line.startswith(AT_WORK) for line in output):
            with work.sandbox.store.change("github") as github:
                state.note_run(github, github["runs"][str(work.run_id)], "permit", work.sandbox.store.now())
    if process.returncode:
        _say(work, f"##[error]Process completed with exit code {process.returncode}.")
    return process.returncode == 0


def _kill(process: subprocess.Popen[str]) -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (AttributeError, ProcessLookupError, PermissionError):
        process.kill()


def _say(work: Work, text: str) -> None:
    """Add to the run's log, with secrets and masked values starred out as GitHub does."""
    hidden = set(work.secrets.values())
    for line in text.splitlines():
        if line.startswith("::add-mask::"):
            hidden.add(line.removeprefix("::add-mask::"))
    for value in sorted((value for value in hidden if value), key=len, reverse=True):
        text = text.replace(value, "***")
    with _log_path(work.sandbox, work.run_id, work.attempt).open("a", encoding="utf-8") as log:
        log.write(text if text.endswith("\n") else f"{text}\n")
