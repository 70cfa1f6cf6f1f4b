"""Which subtitles are read, and what is said of those that are not right."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.media import SubtitlesUnusable
from orchestration.media.subtitles import MAX_CUES, language_tag, read_subtitles, written

SRT = """1
00:00:01,000 --> 00:00:02,500
Hello & <i>welcome</i>

2
00:00:03,000 --> 00:00:04,000
<two> lines
of text
"""
VTT = """WEBVTT - made by somebody
X-TIMESTAMP-MAP=LOCAL:00:00:00.000

STYLE
::cue { color: lime }

NOTE not shown

intro
00:01.000 --> 00:02.500 align:start position:10%
Hello &amp; <v Ann>welcome</v>

01:00:03.000 --> 01:00:04.000
Late
"""


def test_srt_is_read_and_shown_as_webvtt():
    found = read_subtitles(SRT.encode())
    assert (found.kind, found.notes) == ("srt", ())
    assert [(cue.start_ms, cue.end_ms, cue.text, cue.line) for cue in found.cues] == [
        (1000, 2500, "Hello & <i>welcome</i>", 2),
        (3000, 4000, "<two> lines\nof text", 6),
    ]
    assert written(found, "vtt") == (
        "WEBVTT\n\n00:00:01.000 --> 00:00:02.500\nHello &amp; <i>welcome</i>\n\n"
        "00:00:03.000 --> 00:00:04.000\n&lt;two> lines\nof text\n"
    )


def test_webvtt_is_read_with_its_style_and_settings():
    found = read_subtitles(VTT.encode())
    assert found.kind == "vtt"
    assert found.head == ("STYLE\n::cue { color: lime }",)
    assert [(cue.start_ms, cue.settings, cue.line) for cue in found.cues] == [
        (1000, "align:start position:10%", 10),
        (3603000, "", 13),
    ]
    assert read_subtitles(written(found, "vtt").encode()).cues[1].text == "Late"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-8"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_byte_order_marks_and_line_ends_of_every_system_are_read(encoding, end):
    found = read_subtitles(SRT.replace("welcome", "señor").replace("\n", end).encode(encoding))
    assert "señor" in found.cues[0].text and "\ufeff" not in found.cues[0].text
    assert found.notes == () and len(found.cues) == 2


@pytest.mark.parametrize(
    ("language", "encoding", "word"),
    [
        ("ru", "cp1251", "Привет"),
        ("pl", "cp1250", "źdźbło"),
        ("de-AT", "cp1252", "Größe"),
        ("ja", "cp932", "こんにちは"),
    ],
)
def test_an_old_encoding_is_read_by_the_language_and_noted(language, encoding, word):
    found = read_subtitles(SRT.replace("Hello", word).encode(encoding), language=language)
    assert found.cues[0].text.startswith(word)
    assert encoding in found.notes[0]


def test_looser_writing_is_read():
    text = "00:01.5 --> 00:02,500 X1:100\nno number\n2\n0:0:3,000 --> 0:0:4,000\nno empty line before\n\n\n\n"
    found = read_subtitles(text.encode())
    assert [(cue.start_ms, cue.text) for cue in found.cues] == [
        (1500, "no number"),
        (3000, "no empty line before"),
    ]


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        ("", 0, "empty"),
        ("just words\n", 1, "neither a number nor a time"),
        ("1\n00:00:01,000 -> 00:00:02,000\nx\n", 1, "neither a number nor a time"),
        ("1\n00:00:01,000 --> 00:00:xx,000\nx\n", 2, "is no time"),
        ("1\n00:00:61,000 --> 00:01:02,000\nx\n", 2, "more than 59"),
        ("1\n00:00:02,000 --> 00:00:01,000\nx\n", 2, "not after its start"),
        ("1\n00:00:02,000 --> 00:00:02,000\nx\n", 2, "not after its start"),
        (
            "1\n00:00:05,000 --> 00:00:06,000\nx\n\n2\n00:00:01,000 --> 00:00:02,000\ny\n",
            6,
            "before the one above it",
        ),
        ("1\n00:01:30,000 --> 00:01:31,000\nx\n", 2, "the film ends at 00:01:00.000"),
        ("1\n00:00:01,000 --> 00:00:02,000\nx\x01y\n", 3, "control character"),
        ("1\n00:00:01,000 --> 00:00:02,000\n\n", 0, "holds no subtitle"),
        ("WEBVTT\n\nwords without a time\n", 3, "a time is missing"),
        ("WEBVTT\n\n00:01.000 --> 00:02.000\nx\n\nSTYLE\n::cue {}\n", 6, "after the first cue"),
        ("WEBVTT\n\n00:01.000 --> \nx\n", 3, "is no time"),
    ],
)
def test_what_is_wrong_names_its_line(text, line, why):
    with pytest.raises(SubtitlesUnusable, match=why) as caught:
        read_subtitles(text.encode(), film_seconds=60.0)
    assert caught.value.line == line
    if line:
        assert str(caught.value).startswith(f"line {line}: ")


@pytest.mark.parametrize(
    "data", [b"PK\x03\x04" + bytes(50), b"\xff\xfe\x00", "1\n\ud83d".encode("utf-16", "surrogatepass")]
)
def test_what_is_no_text_is_refused(data):
    with pytest.raises(SubtitlesUnusable):
        read_subtitles(data)


def test_what_overlaps_or_outlasts_the_film_is_noted():
    text = "1\n00:00:01,000 --> 00:00:05,000\na\n\n2\n00:00:04,000 --> 00:02:00,000\nb\n"
    found = read_subtitles(text.encode(), film_seconds=60.0)
    assert found.notes == (
        "Shown while another still is: 1, the first in line 6.",
        "The last of them outlasts the film.",
    )


def test_too_many_and_too_large_are_refused_in_good_time():
    with pytest.raises(SubtitlesUnusable, match=r"more than 50,000"):
        read_subtitles(("00:01.0 --> 00:02.0\nx\n\n" * (MAX_CUES + 1)).encode())
    with pytest.raises(SubtitlesUnusable, match="at most"):
        read_subtitles(b"x" * (6 * 1024 * 1024))


@pytest.mark.parametrize(
    ("value", "tag"),
    [
        ("en", "en"),
        ("PT-br", "pt-BR"),
        ("zh_hant", "zh-Hant"),
        ("es-419", "es-419"),
        ("SR-LATN-rs", "sr-Latn-RS"),
    ],
)
def test_a_language_is_written_as_bcp_47_has_it(value, tag):
    assert language_tag(value) == tag


@pytest.mark.parametrize(
    "value", ["", "e", "english", "en-", "en--GB", "../en", "en GB", "日本", "en-" + "a" * 30]
)
def test_what_is_no_language_is_refused(value):
    with pytest.raises(ValueError, match="BCP 47"):
        language_tag(value)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300) | st.text(max_size=300).map(lambda text: text.encode("utf-8", "ignore")))
def test_whatever_comes_is_read_or_refused(data):
    for head in (b"", b"WEBVTT\n\n", b"1\n00:00:01,000 --> 00:00:02,000\n"):
        try:
            found = read_subtitles(head + data, film_seconds=10)
        except SubtitlesUnusable:
            continue
        again = read_subtitles(written(found, found.kind).encode())
        assert [(cue.start_ms, cue.end_ms) for cue in again.cues] == [
            (cue.start_ms, cue.end_ms) for cue in found.cues
        ]
