"""docs/api.md names every resource, each of its filters and each of its verbs, and nothing that is not there."""

import re
from pathlib import Path

import pytest
from django.conf import settings

from config.api import api as headend
from orchestration.errors import OrchestrationError

PAGE = (Path(settings.BASE_DIR) / "docs" / "api.md").read_text()
PAGED = {"page", "limit"}
PARTS = PAGED | {"cursor", "count", "sort", "fields"}
ROW = re.compile(r"^\| `(\w+)` \|([^|]*)\|([^|]*)\|$", re.MULTILINE)
ROWS = {name: (filters, verbs) for name, filters, verbs in ROW.findall(PAGE)}
RESOURCES = [
    "channels",
    "groups",
    "labels",
    "views",
    "slots",
    "blackouts",
    "sources",
    "videos",
    "uploads",
    "waves",
    "distributions",
    "schedules",
    "calendar",
    "jobs",
    "runs",
    "rollouts",
    "profiles",
    "standing",
    "pools",
    "orphans",
    "conflicts",
    "notifications",
    "webhooks",
    "users",
    "tokens",
    "proposals",
    "activity",
    "statistics",
]


@pytest.fixture(scope="module")
def paths():
    return headend.get_openapi_schema(path_prefix="/api/")["paths"]


def named(text: str) -> set[str]:
    return set(re.findall(r"`([^`]+)`", text))


def test_every_resource_has_its_row():
    assert list(ROWS) == RESOURCES


@pytest.mark.parametrize("name", RESOURCES)
def test_each_filter_is_named(paths, name):
    known = {item["name"] for item in paths[f"/api/{name}"]["get"].get("parameters", [])} - PARTS
    assert named(ROWS[name][0]) == known


@pytest.mark.parametrize("name", RESOURCES)
def test_each_verb_is_named(paths, name):
    inside = re.compile(rf"/api/{name}/\{{\w+\}}/(.+)")
    verbs = {
        match[1] for path in paths if "{correlation_id}" not in path and (match := inside.fullmatch(path))
    }
    assert {verb for verb in named(ROWS[name][1]) if not verb.startswith("/")} == verbs


@pytest.mark.parametrize("name", [name for name in RESOURCES if name != "statistics"])
def test_each_list_is_cut_into_pages(paths, name):
    assert {item["name"] for item in paths[f"/api/{name}"]["get"]["parameters"]} >= PAGED


def test_each_address_of_the_switch_and_of_the_plans_is_shown(paths):
    for path in paths:
        if path.startswith("/api/orchestration/"):
            assert path.removeprefix("/api/") in PAGE, path


def test_each_code_of_an_error_stands_in_the_table():
    # Others stand in what became of a job, as `error_code`, and are no answers.
    ours = {"orchestration.errors", "orchestration.api.auth"}

    def kinds(base):
        for kind in base.__subclasses__():
            yield kind
            yield from kinds(kind)

    codes = {kind.code for kind in kinds(OrchestrationError) if kind.__module__ in ours}
    assert {code for code in codes if f"`{code}`" not in PAGE} == set()
