"""Tell from a video's address whether a file lies there, and whether a GitHub run can fetch it."""

from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

from django.conf import settings

FILE_ENDINGS = frozenset(
    {".mp4", ".m4v", ".mov", ".webm", ".mkv", ".avi", ".flv", ".wmv", ".mpg", ".mpeg", ".ts", ".ogv"}
)


def looks_like_a_file(url: str) -> bool:
    """Return whether an address looks like that of a file, by its ending; else it is taken for a page."""
    return PurePosixPath(unquote(urlsplit(url).path)).suffix.lower() in FILE_ENDINGS


def is_in_reach_of_runs(url: str, *, needs_access: bool = False) -> bool:
    """Return whether a GitHub run can fetch the file: from Headend if that has a public address, else from its source.

    A source that wants a login, cookies or headers gives it nothing: a run knows nothing of them.
    """
    return bool(settings.HEADEND_PUBLIC_URL) or (looks_like_a_file(url) and not needs_access)
