"""An address that others chose becomes a link only through the filter `outside`: of the web, or no link at all."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.template import Context, Template

from channels.models import Channel
from orchestration.models import WorkflowRun
from tests import factories

TEMPLATES = sorted((Path(settings.BASE_DIR) / "templates").rglob("*.html"))
# The whole value of each attribute that a browser may follow.
FOLLOWED = re.compile(r"""\s(href|src|action|formaction|poster|hx-get|hx-post)="([^"]*)\"""")
BY_A_VALUE = re.compile(r"\{\{\s*([^}|]+?)\s*((?:\|[^}]*)?)\}\}")
OURS = {
    # Made by `reverse()` in a view or a tag, or a page of this console that was asked for (`where_from`).
    *(
        "back",
        "address",
        "step_url",
        "url",
        "permalink",
        "review_address",
        "later",
        "earlier",
        "all",
        "action_url",
        "acknowledge_url",
    ),
    *("disarm_url", "choose_url", "shown.url", "item.url", "tab.url", "row.address", "row.past", "line.past"),
    *("line.address", "way.address", "need.remedy", "preview_url", "check_url", "to"),
    *("asks.commit", "asks.preview", "src", "out"),
    # The page of Headend that a notification leads to, under HEADEND_PUBLIC_URL.
    "row.link",
}


def followed() -> list[tuple[str, str, str]]:
    """Return each address that begins with a value: the template, the value, and its filters."""
    found = []
    for path in TEMPLATES:
        for _, whole in FOLLOWED.findall(path.read_text(encoding="utf-8")):
            if value := BY_A_VALUE.match(whole):
                found.append((path.relative_to(settings.BASE_DIR).as_posix(), value[1], value[2]))
    return found


def test_no_template_leads_to_an_address_of_others_without_the_filter():
    found = followed()
    assert len(found) > 30, "the pattern has become blind"
    assert [one for one in found if one[1] not in OURS and "|outside" not in one[2]] == []


def test_what_is_listed_as_ours_is_still_used_and_some_are_of_others():
    found = followed()
    assert {value for _, value, filters in found if "|outside" in filters} >= {"run.html_url", "consent_url"}
    assert {value for _, value, _ in found} >= OURS


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "//elsewhere.example",
        "https://a\nb",
        "vbscript:x",
        " https://a",
    ],
)
def test_the_filter_lets_nothing_but_the_web_through(address):
    template = Template("{% load headend_filters %}[{{ address|outside }}]")
    assert template.render(Context({"address": address})) == "[]"
    assert (
        template.render(Context({"address": "https://a.example/?b=1&c"})) == "[https://a.example/?b=1&amp;c]"
    )


@pytest.mark.django_db
def test_a_run_whose_stored_address_is_a_script_is_shown_without_a_link(admin_client):
    run = factories.WorkflowRunFactory(job__channel=factories.ChannelFactory(), run_id=4711)
    WorkflowRun.objects.filter(pk=run.pk).update(html_url="javascript:alert(1)")
    page = admin_client.get(f"/jobs/{run.job_id}/").content.decode()
    assert run.repository in page and "javascript:" not in page
    assert Channel.objects.exists()
