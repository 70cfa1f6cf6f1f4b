"""Show a run to people, where its html_url leads: title, steps and log."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from channels.sandbox import github_state as state
from channels.sandbox import runs
from channels.sandbox.wire import Request, Response, route

if TYPE_CHECKING:
    from channels.sandbox.server import Sandbox

PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>
<style>body{{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}}
pre{{overflow:auto;padding:1rem;border:1px solid #8886;border-radius:6px}}</style>
<h1>{title}</h1>{body}<p><small>Sandbox: a miniature of GitHub on this machine.</small></p></html>"""


@route("GET", "/github-web/{owner}/{repo}")
def repository_page(sandbox: Sandbox, request: Request) -> Response:
    """List a repository's files and latest runs."""
    name = f"{request.params['owner']}/{request.params['repo']}"
    with sandbox.store.read("github") as github:
        repository = state.find_repository(github, name)
        if repository is None:
            return _page("Not found", "", 404)
        files = "".join(f"<li>{escape(path)}</li>" for path in repository["files"]["main"])
        listed = "".join(
            f'<li><a href="/github-web/{escape(name)}/actions/runs/{run["id"]}">{escape(run["display_title"])}</a>'
            f" {escape(run['conclusion'] or run['status'])}</li>"
            for run in state.runs_of(github, repository["id"])[:30]
        )
    return _page(name, f"<h2>Files</h2><ul>{files}</ul><h2>Runs</h2><ul>{listed}</ul>")


@route("GET", "/github-web/{owner}/{repo}/actions/runs/{run_id}")
def run_page(sandbox: Sandbox, request: Request) -> Response:
    """Show one run."""
    with sandbox.store.read("github") as github:
        run = github.get("runs", {}).get(request.params["run_id"])
        if run is None:
            return _page("Not found", "", 404)
        title = run["display_title"]
        steps = "".join(
            f"<li>{escape(step['name'])}: {escape(step['conclusion'] or step['status'])}</li>"
            for step in run["steps"]
        )
        state_words = f"{run['status']} {run['conclusion'] or ''}, attempt {run['run_attempt']}"
        number, attempt = run["id"], run["run_attempt"]
    log = escape(runs.read_log(sandbox, number, attempt))
    return _page(title, f"<p>{escape(state_words)}</p><ol>{steps}</ol><pre>{log}</pre>")


def _page(title: str, body: str, status: int = 200) -> Response:
    return Response.html(PAGE.format(title=escape(title), body=body), status)
