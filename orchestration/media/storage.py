"""List and fetch films of an object storage that speaks S3, by MinIO's client, over connections that the guard allows.

The client signs and reads answers; each of its connections is made by the guard of `fetch.py`, which resolves, approves and
connects in one step, counts bytes and looks at the deadline and the wish to cancel. Knows no model and no settings.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import heapq
import json
import re
import ssl
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

import certifi
import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from channels.gateways import redaction

from .access import origin_of
from .addresses import IPNetwork
from .errors import (
    AccessRefused,
    Cancelled,
    FileEmpty,
    FileTooLarge,
    ItemChanged,
    MediaError,
    NoVideoFound,
    SourceUnreachable,
)
from .fetch import SOCKET_TIMEOUT_SECONDS, Guard, Stopped, _watched
from .files import storage_error
from .folder import FILMS
from .items import DownloadedFile, FoundItem
from .receive import finish, remove_traces

BLOCK_BYTES = 64 * 1024
ATTEMPTS = 4
MOST_OBJECTS = 200_000
"""Objects that are looked through for the newest; S3 lists by name only."""
MAX_LIST_BYTES = 400 * 1024 * 1024
BUCKET = re.compile(r"(?!.*\.\.)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")  # S3's own rule, without its odder clauses
_ETAG = re.compile(r"[!#-~]{1,200}")
_REFUSED = frozenset(
    {
        *("AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken"),
        *("AccountProblem", "AllAccessDisabled", "RequestTimeTooSkewed", "TokenRefreshRequired"),
    }
)
_FOR_NOW = frozenset({"SlowDown", "InternalError", "ServiceUnavailable", "RequestTimeout", "Throttling"})


@dataclass(frozen=True, slots=True, repr=False)
class Storage:
    """Where films lie, and what opens it. The keys are secrets; without them a public bucket is read."""

    endpoint: str
    bucket: str
    region: str = ""
    prefix: str = ""
    access_key: str = ""
    secret_key: str = field(default="")

    def __repr__(self) -> str:
        return f"Storage({self.endpoint}, {self.bucket})"

    def hide(self, text: str) -> str:
        """Return what a server said without the keys."""
        with redaction.knowing(self.secret_key, self.access_key):
            return redaction.hidden(text)


@dataclass(frozen=True, slots=True)
class StoredFilm:
    """One film in a bucket: its key, the version of its content (ETag), bytes, and when it was written."""

    key: str
    etag: str
    size_bytes: int
    modified_at: datetime | None

    @property
    def external_id(self) -> str:
        """Return what the item is called at its source: key and version, by their hash where they are long."""
        whole = f"{self.key}#{self.etag}"
        return whole if len(whole) <= 200 else f"{whole[:130]}…{hashlib.sha256(whole.encode()).hexdigest()}"


def list_films(
    storage: Storage, *, limit: int, allowed_networks: Sequence[IPNetwork], timeout_seconds: float
) -> list[StoredFilm]:
    """Return the films that were written last, the newest first; of all that lie under the prefix, page by page.

    Raises: AccessRefused, SourceUnreachable, SourceTimedOut, UnsafeUrl; NoVideoFound, if too many objects lie there.
    """
    guard = Guard(
        allowed_networks=allowed_networks, timeout_seconds=timeout_seconds, max_received_bytes=MAX_LIST_BYTES
    )
    with _client(storage, guard) as client:
        found = client.list_objects(storage.bucket, prefix=storage.prefix or None, recursive=True)
        return heapq.nlargest(limit, _films(found), key=lambda film: (_seconds(film.modified_at), film.key))


def _films(objects: Iterator[Any]) -> Iterator[StoredFilm]:
    for number, item in enumerate(objects):
        if number >= MOST_OBJECTS:
            raise NoVideoFound(f"More than {MOST_OBJECTS} objects lie there; name a prefix.")
        key, etag = item.object_name or "", (item.etag or "").strip('"')
        if (
            PurePosixPath(key).suffix.lower().removeprefix(".") in FILMS
            and item.size
            and _ETAG.fullmatch(etag)
        ):
            yield StoredFilm(key, etag, item.size, item.last_modified)


def _seconds(at: datetime | None) -> float:
    return at.timestamp() if at else 0.0


def fetch_film(
    storage: Storage,
    film: StoredFilm,
    folder: Path,
    *,
    allowed_networks: Sequence[IPNetwork],
    max_bytes: int,
    on_progress: Callable[[int, int | None], None],
    cancelled: Callable[[], bool],
    timeout_seconds: float,
) -> DownloadedFile:
    """Fetch one film into a folder, whole or not at all; the version that was listed, and no other.

    What an earlier try left is gone on with, under `If-Match`. Size and, where the storage has kept one, SHA-256 are
    checked. A cancelled or refused fetch leaves nothing, a broken one its `.part`.

    Raises: AccessRefused, SourceUnreachable, SourceTimedOut, UnsafeUrl, ItemChanged, FileEmpty, FileTooLarge, StorageFull,
    Cancelled.
    """
    folder.mkdir(parents=True, exist_ok=True)
    named = f"{storage.bucket}/{film.key}#{film.etag}"
    stem = folder / f"source-{hashlib.sha256(named.encode()).hexdigest()[:16]}"
    guard = Guard(
        allowed_networks=allowed_networks,
        timeout_seconds=timeout_seconds,
        max_received_bytes=max_bytes + BLOCK_BYTES * 64,
        cancelled=cancelled,
    )
    part = stem.with_name(stem.name + ".part")
    failure: MediaError | None = None
    try:
        for _ in range(ATTEMPTS):
            try:
                checksum = _fetch_once(storage, guard, film, part, max_bytes, on_progress)
                break
            except SourceUnreachable as error:
                failure = error
                if error.again != "again":
                    raise
        else:
            raise failure or SourceUnreachable("The transfer broke off.")
        item = FoundItem.make(storage.endpoint, title=PurePosixPath(film.key).stem)
        done = finish(stem, part, item, cancelled)
        if checksum and base64.b64decode(checksum).hex() != done.sha256:
            done.path.unlink(missing_ok=True)
            raise SourceUnreachable(
                "What arrived is not what the storage's SHA-256 says; it is fetched anew."
            )
        return done
    except (Cancelled, FileTooLarge, FileEmpty, ItemChanged):
        remove_traces(stem)
        raise


def _fetch_once(
    storage: Storage,
    guard: Guard,
    film: StoredFilm,
    part: Path,
    max_bytes: int,
    on_progress: Callable[[int, int | None], None],
) -> str:
    """Receive what is missing of a film; returns its SHA-256 in base64, where the storage says it of the whole."""
    if film.size_bytes > max_bytes:
        raise FileTooLarge(
            f"The video has {film.size_bytes} bytes; {max_bytes} are allowed.", max_bytes=max_bytes
        )
    have = part.stat().st_size if part.exists() else 0
    if have >= film.size_bytes:
        have = 0
    headers = {"If-Match": f'"{film.etag}"', "x-amz-checksum-mode": "ENABLED"}
    with _client(storage, guard) as client:
        response = client.get_object(storage.bucket, film.key, offset=have, request_headers=headers)
        try:
            if have and response.status != 206:
                have = 0
            done, checksum = have, response.headers.get("x-amz-checksum-sha256", "")
            on_progress(done, film.size_bytes)
            with part.open("r+b" if have else "wb") as file:
                file.seek(have)
                file.truncate()
                for block in response.stream(BLOCK_BYTES):
                    guard.check()
                    done += len(block)
                    if done > film.size_bytes:
                        raise ItemChanged("The storage sent more bytes than it had listed.")
                    _write(file, block)
                    on_progress(done, film.size_bytes)
        finally:
            response.close()
            response.release_conn()
    if done == 0:
        raise FileEmpty("The storage sent a file without a single byte.")
    if done < film.size_bytes:
        raise SourceUnreachable(f"The transfer broke off after {done} of {film.size_bytes} bytes.")
    return "" if "-" in checksum else checksum


def _write(file: Any, block: bytes) -> None:
    try:
        file.write(block)
    except OSError as error:
        raise storage_error(error) from error


# --- the client, over guarded connections -----------------------------------------------------------------------------


@contextlib.contextmanager
def _client(storage: Storage, guard: Guard) -> Iterator[Any]:
    """Give MinIO's client for one call, and name what goes wrong in it."""
    from minio import Minio
    from minio.error import InvalidResponseError, S3Error, ServerError

    origin = urlsplit(origin_of(storage.endpoint))
    pool = _GuardedPools(guard)
    try:
        guard.check()
        yield Minio(
            origin.netloc,
            access_key=storage.access_key or None,
            secret_key=storage.secret_key or None,
            secure=origin.scheme == "https",
            region=storage.region or None,
            http_client=pool,
        )
    except S3Error as error:
        raise _of_answer(storage, error.code or "", error.message or "", error.response.status) from error
    except ServerError as error:
        raise _of_answer(storage, "", str(error), error.status_code) from error
    except InvalidResponseError as error:
        raise _of_answer(storage, "", "It does not speak S3.", getattr(error, "_code", 0)) from error
    except Stopped as error:
        raise error.error from error
    except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
        raise _of_break(storage, guard, error) from error
    finally:
        pool.clear()


def _of_answer(storage: Storage, code: str, message: str, status: int) -> MediaError:
    said = storage.hide(f"The storage answered {status} {code}: {message}").rstrip(": .")[:300] + "."
    if status == 412 or code == "PreconditionFailed":
        return ItemChanged(
            "The object has changed since it was listed; the next reading finds what it is now."
        )
    if code in _REFUSED or status in (401, 403):
        return AccessRefused(said, status=status)
    if code in _FOR_NOW or status >= 500:
        return SourceUnreachable(said, status=503)
    return SourceUnreachable(said, status=status or None)


def _of_break(storage: Storage, guard: Guard, error: BaseException) -> MediaError:
    """Name what broke a call: what the guard stopped wins over what the client made of it."""
    if guard.stopped is not None:
        return guard.stopped
    causes: list[Any] = [error]
    while causes:
        cause = causes.pop()
        if isinstance(cause, Stopped):
            return cause.error
        if isinstance(cause, MediaError):
            return cause
        if cause is not None:
            causes += [cause.__cause__ or cause.__context__, getattr(cause, "reason", None)]
            causes = [each for each in causes if isinstance(each, BaseException)]
    if guard.refused is not None:
        return guard.refused
    return SourceUnreachable(storage.hide(f"The storage could not be read: {error}")[:300])


class _GuardedPools(urllib3.PoolManager):
    """Open each connection through the guard of one call; no proxy, and no redirect: S3's own are errors."""

    def __init__(self, guard: Guard) -> None:
        context = ssl.create_default_context(cafile=certifi.where())
        context.load_default_certs()
        context.sslsocket_class = _watched(ssl.SSLSocket, guard)
        super().__init__(
            timeout=urllib3.Timeout(connect=SOCKET_TIMEOUT_SECONDS, read=SOCKET_TIMEOUT_SECONDS),
            retries=urllib3.Retry(total=2, redirect=0, raise_on_redirect=False, backoff_factor=0.2),
            ssl_context=context,
        )
        self.pool_classes_by_scheme = {
            scheme: type(
                f"Guarded{pool.__name__}",
                (pool,),
                {"ConnectionCls": type("Guarded", (connection,), {"_new_conn": _through(guard)})},
            )
            for scheme, pool, connection in (
                ("http", HTTPConnectionPool, HTTPConnection),
                ("https", HTTPSConnectionPool, HTTPSConnection),
            )
        }


def _through(guard: Guard) -> Callable[[Any], Any]:
    """Return what takes the place of urllib3's own way to connect."""

    def new_connection(connection: Any) -> Any:
        try:
            return guard.connect((connection._dns_host, connection.port), SOCKET_TIMEOUT_SECONDS)
        except OSError as error:
            raise urllib3.exceptions.NewConnectionError(connection, str(error)) from error

    return new_connection


# --- as it is kept ----------------------------------------------------------------------------------------------------


def of_document(document: Mapping[str, Any]) -> Storage:
    """Return what `to_document` gave."""
    return Storage(**{name: str(document.get(name, "")) for name in Storage.__slots__})


def to_document(storage: Storage) -> dict[str, str]:
    """Return all of it, keys included, to be sealed."""
    return {name: getattr(storage, name) for name in Storage.__slots__}


def note_of(film: StoredFilm) -> str:
    """Return a film as it stands in a video's address."""
    return json.dumps([film.key, film.etag, film.size_bytes], ensure_ascii=True, separators=(",", ":"))


def of_note(note: str) -> StoredFilm:
    """Return the film that `note_of` wrote down. Raises: ValueError."""
    key, etag, size_bytes = json.loads(note)
    return StoredFilm(str(key), str(etag), int(size_bytes), None)
