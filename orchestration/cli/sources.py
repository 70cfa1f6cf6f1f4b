"""List the commands about other ways in. No secret stands on a command line, where every user of a machine sees it."""

import argparse
import sys
from pathlib import Path
from typing import Any

from orchestration.api.schemas import library
from orchestration.cli import arguments, text
from orchestration.cli.command import Command, Options, Service, decision, given
from orchestration.errors import InvalidRequest
from orchestration.states import RightsBasis

MOST_BYTES = 256 * 1024


def read_secret(name: str, place: str | None) -> str:
    """Return what a file holds, or the standard input where `-` stands for it; its last line end is dropped."""
    if place is None:
        return ""
    try:
        if place == "-":
            found = sys.stdin.read(MOST_BYTES + 1)
        else:
            with Path(place).open(encoding="utf-8") as file:
                found = file.read(MOST_BYTES + 1)
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise InvalidRequest(f"{place} cannot be read: {why}.", field=name) from error
    if len(found) > MOST_BYTES:
        raise InvalidRequest(f"{place} is longer than {MOST_BYTES} characters.", field=name)
    return found.rstrip("\r\n")


def _access_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", type=arguments.row_id, help="id of the source")
    parser.add_argument("--username", default="")
    for name, what in (
        ("password", "the password"),
        ("cookies", "a line of cookies, or a cookie file of the Netscape form"),
        ("headers", "headers, one `Name: value` a line"),
    ):
        parser.add_argument(
            f"--{name}", metavar="FILE", help=f"file that holds {what}; - reads the standard input"
        )
    parser.add_argument(
        "--host",
        dest="hosts",
        nargs="+",
        default=[],
        metavar="HOST",
        help="further hosts that it may be sent to; without it only the source's own",
    )
    arguments.add_decision(parser)


def _set_access(service: Service, options: Options) -> Any:
    if [options.password, options.cookies, options.headers].count("-") > 1:
        raise InvalidRequest("The standard input can be read for one of them only.", field="password")
    body = library.NewSourceAccess(
        password=read_secret("password", options.password),
        cookies=read_secret("cookies", options.cookies),
        headers=read_secret("headers", options.headers).splitlines(),
        **given(options, "username", "hosts"),
    )
    return service.set_source_access(source_id=options.id, **body.model_dump() | decision(options))


def _on_source(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", type=arguments.row_id, help="id of the source")
    arguments.add_decision(parser)


def _rights_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--name", default="")
    parser.add_argument(
        "--rights",
        dest="rights_basis",
        choices=[value for value in RightsBasis.values if value],
        default="",
        help="why its videos may be published; without it none is",
    )
    parser.add_argument("--rights-note", default="", help="contract, licence or attribution")
    parser.add_argument("--language", default="", help="of films and subtitles that do not say")


def _folder_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "path", nargs="?", default="", help="below HEADEND_INBOX_FOLDERS; without it inbox in the data folder"
    )
    _rights_options(parser)
    parser.add_argument(
        "--no-keep",
        dest="keep_files",
        action="store_false",
        help="do not let films also lie in `taken` afterwards",
    )


def _add_folder(service: Service, options: Options) -> Any:
    names = ("path", "name", "rights_basis", "rights_note", "language", "keep_files")
    return service.add_folder_source(**library.NewFolder(**given(options, *names)).model_dump())


def _key_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--access-key", default="", metavar="ID")
    parser.add_argument(
        "--secret-key", metavar="FILE", help="file that holds the secret key; - reads the standard input"
    )


def _storage_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("endpoint", help="such as https://s3.eu-central-1.amazonaws.com")
    parser.add_argument("bucket")
    parser.add_argument("--region", default="", help="such as eu-central-1; without it the storage is asked")
    parser.add_argument("--prefix", default="", help="only what begins with it, such as ready/")
    _key_options(parser)
    _rights_options(parser)


def _add_storage(service: Service, options: Options) -> Any:
    names = ("endpoint", "bucket", "region", "prefix", "access_key")
    rights = ("name", "rights_basis", "rights_note", "language")
    secret = read_secret("secret_key", options.secret_key)
    body = library.NewStorage(secret_key=secret, **given(options, *names, *rights))
    return service.add_storage_source(**body.model_dump())


def _keys_of_source(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", type=arguments.row_id, help="id of the source")
    _key_options(parser)
    arguments.add_decision(parser)


def _set_keys(service: Service, options: Options) -> Any:
    secret = read_secret("secret_key", options.secret_key)
    body = library.StorageKeys(secret_key=secret, access_key=options.access_key)
    return service.set_source_keys(source_id=options.id, **body.model_dump() | decision(options))


SOURCES = (
    Command(
        "source-add-storage",
        "register an object storage that speaks S3",
        _add_storage,
        library.SourceOut,
        text.source,
        _storage_options,
    ),
    Command(
        "source-keys-set",
        "give an object storage other keys",
        _set_keys,
        library.SourceOut,
        text.source,
        _keys_of_source,
    ),
    Command(
        "source-add-folder",
        "watch a folder for films",
        _add_folder,
        library.SourceOut,
        text.source,
        _folder_options,
    ),
    Command(
        "source-access-set",
        "give a source the login, cookies or headers that open it",
        _set_access,
        library.SourceOut,
        text.source,
        _access_options,
    ),
    Command(
        "source-access-remove",
        "forget what opens a source",
        lambda s, o: s.remove_source_access(source_id=o.id, **decision(o)),
        library.SourceOut,
        text.source,
        _on_source,
    ),
)
