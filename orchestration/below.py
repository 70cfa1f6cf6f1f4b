"""Say where a page or an endpoint of ours is when Headend serves a folder of a host: `https://example.org/headend`.

The folder is the path of HEADEND_PUBLIC_URL. The proxy takes it off before it hands a request on, so that no address in the
code knows of it; `reverse()` puts it in front. What does not go through `reverse()` goes through here.
"""

from urllib.parse import urlsplit

from django.conf import settings
from django.urls import get_script_prefix


def below(path: str) -> str:
    """Return a path of ours as a browser asks for it; one that begins with the folder already is returned as it is."""
    folder = get_script_prefix()
    return path if path.startswith(folder) else f"{folder.rstrip('/')}{path}"


def within(path: str) -> str:
    """Return a path that a browser asked for as our table of addresses has it."""
    folder = get_script_prefix()
    return f"/{path.removeprefix(folder)}" if path.startswith(folder) else path


def public(path: str) -> str:
    """Return a path of ours with the host in front, as others open it; the path alone where nobody said where we are."""
    parts = urlsplit(settings.HEADEND_PUBLIC_URL or "")
    return f"{parts.scheme}://{parts.netloc}{below(path)}" if parts.netloc else path
