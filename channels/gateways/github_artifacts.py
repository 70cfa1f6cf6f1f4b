"""Read what a run left behind as an artifact: its result, where it could not tell it to Headend itself."""

from __future__ import annotations

import io
import json
import zipfile
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import requests
from github import Github

from channels.gateways import observed
from channels.gateways.errors import RemoteRejected, RemoteUnavailable
from channels.gateways.github_wire import reading

RESULT = "headend-result"
"""Name of the artifact; the file in it is the same with `.json`."""
MOST_BYTES = 64 * 1024
"""What an archive, and the file in it, may have at most: a result has a few hundred bytes."""
REDIRECTS = frozenset({302, 307})

_UNREADABLE = (zipfile.BadZipFile, KeyError, NotImplementedError, RuntimeError, ValueError, EOFError)
"""What zipfile raises for no archive, no such file in it, a packing that it does not know, a password, and what ends early;
ValueError is of what is no JSON."""


class ReadsArtifacts:
    """The part of the gateway that reads results from artifacts."""

    if TYPE_CHECKING:
        _reader: Github
        _base_url: str
        _timeout_seconds: int
        _token: str

    def run_result(self, full_name: str, run_id: int) -> dict[str, Any] | None:
        """Return the result that a run left behind, as it stands there; None where it left none.

        Whoever may change the repository may have written it: it is a claim, and no more. Raises: RemoteRejected, if it is
        too large or cannot be read.
        """
        doing = f"reading the result of run {run_id} of {full_name}"
        with reading(doing):
            _, data = self._reader.requester.requestJsonAndCheck(
                "GET",
                f"/repos/{full_name}/actions/runs/{run_id}/artifacts",
                parameters={"name": RESULT, "per_page": 10},
                follow_302_redirect=True,
            )
            listed = [one for one in data["artifacts"] if one["name"] == RESULT and not one["expired"]]
            if not listed:
                return None
            newest = max(listed, key=lambda one: one["id"])
            size, number = int(newest["size_in_bytes"]), int(newest["id"])
        if size > MOST_BYTES:
            raise RemoteRejected(f"{doing}: its artifact has {size} bytes, more than {MOST_BYTES}")
        return _unpacked(self._download(full_name, number, doing), doing)

    def _download(self, full_name: str, artifact_id: int, doing: str) -> bytes:
        """Fetch an archive; the address that GitHub leads to carries its own signature and does not get our token."""
        url = f"{self._base_url}/repos/{full_name}/actions/artifacts/{artifact_id}/zip"
        try:
            with observed.request("GET", url) as heard:
                led = requests.get(
                    url,
                    headers={"Authorization": f"Bearer {self._token}", "User-Agent": "headend"},
                    timeout=self._timeout_seconds,
                    allow_redirects=False,
                )
                heard.take(led.status_code, led.headers)
            target = led.headers.get("Location", "")
            if led.status_code not in REDIRECTS or urlsplit(target).scheme not in _schemes(self._base_url):
                raise RemoteUnavailable(f"{doing}: GitHub answered {led.status_code}", status=led.status_code)
            with (
                observed.request("GET", target) as heard,
                requests.get(target, timeout=self._timeout_seconds, stream=True) as answer,
            ):
                heard.take(answer.status_code, answer.headers)
                if answer.status_code != 200:
                    raise RemoteUnavailable(f"{doing}: its store answered {answer.status_code}")
                content: bytes = answer.raw.read(MOST_BYTES + 1, decode_content=True)
        except (requests.RequestException, OSError) as error:
            raise RemoteUnavailable(f"{doing}: no answer came") from error
        if len(content) > MOST_BYTES:
            raise RemoteRejected(f"{doing}: its archive has more than {MOST_BYTES} bytes")
        return content


def _schemes(base_url: str) -> set[str]:
    return {"https", urlsplit(base_url).scheme}


def _unpacked(content: bytes, doing: str) -> dict[str, Any]:
    """Return the object in an archive's one file, whatever the archive says of its size."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive, archive.open(f"{RESULT}.json") as file:
            text = file.read(MOST_BYTES + 1)
        if len(text) > MOST_BYTES:
            raise RemoteRejected(f"{doing}: it has more than {MOST_BYTES} bytes")
        result = json.loads(text)
    except _UNREADABLE as error:
        raise RemoteRejected(f"{doing}: it cannot be read") from error
    if not isinstance(result, dict):
        raise RemoteRejected(f"{doing}: it is no JSON object")
    return result
