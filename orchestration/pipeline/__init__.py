"""Carry a video from a source to a private upload."""

from orchestration.pipeline.triggering import trigger

__all__ = ["trigger"]
