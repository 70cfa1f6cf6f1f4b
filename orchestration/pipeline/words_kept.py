"""Keep, on a distribution's row, which words YouTube has of us, which are on their way, and which are still wanted.

    words_set     {words, at, tries: [{name, words, at, status}], status_at, extras: {key: {value, at, …}}}
    words_wanted  {words: {field: value}, extras: {picture, subtitles, playlists}}
    word_faults   {key: {code, message, since, tries, next_at or given_up}}

An extra's key is `picture`, `subtitles:<attachment>` or `playlist:<id>`. Every write is a merge under the row's lock.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from channels.gateways.youtube_upload import unmarked_description
from channels.gateways.youtube_values import VideoStatus
from orchestration.models import Distribution, Job
from orchestration.queue.lease import WaitUntil
from orchestration.states import JobKind
from orchestration.words import outside

CALL_IS_OVER_AFTER = timedelta(minutes=8)
"""How long after it was made a call whose answer nobody heard may still take effect.

Less than `compare` has: whoever waited for it still knows by then that what it set is ours.
"""
LOOK_AFTER = timedelta(seconds=2)

Document = dict[str, Any]


def shown_words(status: VideoStatus, marker: str) -> Document:
    """Return a video's words as YouTube shows them, without Headend's marker."""
    shown = {name: getattr(status, name) for name in outside.COMPARED}
    shown["description"] = unmarked_description(status.description, marker)
    shown["tags"] = [tag for tag in status.tags if tag != marker]
    return shown


def changed(distribution: Distribution, field: str, document: Document) -> None:
    """Write one of the three documents of a row that is locked."""
    Distribution.objects.filter(pk=distribution.pk).update(**{field: document})
    setattr(distribution, field, document)


def note_first_seen(distribution: Distribution, words: Mapping[str, Any]) -> None:
    """Keep words as ours that YouTube shows for the first time: so it shows what the upload said."""
    with transaction.atomic():
        found = Distribution.objects.locked().get(pk=distribution.pk)
        if not found.words_set.get("words"):
            kept = {**found.words_set, "words": dict(words), "at": timezone.now().isoformat()}
            changed(found, "words_set", kept)
        distribution.words_set = found.words_set


# -- calls under way ---------------------------------------------------------------------------------------


def begin_try(distribution: Distribution, words: Mapping[str, Any], *, has_status: bool) -> str:
    """Keep what a call is about to set, on a locked row; returns the try's name."""
    now = timezone.now().isoformat()
    name = secrets.token_hex(4)
    one = {"name": name, "words": dict(words), "at": now, "status": has_status}
    kept = {**distribution.words_set, "tries": [*_fresh(distribution), one]}
    if has_status:
        kept["status_at"] = now
    changed(distribution, "words_set", kept)
    return name


def end_try(distribution: Distribution, name: str, words: Mapping[str, Any] | None) -> None:
    """Keep what is set now, on a locked row, and forget the try; without words the call had no effect for certain.

    Without a name YouTube showed it: a try that was to set just that has taken effect, and is over, too.
    """
    left = [one for one in _fresh(distribution) if one["name"] != name]
    if words is not None and not name:
        left = [
            one for one in left if any(words.get(field) != value for field, value in one["words"].items())
        ]
    kept = {**distribution.words_set, "tries": left}
    if words is not None:
        kept |= {"words": dict(words), "at": timezone.now().isoformat()}
    changed(distribution, "words_set", kept)


def tried(distribution: Distribution) -> list[Document]:
    """Return what calls were to set whose answer nobody heard, and which nothing that was seen has overtaken."""
    return [one["words"] for one in distribution.words_set.get("tries", ())]


def _fresh(distribution: Distribution) -> list[Document]:
    since = timezone.now() - CALL_IS_OVER_AFTER
    return [
        one for one in distribution.words_set.get("tries", ()) if datetime.fromisoformat(one["at"]) > since
    ]


def status_may_change_until(distribution: Distribution) -> datetime | None:
    """Return until when a call of ours that names the video's status may take effect; None where there is none."""
    last = [
        datetime.fromisoformat(one["at"])
        for one in distribution.words_set.get("tries", ())
        if one.get("status")
    ]
    until = max(last) + CALL_IS_OVER_AFTER if last else None
    return until if until is not None and until > timezone.now() else None


def wait_for_edit(distribution: Distribution, *, loaded: Distribution | None = None) -> None:
    """Let an edit end first that says again who may see the video; call it with the row under lock.

    With `loaded`, as it was when the job began, one that has ended since is waited for, too: what was looked at before it
    is not true any more. Raises: WaitUntil.
    """
    until, now = status_may_change_until(distribution), timezone.now()
    if until is not None:
        running = Job.objects.running().filter(distribution=distribution.pk, kind=JobKind.EDIT).exists()
        raise WaitUntil(
            now + LOOK_AFTER if running else until, "its words are being changed on YouTube first"
        )
    if loaded is not None and loaded.words_set.get("status_at") != distribution.words_set.get("status_at"):
        raise WaitUntil(now + LOOK_AFTER, "its words were changed on YouTube meanwhile; looking anew")


# -- what is wanted ----------------------------------------------------------------------------------------


def wanted_words(distribution: Distribution) -> Document:
    return dict(distribution.words_wanted.get("words", {}))


def wanted_extras(distribution: Distribution) -> dict[str, Any]:
    """Return the extras that YouTube is to have, by key: what of them is wanted."""
    extras = distribution.words_wanted.get("extras", {})
    found: dict[str, Any] = {}
    if extras.get("picture"):
        found["picture"] = extras["picture"]
    found |= {f"playlist:{playlist}": playlist for playlist in extras.get("playlists", ())}
    found |= {f"subtitles:{attachment}": attachment for attachment in extras.get("subtitles", ())}
    return found


def pending_extras(distribution: Distribution) -> dict[str, Any]:
    """Return the extras that are wanted and neither done nor given up."""
    done = distribution.words_set.get("extras", {})
    faults = distribution.word_faults
    return {
        key: value
        for key, value in wanted_extras(distribution).items()
        if done.get(key, {}).get("value") != value and not faults.get(key, {}).get("given_up")
    }


def drop_wanted(distribution: Distribution, words: Mapping[str, Any]) -> None:
    """Take fields off what is wanted, on a locked row, unless something else is wanted of them by now."""
    left = {
        name: value for name, value in wanted_words(distribution).items() if words.get(name, _NONE) != value
    }
    changed(distribution, "words_wanted", {**distribution.words_wanted, "words": left})


_NONE = object()
