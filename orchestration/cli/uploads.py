"""`upload`: bring files and folders of this machine into the library."""

import argparse
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from ninja import Schema

from orchestration.cli import arguments
from orchestration.cli.command import Command, Options, Service
from orchestration.errors import InvalidRequest, OrchestrationError
from orchestration.media.files import FILM_ENDINGS
from orchestration.states import RightsBasis


class UploadedOut(Schema):
    """A file that was given, and what became of it."""

    path: str
    video_id: int | None
    is_new: bool | None
    error: str


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "paths", nargs="+", metavar="FILE", help="files, or folders whose films are all taken"
    )
    parser.add_argument("--source", type=arguments.row_id, help="id of the source of uploads that they go to")
    parser.add_argument("--name", default="", help="instead: name of a new source of uploads")
    parser.add_argument(
        "--rights", default="", choices=[v for v in RightsBasis.values if v], help="its rights basis"
    )
    parser.add_argument("--rights-note", default="", help="what the rights basis rests on")


def films(paths: Iterable[str]) -> Iterator[Path]:
    """Yield the files that are named, and the films in the folders that are, by name. Raises: InvalidRequest."""
    for text in paths:
        path = Path(text).expanduser().resolve()
        if path.is_dir():
            inside = (one for one in path.rglob("*") if one.is_file() and not one.is_symlink())
            yield from sorted(
                one for one in inside if one.suffix.lower() in FILM_ENDINGS and not one.name.startswith(".")
            )
        elif path.is_file():
            yield path
        else:
            raise InvalidRequest(f"There is no file {text}.", field="paths")


def _upload(service: Service, options: Options) -> list[UploadedOut]:
    """Copy each file in; one that is refused does not keep the others out."""
    found = list(films(options.paths))
    if not found:
        raise InvalidRequest("No film was found there.", field="paths")
    if bool(options.source) == bool(options.name):
        raise InvalidRequest("Name a source of uploads by --source, or a new one by --name.", field="source")
    source_id = (
        options.source
        or service.add_upload_source(
            name=options.name, rights_basis=options.rights, rights_note=options.rights_note
        ).pk
    )
    done = []
    for path in found:
        try:
            taken = service.take_file(path=path, source_id=source_id, on_progress=_progress(path))
            done.append(UploadedOut(path=str(path), video_id=taken.video.pk, is_new=taken.is_new, error=""))
        except OrchestrationError as error:
            if error.field == "source_id":
                raise
            done.append(UploadedOut(path=str(path), video_id=None, is_new=None, error=error.message))
    if all(one.error for one in done):
        raise InvalidRequest("; ".join(one.error for one in done[:5]), field="paths")
    return done


def _progress(path: Path):
    size, told = path.stat().st_size, [-1]

    def tell(copied: int) -> None:
        percent = 100 * copied // max(size, 1)
        if sys.stderr.isatty() and percent != told[0]:
            told[0] = percent
            print(
                f"\r{path.name}: {percent} %", end="\n" if percent == 100 else "", file=sys.stderr, flush=True
            )

    return tell


def _text(done: list[UploadedOut]) -> list[str]:
    return [
        f"{one.path}: {one.error}"
        if one.error
        else f"{one.path}: video {one.video_id}{'' if one.is_new else ', which was here already'}"
        for one in done
    ]


UPLOADS = (
    Command(
        "upload", "bring films of this machine into the library", _upload, list[UploadedOut], _text, _options
    ),
)
