"""A film in a watched folder is taken once it has stopped growing, with what lies beside it, or it is refused whole."""

import io
import json
import os
import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone
from PIL import Image

from orchestration import media
from orchestration.engine import worker
from orchestration.errors import InvalidRequest, NotPermitted
from orchestration.media import folder
from orchestration.models import Activity, Attachment, Blocker, Job, Source, Video
from orchestration.pipeline import inbox
from orchestration.pipeline.scrape import absolute
from orchestration.queue import jobs as queue
from orchestration.register import tokens
from orchestration.states import JobState, SourceKind, VideoState
from tests import factories
from tests.engine_room import door
from tests.orchestration.api_client import ApiClient
from tests.orchestration.engine import running

pytest_plugins = ["tests.media_fixture"]
pytestmark = pytest.mark.django_db

SRT = "1\n00:00:00,000 --> 00:00:01,000\nGuten Abend\n"


@pytest.fixture
def place(tmp_path, settings) -> Path:
    """A folder that may be watched."""
    settings.HEADEND_DATA_DIR = tmp_path / "data"
    settings.HEADEND_INBOX = tmp_path / "data" / "inbox"
    settings.MEDIA_ROOT = tmp_path / "data" / "media"
    settings.HEADEND_INBOX_FOLDERS = [tmp_path / "films"]
    settings.HEADEND_INBOX_SECONDS = 0
    settings.MEDIA_ROOT.mkdir(parents=True)
    found = tmp_path / "films" / "team"
    found.mkdir(parents=True)
    running()
    return found


@pytest.fixture
def source(place) -> Source:
    row = door().add_folder_source(path=str(place), rights_basis="owned", language="de")
    Job.objects.all().delete()
    return row


def look(source: Source, times: int = 2) -> Job:
    """Look into the folder so often; the same job, while something there may still grow."""
    for _ in range(times):
        if not Job.objects.claimable().exists():
            door().scrape_source(source_id=source.pk)
        Job.objects.claimable().update(run_at=timezone.now())
        (job,) = queue.claim(fast=False, limit=1, holder="here")
        job = worker.run(job)
    job.refresh_from_db()
    source.refresh_from_db()
    return job


def below(root: Path) -> list[str]:
    """All files that people see there."""
    found = (path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())
    return sorted(name for name in found if not name.startswith(".headend"))


def refusal_of(place: Path, name: str) -> str:
    return (place / "refused" / f"{name}.txt").read_text()


# ----------------------------------------------------------------------------------------------------------- being taken


def test_a_film_is_taken_with_its_words_subtitles_and_picture(place, source, videos):
    film = videos.whole.read_bytes()
    (place / "film.mp4").write_bytes(film)
    (place / "film.yaml").write_text(
        "title: Der Hafen\ndescription: |\n  Ein Abend\n  am Wasser\ntags: [hafen, abend]\nlanguage: de-AT\n"
        "published_at: 2026-05-01T18:00:00+02:00\ncategory_id: 19\nmade_for_kids: false\nlicence: creativeCommon\n"
    )
    (place / "film.en.srt").write_text(SRT)
    (place / "film.vtt").write_text("WEBVTT\n\n00:00.000 --> 00:01.000\nServus\n")
    Image.new("RGB", (1280, 720), "navy").save(place / "film.jpg")
    assert look(source, times=1).state == JobState.WAITING, "one look tells nothing"
    assert Video.objects.count() == 0
    job = look(source, times=1)
    assert (job.state, job.result) == (JobState.SUCCEEDED, {"taken": 1, "known": 0, "refused": 0})

    video = Video.objects.get()
    assert (video.state, video.source, video.url) == (VideoState.SCRAPED, source, "")
    assert (video.title, video.description) == ("Der Hafen", "Ein Abend\nam Wasser")
    assert (video.tags, video.language) == (["hafen", "abend"], "de-AT")
    assert video.source_published_at.isoformat() == "2026-05-01T16:00:00+00:00"
    assert absolute(video.original_file).read_bytes() == film
    picture = Attachment.objects.get(kind="picture")
    subtitles = {row.language: row.pk for row in Attachment.objects.filter(kind="subtitles")}
    assert set(subtitles) == {"en", "de-AT"}
    assert video.words == {
        "category_id": "19",
        "made_for_kids": False,
        "licence": "creativeCommon",
        "picture": picture.pk,
        "subtitles": [subtitles["en"], subtitles["de-AT"]],
    }
    assert below(place) == [
        f"taken/{name}"
        for name in ("film.en.srt", "film.jpg", "film.mp4", "film.mp4.txt", "film.vtt", "film.yaml")
    ]
    assert (place / "taken" / "film.mp4").samefile(absolute(video.original_file)), "no byte of it lies twice"
    assert f"video {video.pk}" in (place / "taken" / "film.mp4.txt").read_text()
    entry = Activity.objects.get(verb="inbox_film_taken")
    assert entry.additional_data["members"] == {"video": [video.pk]}
    assert list((place / ".headend").iterdir()) == [place / ".headend" / "lock"]


def test_what_still_grows_is_left_alone_until_it_has_rested(place, source, videos, settings):
    settings.HEADEND_INBOX_SECONDS = 30
    film = videos.whole.read_bytes()
    with (place / "film.mp4").open("wb") as file:
        file.write(film[:9000])
    look(source)
    with (place / "film.mp4").open("ab") as file:
        file.write(film[9000:])
    job = look(source)
    assert (job.state, Video.objects.count()) == (JobState.WAITING, 0)
    assert "1 still growing" in job.error_message
    assert timedelta(seconds=20) < job.run_at - timezone.now() <= timedelta(seconds=30)
    seen = source.looked_at
    seen["film.mp4"]["since"] = (timezone.now() - timedelta(seconds=31)).isoformat()
    Source.objects.filter(pk=source.pk).update(looked_at=seen)
    look(source, times=1)
    assert Video.objects.get().size_bytes == len(film)


def test_a_sidecar_that_comes_meanwhile_makes_it_wait_again(place, source, videos):
    shutil.copy(videos.mute, place / "film.mp4")
    look(source, times=1)
    (place / "film.json").write_text('{"title": "Late"}')
    assert look(source, times=1).state == JobState.WAITING
    look(source, times=1)
    assert Video.objects.get().title == "Late"


def test_a_film_in_a_folder_below_keeps_its_place_and_hidden_and_half_ones_stay(place, source, videos):
    (place / "a" / "b").mkdir(parents=True)
    shutil.copy(videos.mute, place / "a" / "b" / "my_film.mp4")
    for name in (".hidden.mp4", "half.mp4.part", "~lock.mp4", "readme.txt"):
        shutil.copy(videos.mute, place / name)
    look(source)
    assert Video.objects.get().title == "my film"
    assert "taken/a/b/my_film.mp4" in below(place)
    assert {".hidden.mp4", "half.mp4.part", "~lock.mp4", "readme.txt"} <= set(below(place))
    shutil.copy(videos.whole, place / "a" / "b" / "my_film.mp4")
    look(source)
    assert "taken/a/b/2-my_film.mp4" in below(place), "nothing in taken is written over"


def test_without_keeping_the_film_only_lies_in_the_library(place, videos):
    source = door().add_folder_source(path=str(place), keep_files=False)
    shutil.copy(videos.mute, place / "film.mp4")
    look(source)
    assert below(place) == ["taken/film.mp4.txt"]


def test_the_same_content_again_is_known_and_brings_its_subtitles(place, source, videos):
    shutil.copy(videos.mute, place / "film.mp4")
    look(source)
    shutil.copy(videos.mute, place / "again.mp4")
    (place / "again.yaml").write_text("title: Another\ndescription: Now told\n")
    (place / "again.fr.srt").write_text(SRT)
    job = look(source)
    assert job.result == {"taken": 0, "known": 1, "refused": 0}
    video = Video.objects.get()
    assert (video.title, video.description) == ("film", "Now told")
    assert Attachment.objects.get().language == "fr"
    assert "another title already" in (place / "taken" / "again.mp4.txt").read_text()


# ---------------------------------------------------------------------------------------------------------- being refused


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("film.yaml", "title: [", "film.yaml: it is no YAML"),
        ("film.yaml", "title: a\ntitle: b\n", "it says title twice"),
        ("film.yaml", "a: &x [1]\nb: *x\n", "an alias"),
        ("film.yaml", "!!python/object/apply:os.system ['true']", "it is no YAML"),
        ("film.yaml", "just words", "it has to name fields"),
        ("film.yaml", "titel: x\n", "titel: there is no such field"),
        ("film.yaml", "title: ''\n", "film.yaml: title: it is empty"),
        ("film.yaml", "title: {a: b}\n", "title: it has to be text"),
        ("film.yaml", "language: no\n", "in quotes"),
        ("film.yaml", "language: klingon!\n", "language: it is no language"),
        ("film.yaml", "tags: 7\n", "tags: it has to be a list"),
        ("film.yaml", "published_at: yesterday\n", "published_at: it is not an ISO 8601 instant"),
        ("film.yaml", "category_id: '999'\n", "category_id"),
        ("film.yaml", "made_for_kids: perhaps\n", "made_for_kids"),
        ("film.yaml", "picture: other.jpg\n", "picture: put the file beside"),
        ("film.yaml", "title: " + "x" * 300_000, "at most"),
        ("film.yaml", b"title: \xff\xfe", "UTF-8"),
        ("film.json", '{"title": "x",}', "film.json: it is no JSON"),
        ("film.json", "[" * 100_000, "film.json: it"),
        ("film.de.srt", "no times here", "film.de.srt: "),
        ("film.png", b"no picture", "film.png"),
    ],
)
def test_what_lies_beside_it_is_refused_by_file_and_field(place, source, videos, name, content, said):
    shutil.copy(videos.mute, place / "film.mp4")
    (place / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    job = look(source)
    assert job.result["refused"] == 1
    assert said in refusal_of(place, "film.mp4")
    assert below(place) == sorted(f"refused/{each}" for each in ("film.mp4", "film.mp4.txt", name))
    assert (Video.objects.count(), Attachment.objects.count()) == (0, 0), "nothing half"
    assert said[:40] in Activity.objects.get(verb="inbox_film_refused").reason


def test_a_damaged_film_is_refused_and_does_not_keep_the_next_one_out(place, source, videos):
    (place / "a.mp4").write_bytes(videos.whole.read_bytes()[:3000])
    (place / "b.mp4").write_bytes(b"")
    shutil.copy(videos.mute, place / "c.mp4")
    job = look(source)
    assert job.result == {"taken": 1, "known": 0, "refused": 2}
    assert refusal_of(place, "a.mp4")
    assert refusal_of(place, "b.mp4")


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (("film.yaml", "film.json"), "more than one sidecar"),
        (("film.jpg", "film.png"), "more than one picture"),
        (("film.mov", "film.yaml"), "which of them is it for"),
    ],
)
def test_what_is_not_clear_is_refused(place, source, videos, files, said):
    for name in ("film.mp4", *files):
        shutil.copy(videos.mute, place / name)
    look(source)
    assert said in refusal_of(place, "film.mp4")


def test_subtitles_of_no_language_are_refused_where_the_source_has_none_either(place, videos):
    source = door().add_folder_source(path=str(place))
    shutil.copy(videos.mute, place / "film.mp4")
    (place / "film.srt").write_text(SRT)
    look(source)
    assert "film.srt: in which language is it" in refusal_of(place, "film.mp4")


# -------------------------------------------------------------------------------------------------------- links and faults


def test_no_link_is_followed(place, source, videos, tmp_path):
    secret = tmp_path / "secret.mp4"
    shutil.copy(videos.mute, secret)
    other = tmp_path / "other"
    other.mkdir()
    shutil.copy(videos.mute, other / "film.mp4")
    (place / "link.mp4").symlink_to(secret)
    (place / "door").symlink_to(other)
    look(source, times=3)
    assert Video.objects.count() == 0
    assert secret.exists()
    assert (other / "film.mp4").exists()


@pytest.mark.parametrize("what", ["the film", "its folder"])
def test_what_becomes_a_link_between_the_look_and_the_taking_is_not_followed(
    place, source, videos, tmp_path, what
):
    other = tmp_path / "other"
    other.mkdir()
    shutil.copy(videos.whole, other / "film.mp4")
    (place / "a").mkdir()
    shutil.copy(videos.mute, place / "a" / "film.mp4")
    with folder.Folder(place) as watched:
        (film,) = watched.films()
        if what == "the film":
            (place / "a" / "film.mp4").unlink()
            (place / "a" / "film.mp4").symlink_to(other / "film.mp4")
        else:
            shutil.rmtree(place / "a")
            (place / "a").symlink_to(other)
        assert watched.claim(film) is None
    assert (other / "film.mp4").exists()
    assert not list((place / ".headend").glob("*/film.mp4"))


def test_taken_that_is_a_link_is_not_written_through(place, source, videos, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (place / "taken").symlink_to(other)
    shutil.copy(videos.mute, place / "film.mp4")
    job = look(source)
    assert (job.state, list(other.iterdir())) == (JobState.WAITING, [])
    assert Blocker.objects.open().get().code == "folder_unusable"
    (place / "taken").unlink()
    Job.objects.update(blocked_on=None)
    look(source, times=1)
    assert "taken/film.mp4" in below(place)
    assert Video.objects.count() == 1


def test_two_looks_at_once_take_nothing_twice(place, source):
    with folder.Folder(place), pytest.raises(folder.FolderBusy), folder.Folder(place):
        pass
    with folder.Folder(place):
        pass


@pytest.mark.parametrize("moment", ["claimed", "second name", "taken", "described", "half claimed"])
def test_a_crash_loses_nothing_and_takes_nothing_twice(place, source, videos, monkeypatch, moment):
    shutil.copy(videos.mute, place / "film.mp4")
    (place / "film.en.srt").write_text(SRT)
    (place / "film.yaml").write_text("title: Whole\ntags: a, b\n")

    class Crash(BaseException):
        pass

    def crash(*_, **__):
        raise Crash

    target, name = {
        "claimed": (inbox.media, "probe"),
        "second name": (inbox, "take"),
        "taken": (inbox, "_describe"),
        "described": (folder.Folder, "set_aside"),
        "half claimed": (os, "rename"),
    }[moment]
    look(source, times=1)
    with monkeypatch.context() as patch:
        if moment == "half claimed":
            real, done = os.rename, []

            def one_then_crash(*args, **kwargs):
                if done:
                    raise Crash
                done.append(real(*args, **kwargs))

            patch.setattr(os, "rename", one_then_crash)
        else:
            patch.setattr(target, name, crash)
        with pytest.raises(Crash):
            look(source, times=1)
    Job.objects.all().delete()
    look(source, times=3)
    video = Video.objects.get()
    assert (video.title, video.tags) == ("Whole", ["a", "b"])
    assert Attachment.objects.get().language == "en"
    assert below(place) == [f"taken/film.{end}" for end in ("en.srt", "mp4", "mp4.txt", "yaml")]
    assert not [path for path in (place / ".headend").iterdir() if path.is_dir()]


def test_a_full_disk_waits_and_refuses_nothing(place, source, videos, monkeypatch):
    shutil.copy(videos.mute, place / "film.mp4")

    def full(*_, **__):
        raise media.StorageFull("The disk is full.")

    with monkeypatch.context() as patch:
        patch.setattr(inbox, "take", full)
        assert look(source).state == JobState.WAITING
    assert Blocker.objects.open().get().code == "storage_full"
    Job.objects.update(blocked_on=None)
    look(source, times=1)
    assert Video.objects.count() == 1


def test_a_folder_that_is_gone_waits_by_its_name(place, source, videos):
    shutil.rmtree(place)
    look(source, times=1)
    row = Blocker.objects.open().get()
    assert (row.code, row.source) == ("folder_unusable", source)
    place.mkdir()
    Job.objects.update(blocked_on=None)
    assert look(source, times=1).state == JobState.SUCCEEDED


def test_a_thousand_growing_files_are_looked_at_without_a_query_each(
    place, source, django_assert_max_num_queries
):
    for number in range(1000):
        (place / f"{number}.mp4").write_bytes(b"x")
    door().scrape_source(source_id=source.pk)
    (job,) = queue.claim(fast=False, limit=1, holder="here")
    with django_assert_max_num_queries(40):
        worker.run(job)
    source.refresh_from_db()
    assert len(source.looked_at) == inbox.MOST_FOLLOWED


# -------------------------------------------------------------------------------------------------------------- the doors


def test_without_a_path_it_is_the_inbox_of_the_data_folder(place, settings):
    source = door().add_folder_source()
    assert (source.kind, source.name) == (SourceKind.FOLDER, "Inbox")
    assert settings.HEADEND_INBOX.is_dir()
    assert Job.objects.get().source == source
    with pytest.raises(NotPermitted):
        door("read").add_folder_source()


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("films/team", "not a whole path"),
        ("{root}/elsewhere", "HEADEND_INBOX_FOLDERS"),
        ("{root}/films/../elsewhere", ".."),
        ("{root}/films/none", "no folder"),
        ("{root}/films/link", "by a link"),
        ("{root}/data/media", "Headend's own"),
        ("{root}", "Headend's own"),
        ("{root}/films/team/sub", "watched already"),
        ("{root}/films", "watched already"),
        ("a\x00b", "NUL"),
    ],
)
def test_what_may_not_be_watched_is_refused_by_its_reason(place, source, tmp_path, path, said):
    (tmp_path / "elsewhere").mkdir()
    (place / "sub").mkdir()
    (tmp_path / "films" / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InvalidRequest, match=said.replace(".", r"\.")) as refused:
        door().add_folder_source(path=path.format(root=tmp_path))
    assert refused.value.field == "path"
    assert Source.objects.count() == 1


def test_api_command_and_page_watch_a_folder(place, tmp_path):
    for name in ("one", "two", "three"):
        (tmp_path / "films" / name).mkdir()
    api = ApiClient(tokens.issue("olga", "admin")[1])
    made = api.post("sources/folders", {"path": str(tmp_path / "films" / "one"), "rights_basis": "owned"})
    assert made.status_code == 201, made.content
    assert made.json()["place"] == {"path": str(tmp_path / "films" / "one"), "keep": True}
    assert made.json()["kind"] == "folder"
    refused = api.post("sources/folders", {"path": "/etc"})
    assert (refused.status_code, refused.json()["field"]) == (422, "path")
    assert api.post("sources/folders", {"language": "!"}).json()["field"] == "language"

    out = io.StringIO()
    path = str(tmp_path / "films" / "two")
    call_command("orchestration", "source-add-folder", path, "--rights", "owned", "--no-keep", stdout=out)
    assert f"It watches {path}." in out.getvalue()
    assert Source.objects.get(name="two").place["keep"] is False

    browser = Client()
    browser.force_login(factories.UserFactory(operator=True))
    typed = {"path": str(tmp_path / "films" / "three"), "rights_basis": "owned", "keep_files": "on"}
    assert "is watched" in browser.post("/sources/add-folder/", typed, follow=True).content.decode()
    row = Source.objects.get(name="three")
    for page in ("/sources/", f"/sources/{row.pk}/"):
        assert row.place["path"] in browser.get(page).content.decode()
    admin = Client()
    admin.force_login(factories.UserFactory(admin=True))
    assert admin.get(f"/admin/orchestration/source/{row.pk}/change/").status_code == 200
    assert json.dumps(row.place)


def test_a_missing_ffmpeg_is_said_and_refuses_no_film(place, source, videos, settings):
    settings.HEADEND_FFMPEG = "/nowhere/ffmpeg"
    shutil.copy(videos.mute, place / "film.mp4")
    job = look(source)
    assert "/nowhere/ffmpeg" in f"{job.error_message}{job.waits_for}{source.last_error}"
    assert not (place / folder.REFUSED).exists()
