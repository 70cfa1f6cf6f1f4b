"""A name never writes the rest of a sentence backwards, whichever door it came in by."""

from ipaddress import ip_network

import pytest

from orchestration.api.schemas.requests import Because
from orchestration.media.items import clean_text, one_line
from orchestration.models import Activity, Source
from orchestration.text import unturned
from tests import factories

TURNED = "invoice\u202egpj\u2066 \u05e9\u05dc\u05d5\u05dd\u200f!"
PLAIN = "invoicegpj \u05e9\u05dc\u05d5\u05dd\u200f!"


def test_what_turns_the_writing_goes_and_what_a_language_needs_stays():
    assert unturned(TURNED) == PLAIN
    assert one_line(f"  {TURNED}\n") == PLAIN


def test_a_title_that_was_scraped_is_clean_but_its_description_is_kept_as_written():
    assert clean_text(TURNED) == TURNED


def test_a_text_of_the_api_is_clean():
    assert Because(reason=TURNED).reason == PLAIN


@pytest.mark.django_db
def test_names_and_reasons_of_a_form_are_clean(admin_client, settings):
    settings.HEADEND_SOURCE_NETWORKS = (ip_network("127.0.0.0/8"),)
    form = {
        "url": "http://127.0.0.1:9/feed.xml",
        "name": TURNED,
        "rights_basis": "owned",
        "rights_note": TURNED,
    }
    admin_client.post("/sources/add/", form, headers={"HX-Request": "true"})
    source = Source.objects.get()
    assert (source.name, source.rights_note) == (PLAIN, PLAIN)
    channel = factories.ChannelFactory()
    admin_client.post(f"/channels/{channel.slug}/pause/", {"reason": TURNED})
    assert Activity.objects.get(verb="channel_paused").reason == PLAIN
