"""Find anything: what is offered, to whom, and at what cost."""

import pytest

from tests import factories

pytestmark = pytest.mark.django_db


def test_a_part_of_a_name_finds_pages_and_rows_with_their_addresses(console, scene):
    html = console.get("/search/", {"q": "nor"}).content.decode()
    assert "/channels/north/" in html
    assert (
        f"/jobs/{scene['running'].pk}/"
        in console.get("/search/", {"q": str(scene["running"].pk)}).content.decode()
    )
    assert "/schedule/" in console.get("/search/", {"q": "sched"}).content.decode()
    assert f"/waves/{scene['wave'].pk}/" in console.get("/search/", {"q": "evening"}).content.decode()


def test_the_palette_is_answered_with_a_part_of_a_page(console, scene):
    html = console.get("/search/", {"q": "bold"}, headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in html and 'role="option"' in html
    assert "&lt;b&gt;Bold" in html and "<b>Bold" not in html


def test_only_what_a_person_may_open_is_offered(client, scene):
    client.force_login(factories.UserFactory())
    html = client.get("/search/", {"q": ""}).content.decode()
    assert "New wave" not in html.split('aria-label="Found"')[1]
    assert "/users/" not in html.split('aria-label="Found"')[1]


@pytest.mark.parametrize("words", ["%", "_", "9" * 300, "\x00", "<script>", "#12"])
def test_whatever_is_typed_is_only_data(console, scene, words):
    assert console.get("/search/", {"q": words}).status_code == 200


def test_a_search_costs_few_statements(console, scene, django_assert_max_num_queries):
    with django_assert_max_num_queries(12):
        console.get("/search/", {"q": "no"}, headers={"HX-Request": "true"})
