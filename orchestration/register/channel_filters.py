"""Filter lists by channels: in words as everywhere, or by group and label."""

from typing import Annotated, ClassVar

from django.db.models import Q, QuerySet
from ninja import FilterSchema
from pydantic import AfterValidator, Field

from channels.models import Channel
from orchestration.core import scope
from orchestration.errors import OrchestrationError
from orchestration.fields import Word
from orchestration.register import selection


def _known(words: list[str] | None) -> list[str] | None:
    """Return words as they are kept. Raises: ValueError, naming those that name nothing."""
    try:
        return selection.read(words).words() if words else words
    except OrchestrationError as error:
        raise ValueError(error.message) from error


def _groups(slugs: list[str] | None) -> list[str] | None:
    try:
        return [row.slug for row in scope.check_groups(slugs or ())] or slugs
    except OrchestrationError as error:
        raise ValueError(error.message) from error


def _labels(names: list[str] | None) -> list[str] | None:
    try:
        return [row.name for row in scope.check_labels(names or ())] or names
    except OrchestrationError as error:
        raise ValueError(error.message) from error


ChannelWords = Annotated[
    list[Word] | None,
    AfterValidator(_known),
    Field(
        description="channels in words: slugs, `group:SLUG`, `label:NAME`, `search:TEXT`; of all that are named"
    ),
]
GroupWords = Annotated[
    list[Word] | None, AfterValidator(_groups), Field(description="slug of a group that the channel is in")
]
LabelWords = Annotated[
    list[Word] | None, AfterValidator(_labels), Field(description="label that the channel has")
]


class OfChannels(FilterSchema):
    """Of rows that belong to a channel, or otherwise have to do with one (`on`)."""

    CHANNEL: ClassVar[str] = "channel"

    channels: ChannelWords = None
    group: GroupWords = None
    label: LabelWords = None

    @classmethod
    def on(cls, channels: QuerySet[Channel]) -> Q:
        """Return which rows belong to these channels."""
        return Q(**{f"{cls.CHANNEL}__in": channels.values("pk")})

    def filter_channels(self, words: list[str] | None) -> Q:
        """Keep what belongs to the channels that are named."""
        return self.on(selection.trusted(words).channels()) if words else Q()

    def filter_group(self, slugs: list[str] | None) -> Q:
        """Keep what belongs to channels in one of these groups."""
        return self.on(selection.Selection(groups=tuple(slugs)).channels()) if slugs else Q()

    def filter_label(self, names: list[str] | None) -> Q:
        """Keep what belongs to channels with one of these labels."""
        return self.on(selection.Selection(labels=tuple(names)).channels()) if names else Q()
