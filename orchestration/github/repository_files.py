"""The files that Headend keeps in a channel's repository: what they shall be, how they compare, one commit for what changed.

A file is compared three ways by its blob id: as we last wrote it, as it shall be, as it is now. What is neither is somebody
else's decision, and is not overwritten.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import channels
from channels.gateways.errors import RemoteError, RemoteUncertain
from channels.gateways.github import GitHubGateway
from channels.gateways.github_git import Head
from channels.models import Channel, ConfigRevision
from orchestration.core.failpoints import failpoint
from orchestration.models import RepositoryRecord

TEMPLATE = Path(channels.__file__).parent / "template"
DOCUMENT_PATH = "headend/channel.json"
READINGS_PATH = "headend/readings.json"
SCRIPT_PATH = "headend/stage.py"
OWN_WORKFLOW = "headend.yml"
WORKFLOW_PATH = f".github/workflows/{OWN_WORKFLOW}"
FROM_TEMPLATE = (WORKFLOW_PATH, SCRIPT_PATH, READINGS_PATH)


@cache
def template_file(path: str) -> str:
    """Return a file of the channel repository's template."""
    return (TEMPLATE / path).read_text(encoding="utf-8")


@cache
def template_checksum() -> str:
    """Return a short hash of what the template puts into repositories, so that a new template is a new revision."""
    files = "\0".join(template_file(path) for path in FROM_TEMPLATE)
    return hashlib.sha256(files.encode()).hexdigest()[:16]


def wanted(channel: Channel, revision: ConfigRevision) -> dict[str, str]:
    """Return what shall lie in the repository, by path. A workflow of another name is the operator's own, and left alone."""
    paths = [path for path in FROM_TEMPLATE if path != WORKFLOW_PATH or channel.workflow == OWN_WORKFLOW]
    files = {path: template_file(path) for path in paths}
    whole = {"revision": revision.number, "checksum": revision.checksum, **revision.document}
    files[DOCUMENT_PATH] = json.dumps(whole, indent=2, ensure_ascii=False) + "\n"
    return files


def blob_id(text: str) -> str:
    """Return the id that git gives to a file's content."""
    content = text.encode()
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


@dataclass(frozen=True, slots=True)
class FileDrift:
    """A file that is neither as we last wrote it nor as it shall be; `there` is empty where it was deleted."""

    path: str
    recorded: str
    wanted: str
    there: str


@dataclass(frozen=True, slots=True)
class FilesCompared:
    """Which files are to be written, which a person changed, which a person told us to keep as they are."""

    to_write: tuple[str, ...]
    drifted: tuple[FileDrift, ...]
    kept: tuple[str, ...]


def compare(record: RepositoryRecord, files: Mapping[str, str], head: Head | None) -> FilesCompared:
    """Compare what we last wrote, what shall be and what is there. What we never wrote is taken over, and written."""
    to_write, drifted, kept = [], [], []
    for path, text in files.items():
        known = record.files.get(path, {})
        there, ours = head.blobs.get(path, "") if head else "", blob_id(text)
        if there == ours:
            continue
        if known.get("kept") and there == known["kept"]:
            kept.append(path)
        elif not known or there in {known.get("written"), known.get("intended")}:
            to_write.append(path)
        else:
            drifted.append(FileDrift(path, known.get("written", ""), ours, there))
    return FilesCompared(tuple(to_write), tuple(drifted), tuple(kept))


def commit(
    github: GitHubGateway,
    channel: Channel,
    record: RepositoryRecord,
    files: Mapping[str, str],
    head: Head | None,
    revision: ConfigRevision,
) -> dict[str, str]:
    """Commit these files, several as one commit, and return the commit of each; what is meant is recorded before.

    Raises: RemoteUncertain, or RemoteError with status 409 or 422 where somebody else committed meanwhile: look again.
    """
    if not files:
        return {}
    for path, text in files.items():
        record.files[path] = {"written": "", **record.files.get(path, {}), "intended": blob_id(text)}
    record.save(update_fields=["files"])
    message = f"Headend: revision {revision.number}"
    if head is not None and len(files) > 1:
        sha = github.commit_files(channel.repository, channel.ref, head, files, message)
        commits = dict.fromkeys(files, sha)
    else:
        commits = {
            path: github.write_file(
                channel.repository,
                path,
                text,
                f"Headend: {path} of revision {revision.number}",
                channel.ref,
                sha=head.blobs.get(path) if head else None,
            )
            for path, text in files.items()
        }
    failpoint("sync.written")
    return commits


def note_written(record: RepositoryRecord, files: Mapping[str, str], kept: tuple[str, ...]) -> None:
    """Write down that these files lie in the repository as they shall, but those that a person told us to keep."""
    record.files = {
        path: record.files[path] if path in kept else {"written": blob_id(text)}
        for path, text in files.items()
    }
    record.save(update_fields=["files"])


def is_moved(error: RemoteError) -> bool:
    """Return whether a commit was refused, or may have been lost, so that looking again tells."""
    return isinstance(error, RemoteUncertain) or error.status in {409, 422}
