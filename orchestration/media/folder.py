"""Look into a watched folder, and take a film out of it with what belongs to it: sidecar, subtitles, picture.

Others write there, too, so nothing is followed: each folder on the way is opened without following links, from the watched
one down, and what is taken is moved into a place of ours (`.headend`) before it is read. Knows no model and no settings.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import re
import shutil
import stat
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from .errors import MediaError
from .files import storage_error

OURS, TAKEN, REFUSED = ".headend", "taken", "refused"
NOTE = "film.json"
DEEPEST = 8
MOST_FILES = 20_000
FILMS = frozenset(
    {
        *("3gp", "avi", "flv", "m2ts", "m4v", "mkv", "mov", "mp4", "mpeg", "mpg"),
        *("mts", "mxf", "ogm", "ogv", "qt", "ts", "vob", "webm", "wmv"),
    }
)
SIDECARS, SUBTITLES = frozenset({"yaml", "yml", "json"}), frozenset({"srt", "vtt"})
PICTURES = frozenset({"jpg", "jpeg", "png"})
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*")
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC

Fact = list[str | int]


class FolderUnusable(MediaError):
    """A watched folder is not there, is not one, or may not be read and written by Headend."""

    code = "folder_unusable"
    again = "blocked"


class FolderBusy(MediaError):
    """Another look at the folder is under way."""

    code = "folder_busy"
    again = "again"


@dataclass(frozen=True, slots=True)
class Film:
    """One film in the folder with what belongs to it: names in its own folder, and the facts that tell whether it grows."""

    folder: tuple[str, ...]
    name: str
    extras: tuple[str, ...]
    facts: tuple[tuple[str, int, int], ...]
    """Of each file its name, its size in bytes, and when it was last written, in nanoseconds."""
    fault: str = ""

    @property
    def key(self) -> str:
        """Return its path below the watched folder."""
        return "/".join((*self.folder, self.name))


@dataclass(frozen=True, slots=True)
class Claimed:
    """A film that lies in a place of ours, with what belongs to it; `kept` is its second name for `taken/`, once made."""

    place: Path
    folder: tuple[str, ...]
    name: str
    extras: tuple[str, ...]
    fault: str = ""

    @property
    def path(self) -> Path:
        """Return where the film lies."""
        return self.place / self.name

    @property
    def kept(self) -> Path:
        """Return where its second name lies."""
        return self.place / f".kept-{self.name}"

    @property
    def key(self) -> str:
        """Return the path below the watched folder that it had."""
        return "/".join((*self.folder, self.name))

    def beside(self, endings: frozenset[str]) -> list[str]:
        """Return what belongs to it and has one of these endings."""
        return [name for name in self.extras if _ending(name) in endings]


class Folder:
    """A watched folder, held open and locked against a second look."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._held = contextlib.ExitStack()

    def __enter__(self) -> Folder:
        try:
            self._begin()
        except BaseException as error:
            self._held.close()
            if isinstance(error, BlockingIOError):
                raise FolderBusy(f"{self.root} is being looked at already.") from error
            if isinstance(error, OSError):
                named = storage_error(error)
                if named is not error:
                    raise named from error
                raise FolderUnusable(f"{self.root} cannot be used: {error.strerror}.") from error
            raise
        return self

    def _begin(self) -> None:
        self._fd = os.open(self.root, _DIRECTORY)
        self._held.callback(os.close, self._fd)
        ours = self._open((OURS,), make=True)
        if os.fstat(ours).st_uid != os.geteuid():
            raise FolderUnusable(f"{self.root / OURS} belongs to somebody else.")
        os.fchmod(ours, 0o700)
        lock = os.open("lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=ours)
        self._held.callback(os.close, lock)
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def __exit__(self, *_: object) -> None:
        self._held.close()

    def _open(self, parts: tuple[str, ...], *, make: bool = False) -> int:
        """Open a folder below, one part after the other, following no link; held open until the end."""
        descriptor = self._fd
        for part in parts:
            if make:
                with contextlib.suppress(FileExistsError):
                    os.mkdir(part, 0o755, dir_fd=descriptor)
            descriptor = os.open(part, _DIRECTORY, dir_fd=descriptor)
            self._held.callback(os.close, descriptor)
        return descriptor

    # --- looking -------------------------------------------------------------------------------------------------

    def films(self) -> list[Film]:
        """Return the films that lie there, by name; hidden files, what is half copied, and `taken` and `refused` are not."""
        found: list[Film] = []
        seen = 0
        for parts, files in self._walk():
            seen += len(files)
            if seen > MOST_FILES:
                raise FolderUnusable(f"{self.root} holds more than {MOST_FILES} files; take some out.")
            found += _grouped(parts, files)
        return sorted(found, key=lambda film: film.key)

    def _walk(self) -> Iterator[tuple[tuple[str, ...], dict[str, tuple[int, int]]]]:
        for path, folders, names, descriptor in os.fwalk(".", dir_fd=self._fd, follow_symlinks=False):
            parts = tuple(part for part in Path(path).parts if part not in ("", "."))
            folders[:] = sorted(
                name
                for name in folders
                if not name.startswith(".")
                and (parts or name not in (TAKEN, REFUSED))
                and len(parts) < DEEPEST
            )
            files = {}
            for name in names:
                with contextlib.suppress(FileNotFoundError, UnicodeEncodeError):
                    name.encode()
                    facts = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
                    if stat.S_ISREG(facts.st_mode) and not name.startswith((".", "~")):
                        files[name] = (facts.st_size, facts.st_mtime_ns)
            yield parts, files

    # --- taking --------------------------------------------------------------------------------------------------

    def claim(self, film: Film) -> Claimed | None:
        """Move a film and what belongs to it into a place of ours; None, if it is gone or is no file any more."""
        claimed = Claimed(
            self.root / OURS / uuid.uuid4().hex[:12], film.folder, film.name, film.extras, film.fault
        )
        claimed.place.mkdir(mode=0o700)
        note = {"folder": film.folder, "name": film.name, "extras": film.extras, "fault": film.fault}
        (claimed.place / NOTE).write_text(json.dumps(note), encoding="utf-8")
        try:
            here, there = self._open(film.folder), os.open(claimed.place, _DIRECTORY)
            try:
                for name in (*film.extras, film.name):  # the film last: whatever has its film is whole
                    os.rename(name, name, src_dir_fd=here, dst_dir_fd=there)
                    facts = os.stat(name, dir_fd=there, follow_symlinks=False)
                    is_as_seen = (name, facts.st_size, facts.st_mtime_ns) in film.facts
                    if not stat.S_ISREG(facts.st_mode) or not is_as_seen:  # it was written to meanwhile
                        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), name)
            finally:
                os.close(there)
        except OSError as error:
            self.put_back(claimed)
            if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
                return None
            raise FolderUnusable(
                f"{film.key} cannot be moved out of {self.root}: {error.strerror}."
            ) from error
        return claimed

    def left_over(self) -> list[Claimed]:
        """Return what an earlier look claimed and could not finish; what it had begun to claim goes back."""
        found = []
        for place in sorted((self.root / OURS).iterdir()):
            if not place.is_dir() or place.is_symlink():
                continue
            try:
                note = json.loads((place / NOTE).read_text("utf-8"))
                claimed = Claimed(
                    place, tuple(note["folder"]), note["name"], tuple(note["extras"]), note["fault"]
                )
            except (OSError, ValueError, KeyError):
                with contextlib.suppress(OSError):
                    place.rmdir()
                continue
            if not claimed.path.exists() and claimed.kept.exists():
                claimed.kept.replace(claimed.path)
            if claimed.path.exists():
                found.append(claimed)
            else:
                self.put_back(claimed)
        return found

    def put_back(self, claimed: Claimed) -> None:
        """Let everything of a film lie where it lay; where that is gone, in the watched folder itself."""
        try:
            self._open(claimed.folder)
        except OSError:
            claimed = replace(claimed, folder=())
        self._move(claimed, claimed.folder, (*claimed.extras, claimed.name))

    def set_aside(self, claimed: Claimed, where: str, text: str) -> str:
        """Move what is left of a film to `taken` or `refused`, with a text beside it; returns the path of the film there."""
        if claimed.kept.exists():
            claimed.kept.replace(claimed.path)
        note = f"{claimed.name}.txt"
        (claimed.place / note).write_text(text.rstrip() + "\n", encoding="utf-8")
        return self._move(claimed, (where, *claimed.folder), (*claimed.extras, claimed.name, note))

    def _move(self, claimed: Claimed, parts: tuple[str, ...], names: tuple[str, ...]) -> str:
        names = tuple(name for name in names if os.path.lexists(claimed.place / name))
        try:
            there, here = self._open(parts, make=True), os.open(claimed.place, _DIRECTORY)
        except OSError as error:
            raise FolderUnusable(f"{self.root.joinpath(*parts)} cannot be used: {error.strerror}.") from error
        try:
            prefix = _free_prefix(there, names)
            for name in names:
                os.rename(name, prefix + name, src_dir_fd=here, dst_dir_fd=there)
        except OSError as error:
            raise FolderUnusable(f"{claimed.key} cannot be moved: {error.strerror}.") from error
        finally:
            os.close(here)
        shutil.rmtree(claimed.place, ignore_errors=True)
        return "/".join((*parts, prefix + claimed.name))


def keep_second_name(claimed: Claimed) -> None:
    """Give a film a second name, or a copy where the disk knows none, to lie in `taken` by. Raises: StorageFull."""
    try:
        with contextlib.suppress(FileExistsError):
            try:
                os.link(claimed.path, claimed.kept, follow_symlinks=False)
            except FileExistsError:
                raise
            except OSError:
                shutil.copy2(claimed.path, claimed.kept)
                return
        with contextlib.suppress(OSError):
            claimed.kept.chmod(
                0o444
            )  # the library's file is the same one: nobody is to write into it by this name
    except OSError as error:
        raise storage_error(error) from error


def _free_prefix(folder: int, names: tuple[str, ...]) -> str:
    """Return what to put before names so that none of them is there already."""
    there = set(os.listdir(folder))
    number, prefix = 1, ""
    while any(prefix + name in there for name in names):
        number += 1
        prefix = f"{number}-"
    return prefix


def _grouped(parts: tuple[str, ...], files: dict[str, tuple[int, int]]) -> Iterator[Film]:
    """Yield the films of one folder, each with the files that bear its name."""
    films = {name: Path(name).stem for name in files if _ending(name) in FILMS}
    extras: dict[str, list[str]] = {name: [] for name in films}
    for name in sorted(files):
        if name in films or (stem := _stem_of_extra(name)) is None:
            continue
        stems = [film for film, own in films.items() if stem in (own, film) or _is_subtitle_of(own, name)]
        longest = max((len(films[film]) for film in stems), default=0)
        for film in stems:
            if len(films[film]) == longest:
                extras[film].append(name)
    for name, stem in films.items():
        mine = extras[name]
        twins = [other for other, own in films.items() if own == stem and other != name]
        fault = ""
        if twins and mine:
            fault = f"{mine[0]} stands beside {name} and {twins[0]}: which of them is it for? Give them different names."
            mine = []
        elif len([extra for extra in mine if _ending(extra) in SIDECARS]) > 1:
            fault = f"It has more than one sidecar: {', '.join(mine)}."
        elif len([extra for extra in mine if _ending(extra) in PICTURES]) > 1:
            fault = f"It has more than one picture: {', '.join(mine)}."
        facts = tuple((each, *files[each]) for each in (name, *mine))
        yield Film(parts, name, tuple(mine), facts, fault)


def _ending(name: str) -> str:
    return Path(name).suffix.lower().removeprefix(".")


def _stem_of_extra(name: str) -> str | None:
    return Path(name).stem if _ending(name) in SIDECARS | SUBTITLES | PICTURES else None


def _is_subtitle_of(stem: str, name: str) -> bool:
    return _ending(name) in SUBTITLES and bool(language_in(stem, name))


def language_in(stem: str, name: str) -> str:
    """Return the language that stands in the name of subtitles: `de` of `film.de.vtt`; empty where none does."""
    own = Path(name).stem
    word = own.removeprefix(stem + ".") if own.startswith(stem + ".") else ""
    return word.replace("_", "-") if _LANGUAGE.fullmatch(word) else ""
