"""What a person writes is kept as it is, or refused by name."""

import pytest

from orchestration.words.checks import WordsWrong, check, check_channel_template, language_tag
from orchestration.words.fields import LayerName


def fault(document, layer=LayerName.PUBLICATION, field=None, **options):
    with pytest.raises(WordsWrong) as refused:
        check(document, layer, **options)
    return refused.value.faults[field or next(iter(document))]


def test_a_whole_document_is_kept_sparse_and_plain():
    document = {
        "title": "  Harbour, {date:%d %B} ",
        "tags": ["sea", "Sea", "blue ocean"],
        "language": "pt_br",
        "playlists": ["PL0123456789abcdef"],
        "embeddable": False,
        "subtitles": [3, 3, 4],
        "fields": {"season": "2"},
        "description": None,
    }
    kept = check(document, LayerName.PUBLICATION)
    assert kept == {
        "title": "Harbour, {date:%d %B}",
        "tags": ["sea", "blue ocean"],
        "language": "pt-BR",
        "playlists": ["PL0123456789abcdef"],
        "embeddable": False,
        "subtitles": [3, 4],
        "fields": {"season": "2"},
    }
    assert check(kept, LayerName.PUBLICATION) == kept


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ({"titel": "x"}, "no such field"),
        ({"title": ""}, "shows nothing"),
        ({"title": "\u200b\u200d"}, "shows nothing"),
        ({"title": "\u3164\u115f"}, "shows nothing"),
        ({"title": "a <b>"}, "< or >"),
        ({"title": "two\nlines"}, "one line"),
        ({"title": "x" * 101}, "has 101 of at most 100 characters"),
        ({"title": "\U0001f600" * 51}, "has 102 of at most 100 characters"),
        ({"title": 7}, "has to be text"),
        ({"title": "half \ud83d"}, "surrogate"),
        ({"title": "{titel}"}, "{titel} is not known here"),
        ({"title": "{title.source}"}, "is no placeholder"),
        ({"title": "{title[0]}"}, "is no placeholder"),
        ({"title": "{title!r}"}, "is no placeholder"),
        ({"title": "{}"}, "is no placeholder"),
        ({"title": "open {title"}, "does not close"),
        ({"title": "{title:>9}"}, "< or >"),
        ({"title": "{title:9}"}, "only {date"),
        ({"title": "{date:%Q}"}, "%Q is no code"),
        ({"title": "{date:%}"}, "% is no code"),
        ({"description": "ä" * 2480}, "has 4960 of at most 4958 bytes"),
        ({"description": "a\x07b"}, "control characters"),
        ({"tags": "sea"}, "list of texts"),
        ({"tags": ["a, b"]}, "comma or a quotation mark"),
        ({"tags": ['say "no"']}, "comma or a quotation mark"),
        ({"tags": ["c<d"]}, "< or >"),
        ({"tags": ["\u200b"]}, "shows nothing"),
        ({"tags": [f"tag {n:04}" for n in range(42)]}, "has 461 of at most 459"),
        ({"category_id": "99"}, "no category"),
        ({"language": "english, please"}, "BCP 47"),
        ({"playlists": ["UU0123456789abcdef"]}, "no id of a playlist"),
        ({"licence": "mit"}, "one of youtube, creativeCommon"),
        ({"embeddable": "yes"}, "true or false"),
        ({"picture": True}, "id of an attachment"),
        ({"picture": -1}, "id of an attachment"),
        ({"subtitles": ["1"]}, "id of an attachment"),
        ({"fields": {"Season": "2"}}, "no name"),
        ({"fields": {"title": "2"}}, "Headend's own"),
        ({"fields": {"season": "a<b"}}, "season contains <"),
        ({"fields": {"season": "x" * 501}}, "season has 501"),
    ],
)
def test_what_is_wrong_is_refused_by_name(document, says):
    assert says in fault(document)


def test_tags_count_quotation_marks_around_spaces_and_a_comma_between_two():
    tags = [f"tag {n:04}" for n in range(41)]  # each 8 and two quotation marks, 40 commas: 450
    assert check({"tags": tags}, "publication")["tags"] == tags
    assert check({"tags": [*tags, "eightlet"]}, "publication")  # and a comma: 459
    assert "460 of at most 459" in fault({"tags": [*tags, "nineletrs"]})


def test_a_layer_says_what_belongs_to_it():
    assert "title_template" in fault({"title": "x"}, LayerName.CHANNEL)
    assert "a channel has its own tags" in fault({"tags": []}, LayerName.CHANNEL)
    assert "only video or this publication" in fault({"picture": 3}, LayerName.WAVE)
    assert check({"licence": "creativeCommon"}, LayerName.CHANNEL) == {"licence": "creativeCommon"}
    assert check({"tags": [], "description": ""}, LayerName.WAVE) == {"description": "", "tags": []}


def test_an_own_field_is_known_where_this_document_or_a_weaker_layer_has_it():
    assert "{season}" in fault({"title": "Season {season}"})
    assert check({"title": "Season {season}", "fields": {"season": "2"}}, LayerName.VIDEO)
    assert check({"title": "Season {season}"}, LayerName.VIDEO, own={"season"})


def test_braces_are_written_twice():
    assert check({"title": "How {{x}} works"}, LayerName.VIDEO) == {"title": "How {{x}} works"}


def test_several_faults_are_told_at_once():
    with pytest.raises(WordsWrong) as refused:
        check({"title": "", "licence": "x", "tags": []}, LayerName.WAVE)
    assert list(refused.value.faults) == ["title", "licence"]
    assert refused.value.field == "title"


def test_what_is_no_document_is_refused():
    for nothing in ([], "title", None, 3):
        with pytest.raises(WordsWrong):
            check(nothing, LayerName.VIDEO)


def test_what_turns_the_direction_of_writing_is_left_out():
    assert check({"title": "a \u202egnp.exe"}, LayerName.VIDEO) == {"title": "a gnp.exe"}


def test_a_channels_template_is_checked_with_its_own_fields():
    assert check_channel_template("title", "{title} | {show}", own={"show"}) == "{title} | {show}"
    with pytest.raises(WordsWrong) as refused:
        check_channel_template("title", "{title} | {show}")
    assert "title_template" in refused.value.faults


@pytest.mark.parametrize(
    ("written", "tag"),
    [("en", "en"), ("EN-us", "en-US"), ("zh_hant_tw", "zh-Hant-TW"), ("es-419", "es-419"), ("sr-Latn", "sr-Latn"),
     ("english", None), ("e", None), ("en--US", None), ("", None), ("de-DE-1996", "de-DE-1996")],
)  # fmt: skip
def test_languages_are_read_as_bcp_47_writes_them(written, tag):
    assert language_tag(written) == tag
