"""Groups of channels and labels, as the API takes and shows them."""

from typing import Annotated, Any

from ninja import Schema
from pydantic import ConfigDict, Field

from orchestration.api.schemas.selection import NamesChannels
from orchestration.fields import Body, Reason, Text, Value, Word

Name = Annotated[Text, Field(min_length=1, max_length=80)]
Slug = Annotated[Text, Field(max_length=60, description="of a to z, 0 to 9, - and _")]
Description = Annotated[Text, Field(max_length=300)]


class NewGroup(NamesChannels):
    """A group, with channels or still empty."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "News", "channels": ["aurora", "label:de"]}]}
    )

    name: Name
    slug: Slug = Field("", description="empty: made of the name")
    description: Description = ""

    def with_chosen(self, *, enabled: bool = True, **without: Any) -> dict[str, Any]:
        """Return the body's values with the channels as ids."""
        return self.model_dump(exclude={"channels"}) | {"channel_ids": self.chosen(enabled=enabled) or []}


class ChangedGroup(Body):
    """What changes of a group; what is left out stays."""

    name: Name | None = None
    slug: Slug | None = None
    description: Description | None = None


class MemberChannels(NamesChannels):
    """Channels that come into a group, go out of it, or are in it."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"channels": ["aurora", "label:de"]}]})

    reason: Reason = ""

    def members(self) -> dict[str, Any]:
        """Return what the service takes; without a channel it says so, where one is needed."""
        return {"channel_ids": self.chosen(enabled=False) or [], "reason": self.reason}


class LabelledChannels(MemberChannels):
    """Labels, and the channels that they concern."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"labels": ["de", "live"], "channels": ["group:news"]}]}
    )

    labels: list[Word] = Field(max_length=20, description="of a to z, 0 to 9, - and _")

    def arguments(self) -> dict[str, Any]:
        """Return what the service takes."""
        return {"labels": self.labels, **self.members()}


class GroupOut(Schema):
    """Channels that are run together."""

    id: int
    slug: str
    name: str
    description: str
    members: int = Field(description="how many channels are in it")


class GroupChangeOut(Value):
    """What became of a group's channels."""

    group: GroupOut
    added: list[int] = Field(description="channels that came in, by id")
    removed: list[int] = Field(description="channels that went out, by id")


class LabelOut(Schema):
    """A word on channels."""

    id: int
    name: str
    members: int = Field(description="how many channels have it")


class LabelledOut(Value):
    """What became of labels."""

    changed: int = Field(description="on how many channels something changed")
