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
    assert (tool.origin, tool.is_tested, tool.warning) == ("wheel", True, "")
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


def test_a_machines_ffmpeg_is_passed_by_unless_it_is_named(tmp_path, monkeypatch):
    (tmp_path / "ffmpeg").symlink_to(ffmpeg_tool().path)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(tmp_path / "ffmpeg"))
    ffmpeg_tool.cache_clear()
    assert ffmpeg_tool().origin == "wheel"
    tool = ffmpeg_tool("system")
    assert (tool.origin, tool.path) == ("system", str(tmp_path / "ffmpeg"))
    assert not tool.is_tested
    assert "not the one that Headend is tested with" in tool.warning
    assert ffmpeg_tool(str(tmp_path / "ffmpeg")).warning == tool.warning


def test_a_machine_without_an_ffmpeg_of_its_own_says_so_when_it_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolMissing, match="HEADEND_FFMPEG says system"):
        ffmpeg_tool("system")


def test_what_a_named_ffmpeg_lacks_is_said(tmp_path):
    poor = 'case "$2" in -version) echo "ffmpeg version 4.0";; *) echo " V..... mpeg4 x";; esac'
    with pytest.raises(ToolMissing, match=r"\(version 4\.0\) lacks libx264, aac, mjpeg"):
        ffmpeg_tool(_program(tmp_path / "ffmpeg", poor))


def test_without_any_ffmpeg_the_error_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(media_tools, "_wheel_path", lambda: None)
    with pytest.raises(ToolMissing, match="Install ffmpeg, and set HEADEND_FFMPEG"):
        ffmpeg_tool()
