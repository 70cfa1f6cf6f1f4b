"""Words are edited on a subject's page, in the table, and by a file; nothing is saved that was only looked at."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from tests import factories

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


@pytest.fixture
def row():
    return factories.ScheduleFactory(
        channel__name="Aurora", channel__title_template="{title} · {channel}"
    ).distribution


def address(name, *args):
    return reverse(f"dashboard:{name}", args=args)


def shown(response):
    return response.content.decode()


@pytest.mark.parametrize("subject", ["channel", "video", "wave", "publication"])
def test_a_subject_is_edited_on_its_page_with_a_live_preview(console, row, subject):
    wave = factories.WaveFactory()
    type(row).objects.filter(pk=row.pk).update(wave=wave)
    of = {"channel": row.channel, "video": row.video, "wave": wave, "publication": row}[subject]
    html = shown(console.get(address("words_of", subject, of.pk)))
    assert f"{row.video.title} · Aurora" in html
    typed = {"title": "Dawn {date:%Y}", "tags": "a b, c", "embeddable": "no", "fields": "season = 2"}
    preview = shown(console.post(address("words_of_preview", subject, of.pk), typed, headers=HTMX))
    assert "Dawn 20" in preview
    of.refresh_from_db()
    assert of.words == {}
    answer = console.post(address("words_of_edit", subject, of.pk), typed | {"reason": "nicer"}, headers=HTMX)
    assert answer["HX-Redirect"] == address("words_of", subject, of.pk)
    of.refresh_from_db()
    assert of.words["embeddable"] is False
    assert of.words["fields"] == {"season": "2"}
    assert 'value="Dawn {date:%Y}"' in shown(console.get(address("words_of", subject, of.pk)))


def test_a_fault_is_shown_as_it_is_typed_and_refused_when_it_is_saved(console, row):
    typed = {"title": "{nobody}"}
    preview = console.post(address("words_of_preview", "video", row.video_id), typed, headers=HTMX)
    assert "{nobody} is not known here" in shown(preview)
    saved = console.post(address("words_of_edit", "video", row.video_id), typed, headers=HTMX)
    assert "{nobody} is not known here" in shown(saved)
    row.video.refresh_from_db()
    assert row.video.words == {}
    typed = {"fields": "season 2"}
    assert "name = value" in shown(console.post(address("words_of_preview", "video", row.video_id), typed))


def test_what_somebody_changed_meanwhile_is_not_written_over(console, row):
    typed = {"title": "Mine", "version": "000000000000"}
    saved = console.post(address("words_of_edit", "video", row.video_id), typed, headers=HTMX)
    assert "have changed since they were read" in shown(saved)


def test_cells_of_the_table_are_previewed_and_saved_together(console, row):
    other = factories.ScheduleFactory(channel__name="Borealis").distribution
    over = factories.ScheduleFactory(published=True).distribution
    type(over).objects.filter(pk=over.pk).update(state="recalled")
    html = shown(console.get(address("words")))
    assert f'name="title-{row.pk}"' in html
    assert f'name="title-{over.pk}"' not in html
    typed = {
        "row": [row.pk, other.pk],
        f"title-{row.pk}": "One",
        f"title-{other.pk}": "Two",
        f"tags-{other.pk}": "(none)",
        "query": f"?channel={row.channel_id}",
    }
    preview = shown(console.post(address("words_preview"), typed, headers=HTMX))
    assert "2 changes" in preview
    assert "One" in preview
    assert row.words == {}
    saved = console.post(address("words_edit"), typed, headers=HTMX)
    assert saved["HX-Redirect"] == address("words") + f"?channel={row.channel_id}"
    row.refresh_from_db()
    other.refresh_from_db()
    assert (row.words, other.words) == ({"title": "One"}, {"title": "Two", "tags": []})
    refused = console.post(address("words_edit"), {"row": row.pk, f"title-{row.pk}": "a<b"}, headers=HTMX)
    assert "contains &lt; or &gt;" in shown(refused)


def test_a_file_is_downloaded_changed_previewed_and_imported(console, row):
    answer = console.get(address("words_table") + f"?channel={row.channel_id}")
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    assert text.count("\n") == 2

    def file(content):
        return {"file": SimpleUploadedFile("words.csv", content.encode(), "text/csv")}

    changed = f"subject,id,title\npublication,{row.pk},From a file\n"
    assert "From a file" in shown(console.post(address("words_import_preview"), file(changed), headers=HTMX))
    wrong = console.post(address("words_import"), file(changed.replace("From", "<From>")), headers=HTMX)
    assert "line 2, column title" in shown(wrong)
    assert "Choose a file first" in shown(console.post(address("words_import"), headers=HTMX))
    console.post(address("words_import"), file(changed))
    row.refresh_from_db()
    assert row.words == {"title": "From a file"}


def test_an_address_that_names_nothing_is_not_found(console, row):
    assert console.get(address("words_of", "source", 1)).status_code == 404
    assert console.get(address("words_of", "video", 999_999)).status_code == 404
    assert console.post(address("words_of_preview", "source", 1)).status_code == 404


def test_a_title_of_somebody_else_is_only_text(console):
    video = factories.VideoFactory(title="<script>alert(1)</script>")
    row = factories.ScheduleFactory(distribution__video=video).distribution
    for page in (address("words"), address("words_of", "publication", row.pk)):
        assert "<script>alert" not in shown(console.get(page))


def test_the_table_takes_as_many_queries_for_thirty_rows_as_for_ten(console, django_assert_max_num_queries):
    for _ in range(10):
        factories.ScheduleFactory()
    console.get(address("words"))
    with django_assert_max_num_queries(30) as few:
        console.get(address("words"))
    for _ in range(20):
        factories.ScheduleFactory()
    with django_assert_max_num_queries(len(few.captured_queries)):
        console.get(address("words"))


def test_a_category_is_chosen_in_the_table(console, row):
    html = shown(console.get(address("words")))
    chosen = html[html.index(f'name="category_id-{row.pk}"') :].split("</select>")[0]
    assert 'value="10"' in chosen
