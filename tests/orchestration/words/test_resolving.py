"""What a publication says: which layer wins, what is filled in, what is made to fit and what is a problem."""

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestration.words import limits
from orchestration.words.fields import LayerName
from orchestration.words.resolving import Facts, Layer, resolve

AT = datetime(2026, 11, 3, 18, 5)  # noqa: DTZ001 - a wall clock
CHANNEL = {
    "title": "{title}",
    "description": "{description}",
    "tags": [],
    "category_id": "22",
    "language": "",
}
SOURCE = {"title": "Harbour at dawn", "description": "Ships.", "tags": ["sea"]}


def words(channel=None, source=None, facts=None, **layers):
    said = [
        Layer(LayerName.CHANNEL, CHANNEL | (channel or {})),
        Layer(LayerName.SOURCE, SOURCE | (source or {})),
        *(Layer(LayerName(name), document) for name, document in layers.items()),
    ]
    return resolve(said, facts or Facts("Aurora", "Port webcam", AT, "Video 7"))


def codes(resolved):
    return [problem.code for problem in resolved.problems]


def notes(resolved):
    return [note.code for note in resolved.notes]


def test_without_a_word_of_ours_the_source_speaks():
    said = words()
    assert (said.title, said.description, said.tags) == ("Harbour at dawn", "Ships.", ("sea",))
    assert said.origins["title"] == ("source",)
    assert said.origins["licence"] == ("default",)
    assert (said.licence, said.embeddable, said.made_for_kids, said.notify_subscribers) == (
        "youtube",
        True,
        False,
        True,
    )
    assert not said.problems
    assert not said.notes


def test_a_channels_template_stands_around_the_videos_title():
    said = words({"title": "{title} · {channel}"}, video={"title": "Dawn"})
    assert said.title == "Dawn · Aurora"
    assert said.origins["title"] == ("channel", "video")


def test_a_videos_title_may_build_on_its_sources():
    assert words(video={"title": "{title} (again)"}).title == "Harbour at dawn (again)"


def test_a_wave_and_a_publication_replace_the_whole():
    said = words({"title": "{title} · {channel}"}, wave={"title": "Launch: {title}"})
    assert said.title == "Launch: Harbour at dawn"
    assert said.origins["title"] == ("wave", "source")
    said = words(
        {"title": "{title} · {channel}"}, wave={"title": "Launch"}, publication={"title": "Only here"}
    )
    assert (said.title, said.origins["title"]) == ("Only here", ("publication",))


@pytest.mark.parametrize("stronger", ["wave", "publication"])
def test_tags_of_channel_and_video_are_joined_and_replaced_from_above(stronger):
    said = words({"tags": ["aurora", "Sea"]})
    assert said.tags == ("aurora", "Sea")
    said = words({"tags": ["aurora"]}, video={"tags": ["dawn"]})
    assert (said.tags, said.origins["tags"]) == (("aurora", "dawn"), ("video", "channel"))
    said = words({"tags": ["aurora"]}, **{stronger: {"tags": []}})
    assert (said.tags, said.origins["tags"]) == ((), (stronger,))


def test_single_fields_come_from_the_strongest_layer_that_says_them():
    layers = {"video": {"licence": "creativeCommon"}, "wave": {"licence": "youtube"}, "publication": {}}
    said = words({"licence": "creativeCommon", "language": "de"}, **layers)
    assert (said.licence, said.origins["licence"]) == ("youtube", ("wave",))
    assert (said.language, said.origins["language"]) == ("de", ("channel",))
    assert words({"language": "de"}, {"language": "pt_br"}).language == "pt-BR"
    said = words({"language": "de"}, {"language": "Plattdeutsch"})
    assert (said.language, notes(said)) == ("de", ["language_left_out"])


def test_false_and_zero_are_said_and_nothing_is_not():
    said = words({"made_for_kids": True}, video={"made_for_kids": False})
    assert said.made_for_kids is False
    assert words({"made_for_kids": True}, video={"made_for_kids": None}).made_for_kids is True


def test_own_fields_are_joined_by_name():
    channel = {"title": "{show} {season}: {title}", "fields": {"show": "Ports", "season": "1"}}
    said = words(channel, video={"fields": {"season": "2"}})
    assert said.title == "Ports 2: Harbour at dawn"
    assert (said.origins["fields.show"], said.origins["fields.season"]) == (("channel",), ("video",))


def test_a_date_is_the_channels_and_in_the_publications_language():
    template = {"title": "{title}, {date:%-d. %B %Y %H:%M %a %%}"}
    assert words(template).title == "Harbour at dawn, 3. November 2026 18:05 Tue %"
    assert words(template | {"language": "pt-BR"}).title == "Harbour at dawn, 3. novembro 2026 18:05 ter. %"
    assert words({"title": "{date:%d %B}", "language": "ru"}).title == "03 ноября"
    assert words({"title": "{date}", "language": "tlh"}).title == "2026-11-03"


def test_a_date_without_a_moment_is_a_problem():
    said = words({"title": "{date} {title}"}, facts=Facts("Aurora", "", None, "Video 7"))
    assert codes(said) == ["placeholder_unknown"]
    assert "needs a moment" in said.problems[0].message


def test_what_is_filled_in_is_never_looked_at_again():
    said = words({"title": "{title} | {channel}"}, {"title": "{channel} {date:%Y} {{x}} {description}"})
    assert said.title == "{channel} {date:%Y} {{x}} {description} | Aurora"
    said = words(
        {"title": "{title}"},
        facts=Facts("{title}", "{source}", AT),
        publication={"title": "{channel}{source}"},
    )
    assert said.title == "{title}{source}"


def test_a_template_that_was_kept_before_it_was_checked_is_never_published_raw():
    said = words({"title": "{title} {nobody}"})
    assert codes(said) == ["placeholder_unknown"]
    assert "{" not in said.title
    assert codes(words({"title": "{title"})) == ["placeholder_unknown"]


@pytest.mark.parametrize("title", ["", "  ", "\u200b", "\u3164", "\u0301"])
def test_a_video_without_a_title_waits_for_one(title):
    said = words({"title": "{title} · {channel}"}, {"title": title})
    assert codes(said) == ["title_missing"]
    assert "Video 7 has no title" in said.problems[0].message
    assert not words({}, {"title": title}, publication={"title": "Given"}).problems


def test_angle_brackets_of_a_source_are_replaced():
    said = words(
        {"title": "{title} | {channel}"}, {"title": "<b>x</b>", "description": "1 < 2"}, Facts("A>B", "", AT)
    )
    assert (said.title, said.description) == ("‹b›x‹/b› | A›B", "1 ‹ 2")


def test_a_sources_title_is_cut_between_characters_and_the_template_stays_whole():
    family = "👨\u200d👩\u200d👧\u200d👦"  # 11 UTF-16 units, one character to a reader
    said = words({"title": "{title} · {channel}"}, {"title": family * 20})
    assert said.title == family * 8 + "… · Aurora"
    assert limits.characters(said.title) <= 100
    assert notes(said) == ["title_cut"]
    assert not said.problems


def test_a_persons_title_that_is_too_long_is_a_problem_with_its_numbers():
    said = words({"title": "{title} · {channel}"}, video={"title": "x" * 95})
    assert codes(said) == ["title_too_long"]
    assert "104 of at most 100 characters" in said.problems[0].message
    assert codes(words({"title": "x" * 101})) == ["title_too_long"]


def test_a_sources_description_is_cut_and_a_persons_is_not():
    said = words({"description": "{description}\n\nFollow us"}, {"description": "ä" * 4000})
    assert said.description.endswith("ä…\n\nFollow us")
    assert limits.size_bytes(said.description) <= limits.DESCRIPTION_ROOM
    assert codes(words(video={"description": "{title}" * 500})) == ["description_too_long"]


def test_a_sources_tags_are_made_fit_and_a_persons_are_not():
    said = words(source={"tags": ['"a', 'b"', "c<d", "x, y", "\u200b", 5]})
    assert said.tags == ("a", "b", "c d", "x", "y", "5")
    assert notes(said) == ["tags_cleaned"]
    long = [f"a rather long tag {n:02}" for n in range(40)]
    said = words({"tags": ["aurora"]}, {"tags": long})
    assert said.tags[0] == "aurora"
    assert limits.tags_characters(said.tags) <= limits.TAG_ROOM
    assert notes(said) == ["tags_left_out"]
    assert codes(words({"tags": long})) == ["tags_too_long"]
    assert codes(words({"tags": long[:15]}, video={"tags": long[15:]})) == ["tags_too_long"]


def test_a_category_that_youtube_does_not_take_is_a_problem():
    assert codes(words({"category_id": "99"})) == ["category_unknown"]


ANY = st.text(max_size=150)


@given(title=ANY, description=st.text(max_size=300), tags=st.lists(st.text(max_size=30)), channel=ANY)
def test_whatever_a_source_says_can_be_published_or_is_a_named_problem(title, description, tags, channel):
    said = words(
        {"title": "{title} · live", "description": "{title}\n{description}\n{channel}"},
        {"title": title, "description": description, "tags": tags},
        Facts(channel, channel, AT),
    )
    if said.problems:
        assert codes(said) == ["title_missing"]
        return
    assert limits.is_visible(said.title)
    assert limits.characters(said.title) <= 100
    assert limits.size_bytes(said.description) <= limits.DESCRIPTION_ROOM
    assert limits.tags_characters(said.tags) <= limits.TAG_ROOM
    everything = said.title + said.description + "".join(said.tags)
    assert not limits.has_angles(everything)
    everything.encode()  # without half of a surrogate pair
    assert not any("," in tag or '"' in tag for tag in said.tags)


@given(st.text(max_size=60), st.integers(0, 60))
def test_nothing_is_cut_inside_a_character(text, room):
    short = limits.cut(text, room, limits.characters)
    pieces = limits.graphemes(text)
    assert any("".join(pieces[:count]).rstrip() == short for count in range(len(pieces) + 1)) or short == text
    assert limits.characters(short) <= max(room, 0) or short == text
