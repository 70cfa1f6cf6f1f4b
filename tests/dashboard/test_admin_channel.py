"""A channel's form in the configuration: what would break planning later is refused beside its field now."""

import json

import pytest

from channels.models import Channel
from tests import factories

YEAR = 366 * 24 * 60


@pytest.fixture
def saved(admin_client):
    """Save a channel with one field changed; give its row, or the errors."""
    channel = factories.ChannelFactory(
        github=True, repository_id=700, filters={"min_height": 360}, tags=["film"]
    )
    address = f"/admin/channels/channel/{channel.pk}/change/"
    page = admin_client.get(address)
    form = page.context["adminform"].form
    typed = {name: form.get_initial_for_field(field, name) for name, field in form.fields.items()}
    typed |= {name: json.dumps(value) for name, value in typed.items() if isinstance(value, dict | list)}
    typed = {name: value for name, value in typed.items() if value not in (None, False)}
    for inline in page.context["inline_admin_formsets"]:
        typed |= {f"{inline.formset.prefix}-{kind}_FORMS": 0 for kind in ("TOTAL", "INITIAL")}

    def save(**change):
        answer = admin_client.post(address, typed | change)
        if answer.status_code == 302:
            return Channel.objects.get(pk=channel.pk)
        return answer.context["adminform"].form.errors

    return save


@pytest.mark.parametrize("name", ["min_gap_minutes", "lead_time_minutes", "misfire_grace_minutes"])
def test_a_length_of_time_is_at_most_a_year(saved, name):
    assert "less than or equal to" in saved(**{name: YEAR + 1})[name][0]
    assert getattr(saved(**{name: YEAR}), name) == YEAR


def test_a_number_that_only_one_kind_of_database_holds_is_refused(saved):
    assert "less than or equal to" in saved(daily_cap=2**31)["daily_cap"][0]


def test_filters_and_tags_that_are_null_mean_none(saved):
    row = saved(filters="null", tags="null")
    assert (row.filters, row.tags) == ({}, [])


@pytest.mark.parametrize("tags", ['"film"', '{"film": 1}', '["film", 7]', '[""]', "7"])
def test_tags_that_are_no_list_of_words_are_refused(saved, tags):
    assert "list of words" in saved(tags=tags)["tags"][0]


def test_a_sound_channel_is_saved(saved):
    row = saved(tags='["film", "archive"]', filters='{"min_height": 720}')
    assert (row.tags, row.filters) == (["film", "archive"], {"min_height": 720})


def test_a_change_is_a_revision_raises_the_version_and_leaves_alone_what_the_engine_writes(saved, admin_user):
    channel = Channel.objects.get()
    Channel.objects.update(version=4)
    row = saved(daily_cap=3)
    revision = row.revisions.get()
    assert (row.daily_cap, row.version, revision.created_by) == (3, 5, admin_user.username)
    unchanged = saved(daily_cap=3)
    assert (unchanged.version, unchanged.revisions.count()) == (5, 1) and unchanged.state == channel.state


def test_another_repository_is_pinned_anew_and_the_same_one_stays_pinned(saved):
    known = saved()
    assert known.repository_id == 700
    assert saved(repository=known.repository.upper()).repository_id == 700
    assert saved(repository="headend/another").repository_id is None


@pytest.mark.parametrize(
    ("model", "name", "most"),
    [
        ("source", "scrape_interval_minutes", YEAR),
        ("pool", "window_seconds", 60 * YEAR),
        ("pool", "capacity", 2**31 - 1),
    ],
)
def test_the_numbers_of_sources_and_pools_have_an_end_too(admin_client, model, name, most):
    page = admin_client.get(f"/admin/orchestration/{model}/add/")
    assert page.context["adminform"].form.fields[name].max_value == most
