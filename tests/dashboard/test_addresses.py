"""An address that is put together from what was worked out before is the one that Django gives."""

import uuid

import pytest
from django import template, urls

from dashboard.addresses import reverse
from dashboard.urls import urlpatterns

EXAMPLES = {"Int": 4711, "Slug": "north-1", "String": "a b-ü%25", "UUID": uuid.UUID(int=7)}
PAGES = [
    (
        f"dashboard:{page.name}",
        [EXAMPLES[type(one).__name__.removesuffix("Converter")] for one in page.pattern.converters.values()],
    )
    for page in urlpatterns
    if page.name
]


@pytest.mark.parametrize("prefix", ["/", "/headend/"])
def test_every_page_has_the_address_that_django_gives(prefix):
    before = urls.get_script_prefix()
    urls.set_script_prefix(prefix)
    try:
        found = {name: (reverse(name, args), urls.reverse(name, args=args)) for name, args in PAGES}
    finally:
        urls.set_script_prefix(before)
    assert len(found) > 200
    assert {name: both for name, both in found.items() if both[0] != both[1]} == {}


@pytest.mark.parametrize("args", [[-1], ["no slug!"], [1, 2], [True], []])
def test_what_fits_no_page_is_refused_as_django_does(args):
    for way in (reverse, lambda name, args: urls.reverse(name, args=args)):
        with pytest.raises(urls.NoReverseMatch):
            way("dashboard:publication", args)


def test_a_template_writes_the_address_and_keeps_one_for_later():
    page = (
        "{% url 'dashboard:publication' pk %}{% url 'dashboard:nowhere' as none %}{{ none }}"
        "{% url 'dashboard:jobs' as jobs %}{{ jobs }}"
    )
    html = template.Template(page).render(template.Context({"pk": 5}))
    assert html == urls.reverse("dashboard:publication", args=[5]) + urls.reverse("dashboard:jobs")
    with pytest.raises(urls.NoReverseMatch):
        template.Template("{% url 'dashboard:publication' pk %}").render(template.Context({"pk": ""}))
