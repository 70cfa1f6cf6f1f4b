"""Run a channel's workflow in the sandbox, from its dispatch to its conclusion."""

import json

from tests.patience import wait_for

AURORA = "headend-demo/aurora"


def start(github, sheet):
    inputs = {"correlation_id": sheet["correlation_id"], "job_sheet": json.dumps(sheet)}
    return github.dispatch_workflow(AURORA, "headend.yml", "main", inputs).run_id


def conclude(github, run_id):
    def completed():
        run = github.run(AURORA, run_id)
        return run if run.status == "completed" else None

    return wait_for(completed)


def run_through(github, sheet):
    return conclude(github, start(github, sheet))


def videos(sandbox):
    return list(sandbox.store.snapshot()["youtube"].get("videos", {}).values())
