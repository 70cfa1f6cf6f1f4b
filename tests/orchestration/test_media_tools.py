"""Which ffmpeg is used, and what is said when there is none that will do."""

import os
import stat
from pathlib import Path

import pytest

from orchestration.media import ToolMissing, ffmpeg_tool
from orchestration.media import tools as media_tools


@pytest.fixture(autouse=True)
def nothing_remembered():
    ffmpeg_tool.cache_clear()
    yield
    ffmpeg_tool.cache_clear()


def _program(path, text):
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def test_an_ffmpeg_is_found_and_says_what_it_is():
    tool = ffmpeg_tool()
    assert Path(tool.path).is_absolute()
    assert tool.version
    assert tool.origin in ("system", "wheel")
    assert ffmpeg_tool() is tool


def test_the_configured_ffmpeg_wins():
    path = ffmpeg_tool().path
    assert ffmpeg_tool(path).origin == "environment"
    assert ffmpeg_tool(path).path == path


def test_a_configured_ffmpeg_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ToolMissing, match="HEADEND_FFMPEG"):
        ffmpeg_tool(str(tmp_path / "no-ffmpeg"))


def test_a_configured_program_that_is_no_ffmpeg_is_refused(tmp_path):
    with pytest.raises(ToolMissing, match="is not an ffmpeg"):
        ffmpeg_tool(_program(tmp_path / "ffmpeg", "echo hello"))


def test_a_configured_program_that_fails_is_refused(tmp_path):
    with pytest.raises(ToolMissing, match="cannot be run"):
        ffmpeg_tool(_program(tmp_path / "ffmpeg", "exit 3"))


def test_a_machine_ffmpeg_without_the_encoder_is_passed_over_for_the_wheels(tmp_path, monkeypatch):
    poor = 'case "$2" in -version) echo "ffmpeg version 4.0";; *) echo " V..... mpeg4 x";; esac'
    _program(tmp_path / "ffmpeg", poor)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert ffmpeg_tool().origin == "wheel"
    with pytest.raises(ToolMissing, match=r"\(version 4\.0\) lacks libx264, aac, mjpeg"):
        ffmpeg_tool("ffmpeg")


def test_a_machine_ffmpeg_that_can_do_it_all_is_preferred(tmp_path, monkeypatch):
    (tmp_path / "ffmpeg").symlink_to(ffmpeg_tool().path)
    ffmpeg_tool.cache_clear()
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert ffmpeg_tool().origin == "system"


def test_without_any_ffmpeg_the_error_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(media_tools, "_wheel_path", lambda: None)
    with pytest.raises(ToolMissing, match="Install ffmpeg, or set HEADEND_FFMPEG"):
        ffmpeg_tool()
