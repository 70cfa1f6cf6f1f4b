"""Stage one video on this repository's YouTube channel: fetch it, upload it private, report to Headend.

Started by .github/workflows/headend.yml. Needs Python 3.10 or newer and nothing else. What an answer means stands in
readings.json beside it, the table by which Headend reads, too. Everything else comes from the environment:
HEADEND_CORRELATION_ID and HEADEND_JOB_SHEET (JSON) say what to do, YT_CLIENT_ID, YT_CLIENT_SECRET and YT_REFRESH_TOKEN
are the channel's credential. YOUTUBE_API_URL and GOOGLE_TOKEN_URL may point elsewhere (a proxy).

The job sheet: {correlation_id, media_url, media_sha256, skip_upload?, permit_url?, result_url?, progress_url?, audience?,
one_use_secret?, metadata: {title, description, tags, category_id, language, made_for_kids, marker, notify_subscribers?,
licence?, embeddable?, synthetic_media?, paid_promotion?}}
For its permit the run shows GitHub's OIDC token for that audience, or the one-use secret; what comes with the permit opens
the file and the result. The addresses are missing when Headend cannot be reached from outside: then nothing is reported, and
Headend finds the video by its marker.

The exit code is 0 when the video is staged, or when Headend says that another run has this job; else 1. What is
reported of a failure is {code, message, again_at?, bucket?}: Headend tries again, waits until again_at or until what the
code names is mended, or gives up.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

YOUTUBE = (os.environ.get("YOUTUBE_API_URL") or "https://youtube.googleapis.com").rstrip("/")
TOKEN_URL = os.environ.get("GOOGLE_TOKEN_URL") or "https://oauth2.googleapis.com/token"
BACKOFF_SECONDS = float(os.environ.get("HEADEND_BACKOFF_SECONDS") or 2)
TRIES = 6
RESULT_FILE = "headend-result.json"
TIMEOUT_SECONDS = 60
SETTLE_SECONDS = 60 * BACKOFF_SECONDS  # how long YouTube's list of uploads may lag behind: 120 by default
LOOK_AT = 200  # how many of the latest uploads are looked through for the marker
DESCRIPTION_BYTES = 5000  # YouTube's limit
CHUNK_BYTES = 8 * 1024 * 1024  # a multiple of 256 KiB, as YouTube demands of every chunk but the last


class StageError(Exception):
    """The video cannot be staged; `code` is stable, the text is for people and carries no secret.

    `again_at` is when a spent budget is refilled, and `bucket` which it is: Headend waits until then.
    """

    def __init__(self, code: str, message: str, again_at: datetime | None = None, bucket: str = "") -> None:
        super().__init__(concealed(message))
        self.code = code
        self.again_at = again_at
        self.bucket = bucket

    def report(self) -> dict:
        """Return what Headend is told."""
        told = {"code": self.code, "message": str(self)[:500]}
        if self.again_at:
            told["again_at"] = self.again_at.isoformat()
        if self.bucket:
            told["bucket"] = self.bucket
        return told


_secrets: set[str] = set()


def conceal(secret: str | None) -> None:
    """Keep a secret out of the log and out of every text that is reported."""
    if secret:
        _secrets.add(secret)
        print(f"::add-mask::{secret}", flush=True)


def concealed(text: str) -> str:
    """Return a text without any secret in it: a proxy may repeat what it was sent."""
    forms = {
        form
        for secret in _secrets
        for form in (secret, urllib.parse.quote(secret, safe=""), json.dumps(secret)[1:-1])
    }
    for form in sorted(forms, key=len, reverse=True):
        text = text.replace(form, "***")
    return text


class Unreachable(Exception):
    """No answer came."""


class Answer:
    def __init__(self, status: int, headers, body: bytes) -> None:
        self.status, self.headers, self.body = status, headers, body

    def document(self):
        """Return the JSON object in the body, or None: a proxy's page has none."""
        try:
            value = json.loads(self.body)
        except ValueError:
            return None
        return value if isinstance(value, dict) else None

    def json(self) -> dict:
        return self.document() or {}

    def reason(self) -> str:
        """Return what the error's body says, shortened."""
        reasons, message = said(self.document())
        return concealed(" ".join([*reasons[:1], message]).strip())[:300]


# -- reading answers, by the table that Headend reads by -----------------------------------------------------------


class Reading(NamedTuple):
    """What an answer means; `wait_seconds` is what it asks for, `resets_at` when a budget is refilled."""

    kind: str
    code: str
    wait_seconds: float | None = None
    resets_at: datetime | None = None
    bucket: str = ""


def table() -> list[dict]:
    """Return the rows of readings.json; without it every answer is one to try again after."""
    try:
        return json.loads(Path(__file__).with_name("readings.json").read_text(encoding="utf-8"))["rows"]
    except (OSError, ValueError, KeyError):
        return []


def read(
    service: str, where: str, status: int, document, headers, *, writes: bool = False, now=None
) -> Reading:
    """Return what an answer means: the first row that fits counts."""
    now = now or datetime.now(UTC)
    told = {str(name).lower(): str(value) for name, value in (headers or {}).items()}
    reasons, message = said(document)
    if "retry-after" in told or told.get("x-ratelimit-remaining") == "0":
        reasons.append("limit_in_headers")
    places = {"any", where}
    if not where.startswith("upload_"):
        places.add("write" if writes else "read")
    for row in table():
        if row["service"] == service and fits(row, places, status, reasons, message):
            return reading_of(row, told, now)
    return Reading("again", "remote_error")


def said(document) -> tuple[list[str], str]:
    """Return the reasons that a body gives, and its message."""
    if document is None:
        return ["not_json"], ""
    error = document.get("error")
    if not isinstance(error, dict):
        text = document.get("error_description") or document.get("message") or ""
        return [error] if isinstance(error, str) else [], str(text)
    listed = error.get("errors") if isinstance(error.get("errors"), list) else []
    reasons = [item.get("reason") for item in listed if isinstance(item, dict)] + [error.get("status")]
    return [str(reason) for reason in reasons if reason], str(error.get("message") or "")


def fits(row: dict, places: set, status: int, reasons: list[str], message: str) -> bool:
    def each(name: str) -> list:
        value = row.get(name, "")
        return value if isinstance(value, list) else [value]

    def within(part) -> bool:
        first, _, last = str(part).partition("-")
        return part == "any" or (status is not None and int(first) <= status <= int(last or first))

    def named(name: str) -> bool:
        whole, start = name.rstrip("*"), name.endswith("*")
        return any(reason.startswith(whole) if start else reason == whole for reason in reasons)

    return (
        any(place in places for place in each("where"))
        and any(within(part) for part in each("status"))
        and ("reason" not in row or any(named(name) for name in each("reason")))
        and any(words.lower() in message.lower() for words in each("message_contains"))
    )


def reading_of(row: dict, headers: dict, now: datetime) -> Reading:
    wait, seconds, resets_at = row.get("wait"), None, None
    if wait == "retry_after":
        asked, resets = headers.get("retry-after", ""), headers.get("x-ratelimit-reset", "")
        if asked.isdecimal():
            seconds = float(asked)
        elif headers.get("x-ratelimit-remaining") == "0" and resets.isdecimal():
            seconds = max(1.0, float(resets) - now.timestamp())
    elif wait == "pacific_midnight":
        there = now.astimezone(ZoneInfo("America/Los_Angeles"))
        midnight = there.replace(hour=0, minute=0, second=0, microsecond=0, fold=0) + timedelta(days=1)
        resets_at = midnight.astimezone(UTC)
    elif isinstance(wait, str):
        resets_at = now + timedelta(hours=int(wait.partition(":")[2]))
    elif wait is not None:
        seconds = float(wait)
    return Reading(row["class"], row["code"], seconds, resets_at, row.get("bucket", ""))


# -- calling -------------------------------------------------------------------------------------------------------


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Keep 308 ("resume here") an answer, and never carry a token to another address."""

    def redirect_request(self, *args):
        return None


class _NoTokenRedirect(urllib.request.HTTPRedirectHandler):
    """Follow a redirect, but leave the token behind."""

    def redirect_request(self, *args):
        request = super().redirect_request(*args)
        if request is not None:
            request.headers.pop("Authorization", None)
        return request


_direct = urllib.request.build_opener(_NoRedirect)
_following = urllib.request.build_opener(_NoTokenRedirect)


def open_url(opener, request: urllib.request.Request):
    if request.type not in ("http", "https"):  # urllib would open file: and ftp: as well
        raise StageError("bad_job_sheet", "an address in the job sheet is not http or https")
    return opener.open(request, timeout=TIMEOUT_SECONDS)


def call(method: str, url: str, *, headers: dict | None = None, body: bytes | None = None) -> Answer:
    """Send one request, once, and return whatever the answer is. Raises Unreachable when there is none."""
    request = urllib.request.Request(url, data=body, method=method, headers=headers or {})  # noqa: S310 see open_url
    try:
        with open_url(_direct, request) as reply:
            return Answer(reply.status, reply.headers, reply.read())
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, error.headers, error.read())
    except StageError:
        raise
    except (OSError, ValueError) as error:
        raise Unreachable(f"{urllib.parse.urlsplit(url).hostname} did not answer: {error}") from error
    except Exception as error:  # http.client raises its own family when a connection breaks in mid-answer
        raise Unreachable(f"{urllib.parse.urlsplit(url).hostname}: {type(error).__name__}") from error


def pause(attempt: int, asked_seconds: float | None = None) -> None:
    time.sleep(min(max(BACKOFF_SECONDS * 2**attempt, asked_seconds or 0), 60))


def call_patiently(
    method: str, url: str, *, headers: dict | None = None, body: bytes | None = None, reader=None
) -> Answer:
    """Repeat a call that may safely be repeated while the other side is unreachable, busy or failing.

    `reader` reads an answer; one that is still to be tried again after the last try is returned. Without it a call that
    finds the other side busy or failing for all tries raises Unreachable.
    """
    failure, answer = "", None
    for attempt in range(TRIES):
        found = None
        try:
            answer = call(method, url, headers=headers, body=body)
        except Unreachable as error:
            answer, failure = None, str(error)
        else:
            fine = 200 <= answer.status < 300 and (not answer.body or answer.document() is not None)
            found = reader(answer) if reader and not fine else None
            again = found.kind == "again" if found else answer.status >= 500 or answer.status == 429
            if not again:
                return answer
            failure = f"{urllib.parse.urlsplit(url).hostname} answered {answer.status}"
        if attempt < TRIES - 1:
            pause(attempt, found.wait_seconds if found else None)
    if answer is not None and reader:
        return answer
    raise Unreachable(failure)


# -- Headend -----------------------------------------------------------------------------------------------


class Headend:
    """Speak to Headend: permit, progress, result."""

    def __init__(self, sheet: dict) -> None:
        self.sheet = sheet
        self.run = {
            "run_id": int(os.environ.get("GITHUB_RUN_ID") or 0),
            "run_attempt": int(os.environ.get("GITHUB_RUN_ATTEMPT") or 1),
        }
        self.secret = ""  # what came with the permit

    def _post(self, url: str, value: dict, patiently: bool = True, proof: str = "") -> Answer:
        bearer = f"Bearer {proof or self.secret}"
        headers = {"Content-Type": "application/json", "Authorization": bearer}
        send = call_patiently if patiently else call
        return send("POST", url, headers=headers, body=json.dumps({**self.run, **value}).encode())

    def take_permit(self) -> bool:
        """Ask whether this run, at this attempt, is the one that may work."""
        if not self.sheet.get("permit_url"):
            return True
        # The claim is known to this process alone: a proof that somebody else has read opens nothing a second time.
        answer = self._post(
            self.sheet["permit_url"], {"claim": secrets.token_urlsafe(24)}, proof=self.proof()
        )
        if answer.status == 409 and answer.json().get("run_id"):
            return False  # another run, or another attempt, has the job
        if not 200 <= answer.status < 300:
            why = answer.json().get("detail") or "no reason given"
            raise StageError("permit_refused", f"Headend refused the permit ({answer.status}): {why}")
        self.secret = answer.json().get("token") or ""
        conceal(self.secret)
        return True

    def proof(self) -> str:
        """Return what shows Headend which run this is: the sheet's one-use secret, else GitHub's OIDC token."""
        if self.sheet.get("one_use_secret"):
            return self.sheet["one_use_secret"]
        url = os.environ.get("ACTIONS_ID_TOKEN_REQUEST_URL")
        bearer = os.environ.get("ACTIONS_ID_TOKEN_REQUEST_TOKEN")
        if not url or not bearer:
            raise StageError(
                "no_oidc_token",
                "GitHub gives this run no OIDC token; the workflow's job needs id-token: write",
            )
        audience = urllib.parse.quote(self.sheet["audience"], safe="")
        answer = call_patiently(
            "GET", f"{url}&audience={audience}", headers={"Authorization": f"Bearer {bearer}"}
        )
        token = answer.json().get("value")
        if answer.status != 200 or not token:
            raise StageError(
                "no_oidc_token", f"GitHub answered {answer.status} to the request for an OIDC token"
            )
        conceal(token)
        return token

    def tell_progress(self, step: str, percent: int) -> None:
        """Say how far it is. Nobody depends on it, so a failure is left alone."""
        if self.sheet.get("progress_url"):
            with contextlib.suppress(Unreachable, StageError):
                self._post(self.sheet["progress_url"], {"step": step, "percent": percent}, patiently=False)

    def tell_result(self, result: dict) -> None:
        if not self.sheet.get("result_url"):
            return
        answer = self._post(self.sheet["result_url"], result)
        if not 200 <= answer.status < 300:
            raise StageError("result_refused", f"Headend answered {answer.status} to the result")


def leave_result(result: dict) -> None:
    """Leave the result where the workflow keeps it as an artifact, for a Headend that cannot be called from here."""
    told = {"correlation_id": os.environ.get("HEADEND_CORRELATION_ID") or "", **result}
    try:
        Path(RESULT_FILE).write_text(json.dumps(told), encoding="utf-8")
    except OSError as error:
        print(f"the result could not be left: {error}", flush=True)


# -- the file ----------------------------------------------------------------------------------------------


def origin(url: str) -> tuple:
    parts = urllib.parse.urlsplit(url)
    return parts.scheme, parts.netloc


def fetch_media(sheet: dict, target: Path, secret: str) -> int:
    """Download the video and check that it is the very file that was meant. Returns its size in bytes."""
    headers = {}
    # The secret is for Headend alone.
    if secret and origin(sheet["media_url"]) == origin(sheet.get("result_url") or ""):
        headers["Authorization"] = f"Bearer {secret}"
    failure = ""
    for attempt in range(TRIES):
        try:
            return _fetch_once(sheet, headers, target)
        except Unreachable as error:
            failure = str(error)
        if attempt < TRIES - 1:
            pause(attempt)
    raise StageError("media_unavailable", f"the video could not be downloaded: {failure}")


def _fetch_once(sheet: dict, headers: dict, target: Path) -> int:
    digest, size = hashlib.sha256(), 0
    request = urllib.request.Request(sheet["media_url"], headers=headers)  # noqa: S310 see open_url
    try:
        with open_url(_following, request) as reply, target.open("wb") as file:
            while block := reply.read(1024 * 1024):
                digest.update(block)
                size += len(block)
                file.write(block)
            announced = reply.headers.get("Content-Length")
    except urllib.error.HTTPError as error:
        if error.code >= 500 or error.code == 429:
            raise Unreachable(f"the media server answered {error.code}") from error
        raise StageError("media_unavailable", f"the media server answered {error.code}") from error
    except StageError:
        raise
    except Exception as error:
        raise Unreachable(f"{type(error).__name__}: {error}") from error
    if announced and int(announced) != size:
        raise Unreachable(f"only {size} of {announced} bytes came")
    if digest.hexdigest() != sheet["media_sha256"].lower():
        raise StageError(
            "media_changed", "the downloaded video is not the file that was planned (sha256 differs)"
        )
    if size == 0:
        raise StageError("media_empty", "the video file is empty")
    return size


# -- YouTube -----------------------------------------------------------------------------------------------


def access_token() -> str:
    """Trade the refresh token for an access token."""
    names = ("YT_CLIENT_ID", "YT_CLIENT_SECRET", "YT_REFRESH_TOKEN")
    missing = [name for name in names if not os.environ.get(name)]
    if missing:
        raise StageError("credential_missing", f"this repository has no secret {', '.join(missing)}")
    form = {
        "client_id": os.environ["YT_CLIENT_ID"],
        "client_secret": os.environ["YT_CLIENT_SECRET"],
        "refresh_token": os.environ["YT_REFRESH_TOKEN"],
        "grant_type": "refresh_token",
    }
    _secrets.update((form["client_secret"], form["refresh_token"]))
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    body = urllib.parse.urlencode(form).encode()
    answer = call_patiently("POST", TOKEN_URL, headers=kind, body=body, reader=of_token)
    token = answer.json().get("access_token")
    if answer.status != 200 or not token:
        raise refuse(of_token(answer), answer, "to the refresh token", "Google")
    conceal(token)
    return token


def of_token(answer: Answer) -> Reading:
    return read("google_token", "token", answer.status, answer.document(), answer.headers)


def of_youtube(where: str):
    return lambda answer: read("youtube", where, answer.status, answer.document(), answer.headers)


def refuse(found: Reading, answer: Answer, doing: str, who: str = "YouTube") -> StageError:
    """Name the fact behind an answer that ends the attempt."""
    text = f"{who} answered {answer.status} {doing}: {answer.reason()}"
    again_at = found.resets_at
    if not again_at and found.code == "rate_limited" and found.wait_seconds:
        again_at = datetime.now(UTC) + timedelta(seconds=found.wait_seconds)
    return StageError(found.code, text, again_at, found.bucket)


class Account:
    """The channel's way into YouTube: its access token, renewed once where YouTube refuses it."""

    def __init__(self) -> None:
        self.token = access_token()

    def authorised(self, headers: dict | None = None) -> dict:
        return {"Authorization": f"Bearer {self.token}", **(headers or {})}

    def renew(self) -> None:
        self.token = access_token()

    def call(self, method: str, url: str, where: str, doing: str, *, headers=None, body=None) -> Answer:
        """Make a call that may be repeated. Raises StageError for any answer but a good one."""
        reader = of_youtube(where)
        for renewed in (False, True):
            answer = call_patiently(method, url, headers=self.authorised(headers), body=body, reader=reader)
            if answer.status == 200 and (not answer.body or answer.document() is not None):
                return answer
            found = reader(answer)
            if found.kind != "renew_token" or renewed:
                break
            self.renew()
        raise refuse(found, answer, doing)

    def find(self, marker: str) -> str | None:
        """Look among the channel's latest uploads for the marker: an upload may have ended unheard.

        None means that it is not listed. Raises StageError or Unreachable where that could not be learned.
        """
        mine = self._items("channels?part=contentDetails&mine=true")
        if not mine:
            raise StageError("permission_missing", "this Google account has no YouTube channel")
        uploads, page, left = mine[0]["contentDetails"]["relatedPlaylists"]["uploads"], "", LOOK_AT
        while left > 0:
            listed = self._read(f"playlistItems?part=contentDetails&maxResults=50&playlistId={uploads}{page}")
            ids = [item["contentDetails"]["videoId"] for item in listed["items"]]
            for video in self._items(f"videos?part=snippet&id={','.join(ids)}") if ids else ():
                snippet = video.get("snippet", {})
                lines = [line.strip() for line in (snippet.get("description") or "").splitlines()]
                if marker in lines or marker in (snippet.get("tags") or []):
                    return video["id"]
            left -= 50
            if not listed.get("nextPageToken"):
                break
            page = f"&pageToken={urllib.parse.quote(listed['nextPageToken'])}"
        return None

    def _items(self, path: str) -> list:
        return self._read(path)["items"]

    def _read(self, path: str) -> dict:
        answer = self.call(
            "GET", f"{YOUTUBE}/youtube/v3/{path}", path.partition("?")[0] + ".list", "to the look"
        )
        if not isinstance(answer.json().get("items"), list):
            raise StageError("remote_unavailable", "YouTube's answer to the look cannot be read")
        return answer.json()


def resource_of(metadata: dict) -> dict:
    """Return the video resource by part: always private, with the marker in the last line and among the tags."""
    marker = metadata["marker"]
    room = DESCRIPTION_BYTES - len(marker.encode()) - 2
    text = (metadata.get("description") or "").encode()[:room].decode("utf-8", "ignore").rstrip()
    snippet = {
        "title": metadata["title"],
        "description": f"{text}\n\n{marker}" if text else marker,
        "tags": [*(tag for tag in metadata.get("tags") or [] if tag != marker), marker],
        "categoryId": str(metadata.get("category_id") or "22"),
    }
    if metadata.get("language"):
        snippet["defaultLanguage"] = metadata["language"]
        snippet["defaultAudioLanguage"] = metadata["language"]
    # Without a privacy status a video would be public at once.
    status = {
        "privacyStatus": "private",
        "selfDeclaredMadeForKids": bool(metadata.get("made_for_kids")),
        "license": metadata.get("licence") or "youtube",
        "embeddable": metadata.get("embeddable") is not False,
        "containsSyntheticMedia": bool(metadata.get("synthetic_media")),
    }
    resource = {"snippet": snippet, "status": status}
    if metadata.get("paid_promotion"):
        resource["paidProductPlacementDetails"] = {"hasPaidProductPlacement": True}
    return resource


class Upload:
    """One resumable upload of one file."""

    def __init__(self, account: Account, metadata: dict, media: Path, size: int, headend: Headend) -> None:
        self.account, self.metadata, self.media, self.size = account, metadata, media, size
        self.headend = headend
        self.may_be_whole = False  # whether the last byte was sent, heard or unheard

    def perform(self) -> str:
        """Upload the file and return the video's id. It goes on wherever an upload of Headend's own workers does."""
        session = self.open_session()
        position, failures, unsure, renewed = 0, 0, False, False
        with self.media.open("rb") as file:
            while True:
                answer = self.ask(session) if unsure else self.send(session, file, position)
                if answer is not None and answer.status in (200, 201) and answer.json().get("id"):
                    return answer.json()["id"]
                found = (
                    of_youtube("upload_bytes")(answer) if answer else Reading("again", "remote_unavailable")
                )
                if found.kind == "go_on":
                    arrived = position_after(answer)
                    failures, renewed = (0, False) if arrived > position else (failures + 1, renewed)
                    position, unsure = arrived, arrived >= self.size
                    self.headend.tell_progress("uploading", position * 100 // self.size)
                elif found.kind == "again":
                    failures, unsure = failures + 1, True
                elif found.kind == "renew_token" and not renewed:
                    self.account.renew()
                    renewed = unsure = True
                else:
                    return self.find_or_raise(found, answer)
                if failures >= TRIES:
                    return self.find_or_raise(found, answer)
                if failures:
                    pause(failures - 1, found.wait_seconds)

    def open_session(self) -> str:
        notify = "false" if self.metadata.get("notify_subscribers") is False else "true"
        resource = resource_of(self.metadata)
        query = f"uploadType=resumable&alt=json&part={','.join(resource)}&notifySubscribers={notify}"
        headers = {
            "Content-Type": "application/json; charset=UTF-8",
            "X-Upload-Content-Type": "video/*",
            "X-Upload-Content-Length": str(self.size),
        }
        url = f"{YOUTUBE}/upload/youtube/v3/videos?{query}"
        # Opening a session makes no video, so it may be repeated.
        body = json.dumps(resource).encode()
        answer = self.account.call(
            "POST", url, "upload_session", "to the start of the upload", headers=headers, body=body
        )
        session = answer.headers.get("Location")
        if not session:
            raise StageError("remote_unavailable", "YouTube opened an upload, but did not say where")
        conceal(session)
        conceal(urllib.parse.parse_qs(urllib.parse.urlsplit(session).query).get("upload_id", [""])[0])
        return session

    def send(self, session: str, file, position: int) -> Answer | None:
        """Send the next chunk. Returns None when no answer came."""
        file.seek(position)
        block = file.read(CHUNK_BYTES)
        if not block:
            return self.ask(session)
        if position + len(block) >= self.size:
            self.may_be_whole = True
        extent = f"bytes {position}-{position + len(block) - 1}/{self.size}"
        return self.put(session, {"Content-Type": "video/*", "Content-Range": extent}, block)

    def ask(self, session: str) -> Answer | None:
        """Ask YouTube how much has arrived."""
        return self.put(session, {"Content-Range": f"bytes */{self.size}"}, b"")

    def put(self, session: str, headers: dict, block: bytes) -> Answer | None:
        if origin(session) == origin(
            YOUTUBE
        ):  # the access token is for YouTube alone; the session needs none
            headers = self.account.authorised(headers)
        try:
            return call("PUT", session, headers=headers, body=block)
        except Unreachable:
            return None

    def find_or_raise(self, found: Reading, answer: Answer | None) -> str:
        """End the upload: with the video's id, where the last byte had arrived all the same, else with the fact.

        A list that does not show the video says little yet: Headend looks again when it has had its time.
        """
        if answer is None:
            error = StageError(found.code, "YouTube stopped answering in the middle of the upload")
        elif found.kind == "gone":
            error = StageError(found.code, "YouTube no longer knows this upload, and lists no such video yet")
        else:
            error = refuse(found, answer, "to the upload")
        if not self.may_be_whole:
            raise error
        try:
            video_id = self.account.find(self.metadata["marker"])
        except (StageError, Unreachable) as unseen:
            text = f"{error}; whether the video is there could not be learned: {unseen}"
            raise StageError(error.code, text, error.again_at, error.bucket) from unseen
        if video_id is None:
            raise error
        return video_id


def position_after(answer: Answer) -> int:
    """Return the first byte that YouTube does not have yet."""
    arrived = answer.headers.get("Range") or ""
    return int(arrived.rpartition("-")[2]) + 1 if "-" in arrived else 0


# -- the whole ---------------------------------------------------------------------------------------------


def read_sheet() -> dict:
    """Parse the job sheet and check that it is complete."""
    try:
        sheet = json.loads(os.environ.get("HEADEND_JOB_SHEET") or "")
    except ValueError:
        raise StageError("bad_job_sheet", "HEADEND_JOB_SHEET is not JSON") from None
    needed = ["correlation_id", "media_url", "media_sha256", "metadata"]
    missing = [name for name in needed if not isinstance(sheet, dict) or not sheet.get(name)]
    missing += [f"metadata.{n}" for n in ("title", "marker") if not missing and not sheet["metadata"].get(n)]
    if missing:
        raise StageError("bad_job_sheet", f"the job sheet lacks {', '.join(missing)}")
    calls_back = any(sheet.get(name) for name in ("permit_url", "result_url", "progress_url"))
    if calls_back and not (sheet.get("audience") or sheet.get("one_use_secret")):
        raise StageError(
            "bad_job_sheet", "the job sheet has addresses to call, but nothing to prove itself by"
        )
    expected = os.environ.get("HEADEND_CORRELATION_ID")
    if expected and expected != sheet["correlation_id"]:
        raise StageError("bad_job_sheet", "the job sheet belongs to another correlation id than this run")
    return sheet


def stage(sheet: dict, headend: Headend) -> dict:
    """Do the work and return the result to report."""
    with tempfile.TemporaryDirectory() as folder:
        media = Path(folder) / "video.mp4"
        headend.tell_progress("downloading", 0)
        size = fetch_media(sheet, media, headend.secret)
        print(f"downloaded {size} bytes, sha256 as planned", flush=True)
        if sheet.get("skip_upload"):
            print("the upload is skipped, as the job sheet asks", flush=True)
            return {"outcome": "staged"}
        account = Account()
        # Without a permit nobody keeps a re-run from uploading twice, so it looks first.
        video_id = None if sheet.get("permit_url") else find_earlier(account, sheet["metadata"]["marker"])
        if video_id:
            print(f"this job has uploaded {video_id} before: nothing more to do", flush=True)
        else:
            video_id = Upload(account, sheet["metadata"], media, size, headend).perform()
        print(f"uploaded private as {video_id}", flush=True)
        return {"outcome": "staged", "youtube_video_id": video_id}


def find_earlier(account: Account, marker: str) -> str | None:
    """Return what an earlier attempt of this run uploaded; a look that fails ends the run, without an upload."""
    found = account.find(marker)
    if not found and int(os.environ.get("GITHUB_RUN_ATTEMPT") or 1) > 1:
        print("YouTube lists no upload of an earlier attempt yet; looking again", flush=True)
        time.sleep(SETTLE_SECONDS)
        found = account.find(marker)
    return found


def main() -> int:
    try:
        sheet = read_sheet()
        conceal(sheet.get("one_use_secret"))
        headend = Headend(sheet)
        if not headend.take_permit():
            print(
                "Headend gave this job to another run (or this is a re-run): nothing to do here.", flush=True
            )
            return 0
    except (StageError, Unreachable) as error:
        print(f"::error::{error}", flush=True)
        if isinstance(error, StageError):
            leave_result({"outcome": "failed", "error": error.report()})
        return 1
    try:
        result = stage(sheet, headend)
    except StageError as error:
        result = {"outcome": "failed", "error": error.report()}
    except Unreachable as error:
        result = {"outcome": "failed", "error": StageError("remote_unavailable", str(error)).report()}
    except Exception as error:  # whatever it is, Headend is told, and the run is red
        message = f"unexpected {type(error).__name__} in stage.py"
        result = {"outcome": "failed", "error": {"code": "stage_crashed", "message": message}}
        print(f"::error::{message}: {concealed(str(error))}", flush=True)
    leave_result(result)
    try:
        headend.tell_result(result)
    except (StageError, Unreachable) as error:
        print(f"::error::the result could not be reported: {error}", flush=True)
        return 1
    if result["outcome"] == "failed":
        print(f"::error::{result['error']['code']}: {result['error']['message']}", flush=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
