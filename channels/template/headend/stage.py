"""Stage one video on this repository's YouTube channel: fetch it, upload it private, report to Headend.

Started by .github/workflows/headend.yml. Needs Python 3.10 or newer and nothing else. Everything comes from the
environment: HEADEND_CORRELATION_ID and HEADEND_JOB_SHEET (JSON) say what to do, YT_CLIENT_ID, YT_CLIENT_SECRET and
YT_REFRESH_TOKEN are the channel's credential. YOUTUBE_API_URL and GOOGLE_TOKEN_URL may point elsewhere (a proxy).

The job sheet: {correlation_id, media_url, media_sha256, skip_upload?, permit_url?, result_url?, progress_url?, token?,
metadata: {title, description, tags, category_id, language, made_for_kids, marker, notify_subscribers?}}
The addresses and their token are missing when Headend cannot be reached from outside: then nothing is reported, and
Headend finds the video by its marker.

The exit code is 0 when the video is staged, or when Headend says that another run has this job; else 1.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

YOUTUBE = (os.environ.get("YOUTUBE_API_URL") or "https://youtube.googleapis.com").rstrip("/")
TOKEN_URL = os.environ.get("GOOGLE_TOKEN_URL") or "https://oauth2.googleapis.com/token"
BACKOFF_SECONDS = float(os.environ.get("HEADEND_BACKOFF_SECONDS") or 2)
TRIES = 6
TIMEOUT_SECONDS = 60
DESCRIPTION_BYTES = 5000  # YouTube's limit
CHUNK_BYTES = 8 * 1024 * 1024  # a multiple of 256 KiB, as YouTube demands of every chunk but the last


class StageError(Exception):
    """The video cannot be staged; `code` is stable, the text is for people and carries no secret."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Unreachable(Exception):
    """No answer came."""


class Answer:
    def __init__(self, status: int, headers, body: bytes) -> None:
        self.status, self.headers, self.body = status, headers, body

    def json(self) -> dict:
        try:
            value = json.loads(self.body or b"{}")
        except ValueError:
            return {}
        return value if isinstance(value, dict) else {}

    def reason(self) -> str:
        """Return what the error's body says, shortened."""
        error = self.json().get("error") or {}
        if isinstance(error, str):
            return error
        reasons = [item.get("reason", "") for item in error.get("errors", [])]
        return " ".join([*reasons, error.get("message", "")]).strip()[:300]


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


def pause(attempt: int) -> None:
    time.sleep(min(BACKOFF_SECONDS * 2**attempt, 60))


def call_patiently(
    method: str, url: str, *, headers: dict | None = None, body: bytes | None = None
) -> Answer:
    """Repeat a call that may safely be repeated while the other side is unreachable, busy or failing."""
    failure = ""
    for attempt in range(TRIES):
        try:
            answer = call(method, url, headers=headers, body=body)
        except Unreachable as error:
            failure = str(error)
        else:
            if answer.status < 500 and answer.status != 429:
                return answer
            failure = f"{urllib.parse.urlsplit(url).hostname} answered {answer.status}"
        if attempt < TRIES - 1:
            pause(attempt)
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

    def _post(self, url: str, value: dict, patiently: bool = True) -> Answer:
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self.sheet['token']}"}
        send = call_patiently if patiently else call
        return send("POST", url, headers=headers, body=json.dumps({**self.run, **value}).encode())

    def take_permit(self) -> bool:
        """Ask whether this run, at this attempt, is the one that may work."""
        if not self.sheet.get("permit_url"):
            return True
        answer = self._post(self.sheet["permit_url"], {})
        if answer.status == 409:
            return False
        if not 200 <= answer.status < 300:
            raise StageError(
                "permit_refused", f"Headend answered {answer.status} to the request for a permit"
            )
        return True

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


# -- the file ----------------------------------------------------------------------------------------------


def origin(url: str) -> tuple:
    parts = urllib.parse.urlsplit(url)
    return parts.scheme, parts.netloc


def fetch_media(sheet: dict, target: Path) -> int:
    """Download the video and check that it is the very file that was meant. Returns its size in bytes."""
    headers = {}
    # The token is for Headend alone.
    if sheet.get("token") and origin(sheet["media_url"]) == origin(sheet.get("result_url") or ""):
        headers["Authorization"] = f"Bearer {sheet['token']}"
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
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = call_patiently("POST", TOKEN_URL, headers=kind, body=urllib.parse.urlencode(form).encode())
    token = answer.json().get("access_token")
    if answer.status != 200 or not token:
        code = "credential_revoked" if answer.status in (400, 401) else "token_refused"
        raise StageError(code, f"Google answered {answer.status} to the refresh token: {answer.reason()}")
    print(f"::add-mask::{token}", flush=True)
    return token


def resource_of(metadata: dict) -> dict:
    """Return the video resource: always private, with the marker in the last line and among the tags."""
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
    status = {"privacyStatus": "private", "selfDeclaredMadeForKids": bool(metadata.get("made_for_kids"))}
    return {"snippet": snippet, "status": status}


def refuse(answer: Answer, doing: str) -> StageError:
    """Name the fact behind an answer that ends the attempt."""
    reason = answer.reason()
    code = "youtube_rejected"
    if answer.status == 401:
        code = "credential_revoked"
    elif answer.status == 429 or "uploadLimitExceeded" in reason or "quotaExceeded" in reason:
        code = "quota_exhausted"
    elif answer.status == 403:
        code = "permission_missing"
    elif answer.status >= 500:
        code = "youtube_unavailable"
    return StageError(code, f"YouTube answered {answer.status} {doing}: {reason}")


class Upload:
    """One resumable upload of one file."""

    def __init__(self, token: str, metadata: dict, media: Path, size: int, headend: Headend) -> None:
        self.token, self.metadata, self.media, self.size, self.headend = token, metadata, media, size, headend

    def perform(self) -> str:
        """Upload the file and return the video's id."""
        session = self.open_session()
        position, failures, unsure = 0, 0, False
        with self.media.open("rb") as file:
            while True:
                answer = self.ask(session) if unsure else self.send(session, file, position)
                if answer is None or answer.status >= 500 or answer.status == 429:
                    failures, unsure = failures + 1, True
                elif answer.status in (200, 201):
                    return answer.json().get("id") or self.adopt() or self.give_up(answer)
                elif answer.status == 308:
                    arrived = position_after(answer)
                    failures = 0 if arrived > position else failures + 1
                    position, unsure = arrived, False
                    self.headend.tell_progress("uploading", position * 100 // self.size)
                elif answer.status in (404, 410):  # gone; but the last byte may have arrived all the same
                    return self.adopt() or self.give_up(answer)
                else:
                    raise refuse(answer, "to the upload")
                if failures >= TRIES:
                    return self.adopt() or self.give_up(answer)
                if failures:
                    pause(failures - 1)

    def open_session(self) -> str:
        notify = "false" if self.metadata.get("notify_subscribers") is False else "true"
        query = f"uploadType=resumable&part=snippet,status&notifySubscribers={notify}"
        headers = {
            "Authorization": f"Bearer {self.token}",
            "Content-Type": "application/json; charset=UTF-8",
            "X-Upload-Content-Type": "video/*",
            "X-Upload-Content-Length": str(self.size),
        }
        url = f"{YOUTUBE}/upload/youtube/v3/videos?{query}"
        # Opening a session makes no video, so it may be repeated.
        body = json.dumps(resource_of(self.metadata)).encode()
        answer = call_patiently("POST", url, headers=headers, body=body)
        session = answer.headers.get("Location")
        if answer.status != 200 or not session:
            raise refuse(answer, "to the start of the upload")
        print(f"::add-mask::{session}", flush=True)
        return session

    def send(self, session: str, file, position: int) -> Answer | None:
        """Send the next chunk. Returns None when no answer came."""
        file.seek(position)
        block = file.read(CHUNK_BYTES)
        if not block:
            return self.ask(session)
        extent = f"bytes {position}-{position + len(block) - 1}/{self.size}"
        headers = {"Content-Type": "video/*", "Content-Range": extent}
        try:
            return call("PUT", session, headers=headers, body=block)
        except Unreachable:
            return None

    def ask(self, session: str) -> Answer | None:
        """Ask YouTube how much has arrived."""
        try:
            return call("PUT", session, headers={"Content-Range": f"bytes */{self.size}"}, body=b"")
        except Unreachable:
            return None

    def adopt(self) -> str | None:
        """Look among the channel's latest uploads for the marker: an upload may have ended unheard."""
        try:
            mine = self.read("channels?part=contentDetails&mine=true")
            uploads = mine["items"][0]["contentDetails"]["relatedPlaylists"]["uploads"]
            latest = self.read(f"playlistItems?part=contentDetails&maxResults=50&playlistId={uploads}")
            ids = ",".join(item["contentDetails"]["videoId"] for item in latest.get("items", []))
            videos = self.read(f"videos?part=snippet&id={ids}") if ids else {}
        except (Unreachable, KeyError, IndexError):
            return None
        marker = self.metadata["marker"]
        for video in videos.get("items", []):
            snippet = video.get("snippet", {})
            last_line = (snippet.get("description") or "").rstrip().rpartition("\n")[2]
            if marker in (snippet.get("tags") or []) or last_line == marker:
                return video["id"]
        return None

    def read(self, path: str) -> dict:
        url = f"{YOUTUBE}/youtube/v3/{path}"
        return call_patiently("GET", url, headers={"Authorization": f"Bearer {self.token}"}).json()

    def give_up(self, answer: Answer | None) -> str:
        if answer is None:
            raise StageError("youtube_unavailable", "YouTube stopped answering in the middle of the upload")
        if answer.status in (404, 410):
            raise StageError("session_gone", "YouTube no longer knows this upload, and has no such video")
        raise refuse(answer, "to the upload")


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
    if calls_back and not sheet.get("token"):
        raise StageError("bad_job_sheet", "the job sheet has addresses to call, but no token for them")
    expected = os.environ.get("HEADEND_CORRELATION_ID")
    if expected and expected != sheet["correlation_id"]:
        raise StageError("bad_job_sheet", "the job sheet belongs to another correlation id than this run")
    return sheet


def stage(sheet: dict, headend: Headend) -> dict:
    """Do the work and return the result to report."""
    with tempfile.TemporaryDirectory() as folder:
        media = Path(folder) / "video.mp4"
        headend.tell_progress("downloading", 0)
        size = fetch_media(sheet, media)
        print(f"downloaded {size} bytes, sha256 as planned", flush=True)
        if sheet.get("skip_upload"):
            print("the upload is skipped, as the job sheet asks", flush=True)
            return {"outcome": "staged"}
        upload = Upload(access_token(), sheet["metadata"], media, size, headend)
        # Without a permit nobody keeps a re-run from uploading twice, so it looks first.
        found = None if sheet.get("permit_url") else upload.adopt()
        if found:
            print(f"this job has uploaded {found} before: nothing more to do", flush=True)
        video_id = found or upload.perform()
        print(f"uploaded private as {video_id}", flush=True)
        return {"outcome": "staged", "youtube_video_id": video_id}


def main() -> int:
    try:
        sheet = read_sheet()
        if sheet.get("token"):
            print(f"::add-mask::{sheet['token']}", flush=True)
        headend = Headend(sheet)
        if not headend.take_permit():
            print(
                "Headend gave this job to another run (or this is a re-run): nothing to do here.", flush=True
            )
            return 0
    except (StageError, Unreachable) as error:
        print(f"::error::{error}", flush=True)
        return 1
    try:
        result = stage(sheet, headend)
    except StageError as error:
        result = {"outcome": "failed", "error": {"code": error.code, "message": str(error)}}
    except Unreachable as error:
        result = {"outcome": "failed", "error": {"code": "remote_unavailable", "message": str(error)}}
    except Exception as error:  # whatever it is, Headend is told, and the run is red
        message = f"unexpected {type(error).__name__} in stage.py"
        result = {"outcome": "failed", "error": {"code": "stage_crashed", "message": message}}
        print(f"::error::{message}: {error}", flush=True)
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
