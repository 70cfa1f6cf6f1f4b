"""Log files of the children: small, and their warnings on the console."""

import errno
import os
from pathlib import Path

from config.supervisor import log_files
from config.supervisor.log_files import Warnings, keep_small


def test_a_large_file_is_emptied_under_its_writer_and_kept_beside(tmp_path: Path) -> None:
    path = tmp_path / "web.log"
    with path.open("ab", buffering=0) as writer:
        writer.write(b"x" * 100)
        keep_small([path, tmp_path / "absent.log"], largest_bytes=99)
        writer.write(b"goes on")
    assert path.read_bytes() == b"goes on"
    assert (tmp_path / "web.log.1").stat().st_size == 100


def test_a_full_disk_costs_the_copy_and_not_the_supervisor(tmp_path: Path, monkeypatch) -> None:
    path = tmp_path / "web.log"
    path.write_bytes(b"x" * 100)

    def fill_the_disk(_: Path, copy: Path) -> None:
        copy.write_bytes(b"x" * 10)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(copy))

    monkeypatch.setattr(log_files.shutil, "copyfile", fill_the_disk)
    keep_small([path], largest_bytes=99)
    assert [file.name for file in tmp_path.iterdir()] == ["web.log"]
    assert path.read_bytes() == b""


def test_new_warnings_are_read_once_and_tracebacks_stay_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "headend.log"
    path.write_text("2026-01-01T00:00:00Z WARNING old\n")
    warnings = Warnings(path)
    assert list(warnings.new_lines()) == []
    with path.open("a") as file:
        file.write("2026-01-02T00:00:00Z ERROR new\nTraceback (most recent call last):\n  File ...\n")
        file.write("2026-01-02T00:00:01Z WARNING unfin")
        file.flush()
        assert list(warnings.new_lines()) == ["2026-01-02T00:00:00Z ERROR new"]
        file.write("ished\n")
    assert list(warnings.new_lines()) == ["2026-01-02T00:00:01Z WARNING unfinished"]
    assert list(warnings.new_lines()) == []


def test_a_file_that_comes_later_or_is_rotated_away_is_read_from_its_start(tmp_path: Path) -> None:
    path = tmp_path / "headend.log"
    warnings = Warnings(path)
    assert list(warnings.new_lines()) == []
    path.write_text("2026-01-01T00:00:00Z WARNING first, and long\n")
    assert len(list(warnings.new_lines())) == 1
    path.write_text("")
    assert list(warnings.new_lines()) == []
    path.write_text('{"at": "2026-01-01", "level": "WARNING"}\n')
    assert len(list(warnings.new_lines())) == 1


def test_a_flood_of_warnings_is_cut_short(tmp_path: Path) -> None:
    path = tmp_path / "headend.log"
    warnings = Warnings(path)
    path.write_text("2026-01-01T00:00:00Z WARNING again\n" * 50)
    lines = list(warnings.new_lines())
    assert len(lines) == log_files.MAX_LINES_AT_ONCE + 1
    assert lines[-1] == f"... and 30 more in {path}"
