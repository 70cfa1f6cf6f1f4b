"""An empty list says what it is for and what the first step is; where filters made it so, how to see all."""

import pytest

from dashboard.templatetags.headend_empty import EMPTIES

pytestmark = pytest.mark.django_db
PAGES = {
    "/conflicts/": "conflicts",
    "/videos/": "videos",
    "/waves/": "waves",
    "/library/": "library",
    "/words/": "words",
    "/standing-rules/": "standing_rules",
    "/blockers/": "blockers",
    "/review/": "reviews",
    "/notifications/log/": "notification_log",
    "/hooks/": "webhooks",
    "/hooks/deliveries/": "webhook_deliveries",
    "/pools/": "pools",
    "/sources/": "sources",
    "/jobs/": "jobs",
    "/channels/": "channels",
    "/proposals/": "proposals",
    "/rollouts/": "rollouts",
    "/groups/": "groups",
    "/tokens/": "tokens",
}


@pytest.mark.parametrize(("address", "name"), PAGES.items())
def test_an_empty_list_says_what_it_is_for(admin_client, address, name):
    html = admin_client.get(address).content.decode()
    empty = EMPTIES[name]
    assert f"<b>{empty.title}</b>" in html
    assert empty.sentence.replace("'", "&#x27;") in html
    assert not empty.action or f">{empty.action.replace(chr(39), '&#x27;')}</a>" in html


@pytest.mark.parametrize("address", ["/waves/", "/activity/"])
def test_what_filters_leave_empty_offers_the_way_back(console, address):
    html = console.get(f"{address}?q=nothing-like-this").content.decode()
    assert "Nothing fits these filters" in html
    assert f'<a href="{address}">Show all</a>' in html
