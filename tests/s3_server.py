"""Be a small S3 on loopback: it checks each request's SigV4 by its own reckoning, lists by pages, and misbehaves."""

import base64
import contextlib
import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, quote, unquote, urlsplit
from xml.sax.saxutils import escape

KEY, SECRET, REGION = "AKIAHEADEND", "wJalr/Secret+Key", "eu-test-1"


@dataclass
class Stored:
    """One object."""

    content: bytes
    modified_at: datetime
    checksum: str = ""

    @property
    def etag(self) -> str:
        return hashlib.md5(self.content).hexdigest()  # noqa: S324 - as S3 does


@dataclass
class S3:
    """What lies in the bucket `films`, what was asked, and what goes wrong."""

    base: str = ""
    objects: dict[str, Stored] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    page: int = 1000
    break_after: list[int] = field(default_factory=list)
    fault: tuple[int, str, str] | None = None
    is_public: bool = False

    def put(self, key: str, content: bytes, *, day: int = 1, checksum: str = "") -> None:
        self.objects[key] = Stored(content, datetime(2026, 5, day, tzinfo=UTC), checksum)

    def fetches(self) -> list[dict[str, str]]:
        return [headers for path, headers in self.asked if urlsplit(path).path.count("/") > 1]


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def signature_of(handler: BaseHTTPRequestHandler) -> str:
    """Reckon what the signature has to be (docs.aws.amazon.com, "Signature calculations for the Authorization header")."""
    credential, signed, _ = handler.headers["Authorization"].removeprefix("AWS4-HMAC-SHA256 ").split(",")
    scope = credential.strip().partition("/")[2]
    names = signed.strip().removeprefix("SignedHeaders=").split(";")
    assert {"host", "x-amz-date", "x-amz-content-sha256"} <= set(names)
    parts = urlsplit(handler.path)
    pairs = sorted((quote(n, safe="-_.~"), quote(v, safe="-_.~")) for n, v in parse_qsl(parts.query, True))
    canonical = "\n".join(
        [
            handler.command,
            parts.path,
            "&".join(f"{name}={value}" for name, value in pairs),
            *(f"{name}:{' '.join(handler.headers[name].split())}" for name in names),
            "",
            ";".join(names),
            handler.headers["x-amz-content-sha256"],
        ]
    )
    text = "\n".join(
        [
            "AWS4-HMAC-SHA256",
            handler.headers["x-amz-date"],
            scope,
            hashlib.sha256(canonical.encode()).hexdigest(),
        ]
    )
    key = ("AWS4" + SECRET).encode()
    for part in scope.split("/"):
        key = _hmac(key, part)
    return _hmac(key, text).hex()


class _Handler(BaseHTTPRequestHandler):
    s3: S3

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        self.s3.asked.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
        with contextlib.suppress(ConnectionError):
            self._answer()

    def _answer(self) -> None:
        if self.s3.fault:
            return self._refuse(*self.s3.fault)
        if not self.s3.is_public:
            given = self.headers.get("Authorization") or ""
            if f"Credential={KEY}/" not in given:
                return self._refuse(403, "InvalidAccessKeyId", "No such key.")
            if signature_of(self) != given.rpartition("Signature=")[2]:
                return self._refuse(403, "SignatureDoesNotMatch", f"Not by {SECRET}.")
        bucket, _, key = unquote(urlsplit(self.path).path).lstrip("/").partition("/")
        if bucket != "films":
            return self._refuse(404, "NoSuchBucket", "There is no such bucket.")
        query = dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))
        if "location" in query:
            return self._send(200, f"<LocationConstraint>{REGION}</LocationConstraint>".encode())
        return self._object(key) if key else self._list(query)

    def _list(self, query: dict[str, str]) -> None:
        after = query.get("continuation-token", "")
        keys = sorted(key for key in self.s3.objects if key.startswith(query["prefix"]) and key > after)
        page, rest = keys[: self.s3.page], keys[self.s3.page :]
        rows = "".join(
            f"<Contents><Key>{escape(quote(key))}</Key><ETag>&quot;{row.etag}&quot;</ETag><Size>{len(row.content)}"
            f"</Size><LastModified>{row.modified_at:%Y-%m-%dT%H:%M:%S.000Z}</LastModified></Contents>"
            for key in page
            for row in [self.s3.objects[key]]
        )
        more = f"<NextContinuationToken>{escape(page[-1])}</NextContinuationToken>" if rest else ""
        self._send(
            200,
            f"<ListBucketResult><Name>films</Name><EncodingType>url</EncodingType><IsTruncated>"
            f"{str(bool(rest)).lower()}</IsTruncated>{more}{rows}</ListBucketResult>".encode(),
        )

    def _object(self, key: str) -> None:
        row = self.s3.objects.get(key)
        if row is None:
            self._refuse(404, "NoSuchKey", "There is no such object.")
            return
        if self.headers.get("If-Match", f'"{row.etag}"') != f'"{row.etag}"':
            self._refuse(412, "PreconditionFailed", "It is another one.")
            return
        begin, headers = 0, {"ETag": f'"{row.etag}"', "Last-Modified": format_datetime(row.modified_at)}
        if row.checksum:
            headers["x-amz-checksum-sha256"] = row.checksum
        if wanted := self.headers.get("Range"):
            begin = int(wanted.removeprefix("bytes=").partition("-")[0])
            headers["Content-Range"] = f"bytes {begin}-{len(row.content) - 1}/{len(row.content)}"
        body = row.content[begin:]
        only = self.s3.break_after.pop(0) if self.s3.break_after else None
        self._send(206 if begin else 200, body, "video/mp4", headers, only=only)

    def _refuse(self, status: int, code: str, message: str) -> None:
        self._send(status, f"<Error><Code>{code}</Code><Message>{message}</Message></Error>".encode())

    def _send(
        self, status: int, body: bytes, kind="application/xml", headers=None, *, only: int | None = None
    ) -> None:
        self.send_response(status)
        for name, value in {
            "Content-Type": kind,
            "Content-Length": str(len(body)),
            **(headers or {}),
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body[:only])


def serving(made: S3) -> ThreadingHTTPServer:
    """Return a server for it on a free port, which is not served yet."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"s3": made}))
    server.daemon_threads = True
    made.base = f"http://127.0.0.1:{server.server_address[1]}"
    return server


def checksum_of(content: bytes) -> str:
    """Return what S3 says of a content's SHA-256."""
    return base64.b64encode(hashlib.sha256(content).digest()).decode()
