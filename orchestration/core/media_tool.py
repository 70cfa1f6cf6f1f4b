"""Say which ffmpeg this installation prepares with, and what an operator should know of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from django.conf import settings

from orchestration.media.errors import ToolMissing
from orchestration.media.tools import ffmpeg_tool

ORIGINS = {
    "wheel": "the tested one",
    "system": "this machine's own, by HEADEND_FFMPEG",
    "environment": "named by HEADEND_FFMPEG",
}


@dataclass(frozen=True, slots=True)
class ToolSaid:
    """What is said of the ffmpeg in use; `warning` is empty where all is well."""

    text: str
    warning: str


def describe() -> ToolSaid:
    """Return what is known of the ffmpeg in use. It is asked once a process."""
    return _describe(settings.HEADEND_FFMPEG or None)


@lru_cache(maxsize=4)
def _describe(configured: str | None) -> ToolSaid:
    try:
        tool = ffmpeg_tool(configured)
    except ToolMissing as error:
        return ToolSaid("no ffmpeg", str(error))
    return ToolSaid(f"ffmpeg {tool.version}, {ORIGINS[tool.origin]}", tool.warning)
