"""Say which addresses of others may become a link: one rule where they are taken, and again where they are shown."""

from typing import Any
from urllib.parse import urlsplit

from channels.text import control_in

LONGEST_LINK = 500


def web_link(address: Any) -> str:
    """Return an address of another system's if it may become a link on a page: http or https, with a host; else nothing."""
    text = str(address or "")
    try:
        parts = urlsplit(text)
        is_web = parts.scheme in {"http", "https"} and bool(parts.hostname)
    except ValueError:
        return ""
    return text if is_web and len(text) <= LONGEST_LINK and not control_in(text) and " " not in text else ""
