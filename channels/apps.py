"""The channels app."""

from django.apps import AppConfig


class ChannelsConfig(AppConfig):
    """Register the channels app."""

    name = "channels"
