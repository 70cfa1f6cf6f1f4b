"""What the sandbox's YouTube remembers, and the rules by which it changes: channels, videos, publication, quota.

Everything lies in the store's section ``youtube``. Instants are kept as ISO texts with microseconds. A planned
publication happens when its instant has passed and anybody looks: `settle` runs before every answer.
"""

from __future__ import annotations

import secrets
import zlib
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from channels.sandbox.ledger import note
from channels.sandbox.store import Store
from channels.sandbox.wire import Problem, Request, Response

if TYPE_CHECKING:
    from channels.sandbox.server import Sandbox

SECTION = "youtube"
MANAGE = "https://www.googleapis.com/auth/youtube"
FORCE_SSL = "https://www.googleapis.com/auth/youtube.force-ssl"
UPLOAD = "https://www.googleapis.com/auth/youtube.upload"
READONLY = "https://www.googleapis.com/auth/youtube.readonly"

MAY_READ = (MANAGE, FORCE_SSL, READONLY)
MAY_UPLOAD = (MANAGE, FORCE_SSL, UPLOAD)
MAY_CHANGE = (MANAGE, FORCE_SSL)
MAY_CAPTION = (FORCE_SSL,)

PACIFIC = ZoneInfo("America/Los_Angeles")
CLIENT_ID = "sandbox-client"
CLIENT_SECRET = "sandbox-client-secret"  # noqa: S105
DEMO_SLUGS = ("aurora", "borealis", "cascade", "delta", "ember", "fjord")

SETTINGS: dict[str, Any] = {
    "uploads_per_day": 100,  # of a project
    "units_per_day": 10_000,  # of a project
    "channel_uploads_per_day": 100,  # of a channel, over 24 hours
    "processing_seconds": 1.0,  # from "uploaded" to "processed"
    "access_token_seconds": 3599,
    "refresh_token_seconds": None,  # how long a consent lasts; 604799 is what an app in Testing gets
    "check_media": False,  # whether a file that is not a video fails in processing
    "answer_after_completion": "video",  # or "error": what a query about a finished upload gets
    "list_lag_seconds": 0.0,  # how much later an upload shows up in the list of uploads
    "fails_in_processing": "",  # what every new upload fails with in the end, for example "codec"
    "thumbnails_allowed": True,  # whether the channel may have pictures of its own (a verified telephone number)
    "rejected_in_processing": "",  # what every new upload is rejected for in the end, for example "duplicate"
}

Section = dict[str, Any]
Video = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is calling: the channel that the access token speaks for, and the project whose quota is used."""

    channel_id: str
    project: str


# -- setting up, for tests and seeds -------------------------------------------------------------------


def seed_demo(store: Store) -> None:
    """Put six channels with their credentials in, where they are not there already."""
    add_client(store)
    for number, slug in enumerate(DEMO_SLUGS):
        add_channel(store, slug, subscribers=1200 + 730 * number, views=48_000 + 9_100 * number)


def add_client(
    store: Store, client_id: str = CLIENT_ID, secret: str = CLIENT_SECRET, project: str = ""
) -> None:
    """Register an OAuth client; clients of one project share its quota."""
    with store.change(SECTION) as youtube:
        _part(youtube, "clients").setdefault(client_id, {"secret": secret, "project": project or client_id})


def add_channel(
    store: Store, slug: str, *, title: str = "", subscribers: int = 0, views: int = 0
) -> dict[str, Any]:
    """Make a channel ``UCsandbox-<slug>`` that the client ``sandbox-client`` may manage."""
    channel_id = f"UCsandbox-{slug}"
    now = text(store.now())
    add_client(store)
    with store.change(SECTION) as youtube:
        channel = _part(youtube, "channels").setdefault(
            channel_id,
            {
                "id": channel_id,
                "title": title or slug.title(),
                "uploads_playlist": f"UUsandbox-{slug}",
                "created_at": now,
                "subscribers": subscribers,
                "views": views,
            },
        )
        grant(youtube, f"sandbox-refresh-{slug}", channel_id)
        return channel


def grant(
    youtube: Section,
    refresh_token: str,
    channel_id: str,
    scopes: tuple[str, ...] = (MANAGE, FORCE_SSL),
    client_id: str = CLIENT_ID,
    expires_at: str | None = None,
) -> None:
    """Remember a refresh token, unless it is known already."""
    _part(youtube, "refresh_tokens").setdefault(
        refresh_token,
        {
            "client_id": client_id,
            "channel_id": channel_id,
            "scopes": list(scopes),
            "revoked": False,
            "expires_at": expires_at,
        },
    )


def revoke(store: Store, refresh_token: str) -> None:
    """Take a permission back, as a channel's owner does in the Google account."""
    with store.change(SECTION) as youtube:
        _part(youtube, "refresh_tokens")[refresh_token]["revoked"] = True
        tokens = _part(youtube, "access_tokens")
        for name in [name for name, token in tokens.items() if token["refresh_token"] == refresh_token]:
            del tokens[name]


def configure(store: Store, *, channel_id: str = "", **settings: Any) -> None:
    """Change some of `SETTINGS`, for all or for one channel; None gives the channel back what holds for all.

    Raises ValueError for a name that is not one, or a channel that is not there.
    """
    unknown = set(settings) - set(SETTINGS)
    if unknown:
        raise ValueError(f"no such setting: {', '.join(sorted(unknown))}")
    with store.change(SECTION) as youtube:
        if not channel_id:
            _part(youtube, "settings").update(settings)
            return
        if channel_id not in _part(youtube, "channels"):
            raise ValueError(f"no such channel: {channel_id}")
        own = youtube["channels"][channel_id].setdefault("settings", {})
        own.update(settings)
        for name in [name for name, value in own.items() if value is None]:
            del own[name]


def setting(youtube: Section, name: str, channel_id: str = "") -> Any:
    """Return what holds for a channel, or for all."""
    own = youtube.get("channels", {}).get(channel_id, {}).get("settings", {})
    return own[name] if name in own else youtube.get("settings", {}).get(name, SETTINGS[name])


# -- who calls -----------------------------------------------------------------------------------------


def caller_of(store: Store, request: Request, scopes: tuple[str, ...]) -> Caller:
    """Return who is calling, or answer 401 or 403."""
    kind, _, token = (request.headers.get("Authorization") or "").partition(" ")
    with store.read(SECTION) as youtube:
        access = youtube.get("access_tokens", {}).get(token) if kind == "Bearer" else None
        if access is None or instant(access["expires_at"]) <= store.now():
            message = "Request had invalid authentication credentials."
            raise problem(401, "authError", message, domain="global", location="Authorization")
        if not set(scopes) & set(access["scopes"]):
            message = "Request had insufficient authentication scopes."
            raise problem(403, "insufficientPermissions", message, domain="global")
        return Caller(access["channel_id"], youtube["clients"][access["client_id"]]["project"])


def enter(sandbox: Sandbox, request: Request, scopes: tuple[str, ...], *, units: int) -> Caller:
    """Do what comes before every call: who is it, may it, is there quota, and what has happened meanwhile."""
    caller = caller_of(sandbox.store, request, scopes)
    charge(sandbox.store, caller, units)
    settle(sandbox.store)
    return caller


def is_visible(video: Video | None, caller: Caller) -> bool:
    """Return whether a caller is shown a video: its own, and whatever is not private."""
    return video is not None and (
        video["channel_id"] == caller.channel_id or video["privacy_status"] != "private"
    )


def own_video(youtube: Section, video_id: str, caller: Caller) -> Video:
    """Return a video that the caller may change, or answer 404 or 403."""
    video = youtube.get("videos", {}).get(video_id)
    if not is_visible(video, caller):
        raise problem(404, "videoNotFound", "The video that you are trying to change cannot be found.")
    if video["channel_id"] != caller.channel_id:
        raise problem(403, "forbidden", "The caller may not change this video.")
    return video


def charge(store: Store, caller: Caller, amount: int) -> None:
    """Count units against the project's day, or answer 403 when they are used up."""
    with store.change(SECTION) as youtube:
        used = _usage(youtube, caller.project, pacific_day(store.now()))
        if used["units"] + amount > setting(youtube, "units_per_day"):
            message = "The request cannot be completed because you have exceeded your quota."
            raise problem(403, "quotaExceeded", message, domain="youtube.quota")
        used["units"] += amount


def charge_upload(store: Store, caller: Caller) -> None:
    """Count one upload: answer 429 when the project's are used up, 400 when the channel's are."""
    now = store.now()
    with store.change(SECTION) as youtube:
        used = _usage(youtube, caller.project, pacific_day(now))
        if used["uploads"] >= setting(youtube, "uploads_per_day"):
            message = (
                "Quota exceeded for quota metric 'Video Uploads' and limit 'Video Uploads per day' of service "
                f"'youtube.googleapis.com' for consumer 'project:{caller.project}'."
            )
            raise problem(429, "rateLimitExceeded", message, domain="global")
        used["uploads"] += 1
        recent = [
            video
            for video in _part(youtube, "videos").values()
            if video["channel_id"] == caller.channel_id
            and instant(video["uploaded_at"]) > now - timedelta(hours=24)
        ]
        if len(recent) >= setting(youtube, "channel_uploads_per_day", caller.channel_id):
            raise problem(
                400, "uploadLimitExceeded", "The user has exceeded the number of videos they may upload."
            )


def usage(store: Store, project: str = CLIENT_ID) -> dict[str, int]:
    """Return what a project has used today: ``{"uploads": …, "units": …}``."""
    with store.read(SECTION) as youtube:
        return dict(_usage(youtube, project, pacific_day(store.now())))


def _usage(youtube: Section, project: str, day: date) -> dict[str, int]:
    days = _part(youtube, "usage").setdefault(project, {})
    return days.setdefault(day.isoformat(), {"uploads": 0, "units": 0})


def pacific_day(moment: datetime) -> date:
    return moment.astimezone(PACIFIC).date()


# -- videos --------------------------------------------------------------------------------------------


def new_video(
    youtube: Section, channel_id: str, resource: dict[str, Any], now: datetime, **file: Any
) -> Video:
    """Make a video from an upload whose last byte has arrived, and apply the status that was sent with it."""
    video: Video = {
        "id": secrets.token_urlsafe(8)[:11],
        "channel_id": channel_id,
        "snippet": snippet_of(resource),
        "status": {},
        "paid_promotion": paid_promotion(resource),
        "captions": {},
        "privacy_status": "new",
        "publish_at": None,
        "uploaded_at": text(now),
        "made_public_at": None,
        "transitions": [],
        "thumbnail": None,
        **file,
    }
    video["failure"] = video.get("failure") or setting(youtube, "fails_in_processing", channel_id)
    video["rejection"] = setting(youtube, "rejected_in_processing", channel_id)
    _write_down(youtube, video, "upload", video["uploaded_at"], sha256=video.get("sha256"))
    apply_status(youtube, video, resource.get("status") or {}, now, cause="insert")
    _part(youtube, "videos")[video["id"]] = video
    return video


def paid_promotion(resource: dict[str, Any]) -> bool:
    """Return what a resource says of paid promotion; left out, it is none."""
    return bool((resource.get("paidProductPlacementDetails") or {}).get("hasPaidProductPlacement", False))


def snippet_of(resource: dict[str, Any]) -> dict[str, Any]:
    """Return a video's whole snippet as a resource sets it: what is left out of it is deleted."""
    snippet = resource["snippet"]
    return {
        "title": snippet["title"],
        "description": snippet.get("description", ""),
        "tags": list(snippet.get("tags") or []),
        "categoryId": str(snippet.get("categoryId", "22")),
        **{key: snippet[key] for key in ("defaultLanguage", "defaultAudioLanguage") if snippet.get(key)},
    }


def apply_status(
    youtube: Section, video: Video, status: dict[str, Any], now: datetime, *, cause: str
) -> None:
    """Replace a video's whole status, as the API does: what is not sent goes back to its default.

    A missing privacy status means public. `publishAt` needs a private video that never was public; one in the
    past publishes at once.
    """
    privacy, publish_at = checked_status(status, was_public=bool(video["made_public_at"]))
    video["status"] = {
        "selfDeclaredMadeForKids": bool(status.get("selfDeclaredMadeForKids", False)),
        "embeddable": bool(status.get("embeddable", True)),
        "license": status.get("license", "youtube"),
        "publicStatsViewable": bool(status.get("publicStatsViewable", True)),
        "containsSyntheticMedia": bool(status.get("containsSyntheticMedia", False)),
    }
    _part(youtube, "scheduled").pop(video["id"], None)
    video["publish_at"] = None
    if publish_at is not None and publish_at <= now:
        set_privacy(youtube, video, "public", now, cause="publishAt in the past")
        return
    set_privacy(youtube, video, privacy, now, cause=cause)
    if publish_at is not None:
        video["publish_at"] = text(publish_at)
        _part(youtube, "scheduled")[video["id"]] = video["publish_at"]


def checked_status(status: dict[str, Any], *, was_public: bool) -> tuple[str, datetime | None]:
    """Return the privacy status and the planned publication that are asked for, or answer 400."""
    privacy = status.get("privacyStatus", "public")
    if privacy not in ("public", "unlisted", "private"):
        raise problem(400, "invalidPrivacyStatus", f"The privacy status {privacy!r} is not valid.")
    if not status.get("publishAt"):
        return privacy, None
    try:
        publish_at = instant(status["publishAt"])
    except (TypeError, ValueError):
        publish_at = None
    if publish_at is None or privacy != "private" or was_public:
        raise problem(
            400, "invalidPublishAt", "The request metadata specifies an invalid scheduled publishing time."
        )
    return privacy, publish_at


def set_privacy(youtube: Section, video: Video, privacy: str, at: datetime, *, cause: str) -> None:
    """Change who may see a video, and write the change down."""
    before = video["privacy_status"]
    if before == privacy:
        return
    video["privacy_status"] = privacy
    video["transitions"].append(
        {"at": text(at), "from": before, "to": privacy, "cause": cause, "publish_at": video["publish_at"]}
    )
    if privacy == "public" and not video["made_public_at"]:
        video["made_public_at"] = text(at)
    changed = {"from": before, "to": privacy, "cause": cause, "publish_at": video["publish_at"]}
    _write_down(youtube, video, "visibility", text(at), **changed)


def _write_down(youtube: Section, video: Video, kind: str, at: str, **facts: Any) -> None:
    """Leave a note for the ledger."""
    whose = {"channel": video["channel_id"], "marker": marker_of(video), "title": video["snippet"]["title"]}
    note(youtube, kind, at, **whose, video=video["id"], **facts)


def settle(store: Store) -> None:
    """Let every planned publication happen whose instant has passed."""
    now = store.now()
    with store.read(SECTION) as youtube:
        scheduled = youtube.get("scheduled", {})
        due = [video_id for video_id, at in scheduled.items() if instant(at) <= now]
        if not due:
            return
        with store.change(SECTION):
            for video_id in due:
                video, at = youtube["videos"][video_id], instant(scheduled.pop(video_id))
                set_privacy(youtube, video, "public", at, cause="publishAt")
                video["publish_at"] = None


def delete_video(youtube: Section, video_id: str) -> Video:
    _part(youtube, "scheduled").pop(video_id, None)
    video = _part(youtube, "videos").pop(video_id)
    # Its publications stay on record: a deleted video was public all the same.
    _part(youtube, "deleted")[video_id] = video
    _write_down(youtube, video, "deleted", text(datetime.now(UTC)))
    return video


def publications(store: Store) -> list[dict[str, Any]]:
    """List every time a video became public, in order; the same video twice means it happened twice."""
    settle(store)
    found = []
    with store.read(SECTION) as youtube:
        for video in [*youtube.get("videos", {}).values(), *youtube.get("deleted", {}).values()]:
            found += [
                {
                    "video_id": video["id"],
                    "channel_id": video["channel_id"],
                    "marker": marker_of(video),
                    "title": video["snippet"]["title"],
                    "public_at": change["at"],
                    "publish_at": change["publish_at"],
                    "cause": change["cause"],
                }
                for change in video["transitions"]
                if change["to"] == "public"
            ]
    return sorted(found, key=lambda entry: entry["public_at"])


def marker_of(video: Video) -> str:
    """Return the last line of a description that looks like an uploader's marker, or nothing."""
    return marker_in(video["snippet"]["description"])


def marker_in(description: str) -> str:
    """Return the last line that looks like an uploader's marker, or nothing."""
    lines = [line.strip() for line in description.splitlines()]
    return next((line for line in reversed(lines) if line.startswith("headend:")), "")


def view_count(video: Video, now: datetime) -> int:
    """Count the views a public video has drawn: fast at first, then slower, and the same for the same age."""
    seconds = 0.0
    since: datetime | None = None
    for change in video["transitions"]:
        at = instant(change["at"])
        if change["to"] == "public":
            since = at
        elif since is not None:
            seconds, since = seconds + (at - since).total_seconds(), None
    if since is not None:
        seconds += max(0.0, (now - since).total_seconds())
    per_second = 0.4 + zlib.crc32(video["id"].encode()) % 1000 / 400
    return int(per_second * seconds / (1 + seconds / 7200) ** 0.6)


# -- small things --------------------------------------------------------------------------------------


def problem(
    status: int, reason: str, message: str, *, domain: str = "youtube.video", location: str = ""
) -> Problem:
    """Return an error as the YouTube Data API words it."""
    entry = {"message": message, "domain": domain, "reason": reason}
    if location:
        entry |= {"location": location, "locationType": "header"}
    headers = {"WWW-Authenticate": 'Bearer realm="sandbox"'} if status == 401 else {}
    body = {"error": {"code": status, "message": message, "errors": [entry]}}
    return Problem(Response.json(body, status, headers))


def text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def instant(written: str) -> datetime:
    moment = datetime.fromisoformat(written)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _part(youtube: Section, name: str) -> dict[str, Any]:
    return youtube.setdefault(name, {})
