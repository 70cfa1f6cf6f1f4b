"""Words are read with where each field came from, and edited for one, for a wave, or for many, whole or not at all."""

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from orchestration.errors import (
    IllegalTransition,
    InvalidRequest,
    NotFound,
    NotPermitted,
    PlanRefused,
    StaleVersion,
    WordsRefused,
)
from orchestration.models import Activity, Distribution, Job
from orchestration.queue import pools
from orchestration.scheduling import publication_words
from orchestration.states import AttachmentKind, JobKind
from orchestration.words.answers import WordsEdit
from tests import factories
from tests.engine_room import door
from tests.orchestration.engine import running

pytestmark = pytest.mark.django_db


def publication(**channel):
    values = {"name": "Aurora", "timezone": "Europe/Berlin"} | channel
    return factories.ScheduleFactory(channel=factories.ChannelFactory(**values)).distribution


def edit(subject, row, words, *, scope="operate", **options):
    version = options.pop("version", None)
    return door(scope).edit_words(edits=[WordsEdit(subject, row.pk, words, version)], **options)


def said(distribution):
    return publication_words.words_of(distribution)


# -- one -----------------------------------------------------------------------------------------------------------


def test_each_field_shows_where_it_came_from():
    row = publication(title_template="{title} · {channel}", tags=["sea"])
    edit("video", row.video, {"title": "Dawn", "licence": "creativeCommon"})
    [shown] = door("read").list_words(distribution_ids=[row.pk])
    assert shown.words.title == "Dawn · Aurora"
    assert shown.words.origins["title"] == ("channel", "video")
    assert shown.words.origins["licence"] == ("video",)
    assert (shown.own, shown.locked) == ({}, "")
    seen = door("read").get_words(subject="video", subject_id=row.video_id)
    assert (seen.own, seen.total) == ({"title": "Dawn", "licence": "creativeCommon"}, 1)
    assert seen.publications[0].words.title == "Dawn · Aurora"


@pytest.mark.parametrize("subject", ["channel", "video", "wave", "publication"])
def test_an_edit_is_kept_and_recorded_with_before_and_after(subject):
    row = publication()
    wave = factories.WaveFactory()
    Distribution.objects.filter(pk=row.pk).update(wave=wave)
    of = {"channel": row.channel, "video": row.video, "wave": wave, "publication": row}[subject]
    edit(subject, of, {"title": "First {title}"})
    result = edit(subject, of, {"title": "Then {title}", "tags": ["a", "b"]}, reason="nicer")
    [change] = result.changes
    assert change.before == {"title": "First {title}", "tags": None}
    assert (result.touched, result.uploaded) == (1, 0)
    entry = Activity.objects.filter(verb="words_changed").latest("pk")
    assert entry.before["title"] == "First {title}"
    assert (entry.after["title"], entry.after["tags"]) == ("Then {title}", ["a", "b"])
    assert (entry.actor_label, entry.reason) == ("olga", "nicer")
    assert said(row).title.startswith("Then ")
    edit(subject, of, {"title": None})
    assert door().get_words(subject=subject, subject_id=of.pk).own == {"tags": ["a", "b"]}


def test_a_dry_run_shows_titles_and_writes_nothing():
    row = publication()
    result = edit("video", row.video, {"title": "Dawn"}, dry_run=True)
    assert [(t.channel, t.after) for t in result.titles] == [("Aurora", "Dawn")]
    assert said(row).title == row.video.title
    assert not Activity.objects.filter(verb="words_changed").exists()


def test_who_only_reads_edits_nothing():
    with pytest.raises(NotPermitted):
        edit("video", publication().video, {"title": "x"}, scope="read")


def test_own_fields_are_set_one_by_one_and_known_where_a_channel_has_them():
    row = publication()
    edit("channel", row.channel, {"title": "{show}: {title}", "fields": {"show": "Ports"}})
    edit("video", row.video, {"fields.show": "Harbours", "fields.season": "2"})
    edit("publication", row, {"description": "Season {season} of {show}"})
    assert (said(row).title, said(row).description) == (
        f"Harbours: {row.video.title}",
        "Season 2 of Harbours",
    )
    edit("video", row.video, {"fields.show": None})
    assert said(row).title == f"Ports: {row.video.title}"
    with pytest.raises(InvalidRequest, match="episode"):
        edit("publication", row, {"title": "{episode}"})


def test_what_was_changed_meanwhile_is_not_written_over():
    row = publication()
    seen = door().get_words(subject="video", subject_id=row.video_id).version
    edit("video", row.video, {"title": "Mine"}, version=seen)
    with pytest.raises(StaleVersion):
        edit("video", row.video, {"title": "Yours"}, version=seen)
    assert said(row).title == "Mine"


@pytest.mark.parametrize(
    ("subject", "words", "field"),
    [
        ("video", {"titel": "x"}, "titel"),
        ("channel", {"title": "{nobody}"}, "title"),
        ("channel", {"picture": 3}, "picture"),
        ("publication", {"tags": ["a,b"]}, "tags"),
        ("wave", {"subtitles": [1]}, "subtitles"),
    ],
)
def test_what_cannot_be_said_is_refused_by_field(subject, words, field):
    row = publication()
    wave = factories.WaveFactory()
    of = {"channel": row.channel, "video": row.video, "wave": wave, "publication": row}[subject]
    with pytest.raises(InvalidRequest) as refused:
        edit(subject, of, words)
    assert refused.value.field == field


def test_a_picture_has_to_be_of_the_video():
    row = publication()
    own = factories.AttachmentFactory(video=row.video)
    other = factories.AttachmentFactory()
    edit("publication", row, {"picture": own.pk})
    assert said(row).picture == own.pk
    with pytest.raises(InvalidRequest, match="no picture"):
        edit("video", row.video, {"picture": other.pk})
    with pytest.raises(InvalidRequest, match="no subtitles"):
        edit("video", row.video, {"subtitles": [own.pk]})


def test_the_newest_subtitles_of_each_language_go_with_a_video_that_says_nothing():
    row = publication()
    kept = [
        factories.AttachmentFactory(video=row.video, kind=AttachmentKind.SUBTITLES, language=language)
        for language in ("de", "en", "en")
    ]
    assert said(row).subtitles == (kept[0].pk, kept[2].pk)
    edit("publication", row, {"subtitles": []})
    assert said(row).subtitles == ()


def test_an_edit_of_what_is_on_youtube_is_brought_there_by_one_call():
    running()
    pools.ensure_defaults()
    row, staged = publication(), factories.ScheduleFactory(staged=True).distribution
    edits = [WordsEdit("publication", pk, {"title": "Both"}) for pk in (row.pk, staged.pk)]
    shown = door().edit_words(edits=edits, dry_run=True)
    assert (len(shown.changes), shown.calls) == (2, 1)
    assert not Job.objects.exists()
    made = door().edit_words(edits=edits)
    assert made.units == shown.units > 0
    assert [job.kind for job in Job.objects.all()] == [JobKind.EDIT]
    assert Distribution.objects.get(pk=staged.pk).words == {"title": "Both"}
    again = door().edit_words(edits=edits)
    assert (again.unchanged, again.calls) == (2, 0)
    wrong = WordsEdit("publication", staged.pk, {"title": "a<b"})
    with pytest.raises(InvalidRequest):
        door().edit_words(edits=[WordsEdit("publication", row.pk, {"title": "Neither"}), wrong])
    assert Distribution.objects.get(pk=row.pk).words == {"title": "Both"}


def test_what_is_over_or_being_uploaded_is_not_edited_but_stands_in_a_table():
    over = factories.ScheduleFactory(published=True).distribution
    Distribution.objects.filter(pk=over.pk).update(state="recalled")
    row = publication()
    factories.JobFactory(running=True, kind=JobKind.STAGE, distribution=row, channel=row.channel)
    for of, says in ((over, "on YouTube and recalled"), (row, "being uploaded")):
        with pytest.raises(IllegalTransition, match=says):
            edit("publication", of, {"title": "x"})
    text = "".join(door().export_words(distribution_ids=[over.pk, row.pk]))
    assert door().import_words(content=text.encode()).unchanged == 2
    result = edit("video", over.video, {"title": "Later"})
    assert (result.touched, result.uploaded) == (0, 1)


# -- limits that only show where a text is filled in ---------------------------------------------------------------


def test_an_edit_that_breaks_a_publication_names_it_and_is_made_only_if_accepted():
    row = publication(title_template="{title} · {channel}")
    broken = {"title": "x" * 95}
    assert [b.code for b in edit("video", row.video, broken, dry_run=True).broken] == ["title_too_long"]
    with pytest.raises(WordsRefused, match=r"on Aurora.*104 of at most 100"):
        edit("video", row.video, broken)
    edit("video", row.video, broken, accept_problems=True)
    assert edit("video", row.video, {"language": "de"}).broken == []
    edit("publication", row, {"title": "Short"})
    assert not said(row).problems


def wave(videos, channels, **options):
    ids = {"video_ids": [v.pk for v in videos], "channel_ids": [c.pk for c in channels]}
    return door().schedule_wave_publication(scheduled_at=factories.in_(hours=9), **ids, **options)


def test_a_plan_names_the_channels_on_which_a_title_is_too_long():
    short, long = factories.ChannelFactory(name="Short"), factories.ChannelFactory(name="Long")
    type(long).objects.filter(pk=long.pk).update(title_template="{title} · " + "so on " * 10)
    video = factories.VideoFactory(words={"title": "x" * 70})
    made = wave([video], [short, long], dry_run=True).plan
    assert [(c.rule, c.channel_id, c.resolution) for c in made.conflicts] == [
        ("words_refused", long.pk, "open")
    ]
    assert "on Long: the title has 132 of at most 100 characters" in made.conflicts[0].message
    assert len(made.placements) == 2
    with pytest.raises(PlanRefused, match="on Long"):
        wave([video], [short, long], on_conflict="reject")
    written = wave([video], [short, long])
    assert [c.rule for c in written.wave.conflicts.all()] == ["words_refused"]


def test_a_video_that_waits_for_a_title_is_not_planned():
    plain, fixed = factories.ChannelFactory(), factories.ChannelFactory(title_template="Live {date:%d %B}")
    untitled, titled = factories.VideoFactory(title="\u200b"), factories.VideoFactory(title="")
    edit("video", titled, {"title": "Given"})
    made = wave([untitled, titled], [plain, fixed], dry_run=True, on_conflict="skip").plan
    assert [(c.rule, c.video_id, c.channel_id) for c in made.conflicts] == [
        ("title_missing", untitled.pk, plain.pk)
    ]
    assert {(p.video_id, p.channel_id) for p in made.placements} == {
        (untitled.pk, fixed.pk),
        (titled.pk, plain.pk),
        (titled.pk, fixed.pk),
    }
    with pytest.raises(PlanRefused, match="has no title yet"):
        wave([untitled], [plain])
    explained = door().explain(video_id=untitled.pk, channel_id=plain.pk)
    assert [rule.rule for rule in explained.rules if not rule.ok and rule.rule == "title"]


def test_a_template_that_cannot_be_filled_in_is_refused_wherever_a_channel_is_saved():
    channel = factories.ChannelFactory()
    channel.title_template, channel.tags = "{titel}", ["a,b"]
    with pytest.raises(ValidationError) as refused:
        channel.full_clean()
    assert set(refused.value.message_dict) == {"title_template", "tags"}


# -- many ----------------------------------------------------------------------------------------------------------


def test_many_are_edited_together_or_not_at_all():
    rows = [publication(name=f"Channel {n}") for n in range(3)]
    edits = [WordsEdit("publication", row.pk, {"title": f"Number {row.pk}"}) for row in rows]
    wrong = WordsEdit("publication", rows[1].pk, {"title": "a <b>"})
    with pytest.raises(InvalidRequest):
        door().edit_words(edits=[edits[0], wrong, edits[2]])
    assert not Distribution.objects.exclude(words={}).exists()
    result = door().edit_words(edits=edits)
    assert (len(result.changes), result.unchanged) == (3, 0)
    assert Activity.objects.filter(verb="words_changed").count() == 3
    again = door().edit_words(edits=edits)
    assert (len(again.changes), again.unchanged) == (0, 3)
    with pytest.raises(InvalidRequest, match="more than once"):
        door().edit_words(edits=[edits[0], edits[0]])
    with pytest.raises(NotFound):
        door().edit_words(edits=[WordsEdit("video", 999, {})])
    with pytest.raises(InvalidRequest, match="none of"):
        door().edit_words(edits=[WordsEdit("source", 1, {})])


def test_the_number_of_queries_does_not_grow_with_the_number_of_publications():
    rows = [publication(name=f"Channel {n}") for n in range(8)]

    def queries(count):
        with CaptureQueriesContext(
            connection,
        ) as taken:
            door().list_words(distribution_ids=[row.pk for row in rows[:count]])
        return len(taken)

    def edited(count, title):
        edits = [WordsEdit("publication", row.pk, {"title": title}) for row in rows[:count]]
        with CaptureQueriesContext(connection) as taken:
            door().edit_words(edits=edits)
        return len(taken)

    edited(1, "warm")
    assert queries(2) == queries(8) <= 4
    assert edited(2, "a") == edited(8, "b")


# -- tables --------------------------------------------------------------------------------------------------------


def table(distributions=(), videos=()):
    ids = [row.pk for row in distributions]
    return "".join(door().export_words(distribution_ids=ids, video_ids=[v.pk for v in videos]))


def test_a_table_goes_round_without_a_change():
    row = publication()
    edit(
        "video",
        row.video,
        {"title": "=1+1", "tags": ["a b", "c"], "embeddable": False, "fields": {"season": "-2"}},
    )
    edit("publication", row, {"description": 'two\nlines, "quoted"', "tags": [], "title": "'tis"})
    text = table([row], [row.video])
    assert "'=1+1" in text
    assert ",=1+1" not in text
    result = door().import_words(content=text.encode())
    assert (result.changes, result.unchanged) == ([], 2)
    assert "shown_title" in result.ignored_columns
    for separator in (";", "\t"):
        import csv
        import io

        out = io.StringIO()
        csv.writer(out, delimiter=separator).writerows(csv.reader(io.StringIO(text.lstrip("\ufeff"))))
        assert door().import_words(content=out.getvalue().encode("utf-8-sig")).unchanged == 2


def test_what_is_changed_in_a_table_is_changed_and_nothing_else():
    row = publication()
    edit("publication", row, {"licence": "creativeCommon", "description": "Kept."})
    content = (
        f'subject,id,title,tags,embeddable,licence,fields.season\npublication,{row.pk},New,"a, b",no,,3\n'
    )
    shown = door().import_words(content=content.encode(), dry_run=True)
    assert shown.changes[0].before["licence"] == "creativeCommon"
    assert said(row).licence == "creativeCommon"
    door().import_words(content=content.encode())
    row.refresh_from_db()
    assert row.words == {
        "title": "New",
        "description": "Kept.",
        "tags": ["a", "b"],
        "embeddable": False,
        "fields": {"season": "3"},
    }


@pytest.mark.parametrize(
    ("content", "where", "says"),
    [
        ("", "", "empty"),
        ("subject,id,title\n", "", "no rows"),
        ("id,title\n1,x\n", "line 1, column subject", "is missing"),
        ("subject,id,titel\nvideo,1,x\n", "line 1, column titel", "is no column"),
        ("subject,id,title,title\nvideo,1,x,y\n", "line 1, column title", "twice"),
        ("subject,id,title\nwave,1,x\n", "line 2, column subject", "neither"),
        ("subject,id,title\nvideo,one,x\n", "line 2, column id", "no id"),
        ("subject,id,title\nvideo,99999,x\n", "line 2, column id", "there is no video"),
        ("subject,id,title\nvideo,{pk},x,y\n", "line 2", "more cells"),
        ("subject,id,embeddable\nvideo,{pk},maybe\n", "line 2, column embeddable", "neither yes nor no"),
        (
            'subject,id,description,title\nvideo,{pk},"two\nlines",x\nvideo,{pk},y,z\n',
            "line 4, column id",
            "line 2",
        ),
        ("subject,id,title\n\nvideo,{pk},a <b>\n", "line 3, column title", "< or >"),
        ("subject,id,version,title\nvideo,{pk},abc,x\n", "line 2, column version", "changed since"),
        ('subject,id,title\nvideo,{pk},"open\n', "line 2", "cannot be read"),
    ],
)
def test_a_fault_in_a_table_is_named_by_line_and_column(content, where, says):
    video = factories.VideoFactory()
    with pytest.raises(InvalidRequest) as refused:
        door().import_words(content=content.replace("{pk}", str(video.pk)).encode())
    assert where in refused.value.message
    assert says in refused.value.message
    video.refresh_from_db()
    assert video.words == {}


def test_a_table_that_is_not_utf_8_is_refused():
    with pytest.raises(InvalidRequest, match=r"line 2.*UTF-8"):
        door().import_words(content="subject,id,title\nvideo,1,für\n".encode("latin-1"))


def test_more_rows_than_a_table_may_have_are_refused_by_number():
    rows = "".join(f"video,{n},x\n" for n in range(1, 10_002))
    with pytest.raises(InvalidRequest, match="more than 10,000 rows"):
        door().import_words(content=f"subject,id,title\n{rows}".encode())
